package cgoutil_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that go vet reports a copy of a handle: NoCopy has no other effect.
func TestNoCopyIsSeenByVet(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not on PATH")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	source := `package cgoutil

type handle struct{ _ NoCopy }

func copied(h handle) {}
`
	// An overlay puts the file into the package without writing there.
	file := filepath.Join(dir, "copied.go")
	require.NoError(t, os.WriteFile(file, []byte(source), 0o600))
	overlay := filepath.Join(dir, "overlay.json")
	inModule := filepath.Join(root, "cgoutil", "copied.go")
	require.NoError(t, os.WriteFile(overlay, []byte(`{"Replace":{"`+inModule+`":"`+file+`"}}`), 0o600))

	cmd := exec.Command(goTool, "vet", "-overlay", overlay, "./cgoutil")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), "copied passes lock by value")
	assert.Contains(t, string(out), "cgoutil.NoCopy")
}
