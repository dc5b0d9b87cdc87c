package blk_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

// examples is where Debian's libpmemblk-dev puts PMDK's examples.
const examples = "/usr/share/doc/libpmemblk-dev/examples/assetdb"

// binaries is the folder that programs are built into.
var binaries string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cinterop-blk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries = dir
	code := leaktest.Run(m, os.Stderr)
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is one of PMDK's C examples.
type program struct {
	name  string
	build sync.Once
	err   error
}

// compile builds the program against the PMDK that Go programs are linked
// with: the vendored one if there is one, or else the system's.
func (p *program) compile() error {
	pmdk, err := filepath.Abs("../../../third_party/pmdk")
	if err != nil {
		return err
	}
	cc, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		return fmt.Errorf("go env CC: %w", err)
	}
	command := strings.Fields(string(cc))
	// PMDK's archives want libndctl, or what Go programs have in its place.
	args := append(command[1:], "-O1", "-w", "-o", p.path(), "-I", "testdata", "-I", pmdk+"/include",
		filepath.Join(examples, p.name+".c"), filepath.Join(pmdk, "ndctl.c"),
		"-L"+pmdk+"/lib", "-l:libpmemblk.a", "-l:libpmem.a", "-ldl", "-lpthread")
	out, err := exec.Command(command[0], args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", p.name, err, out)
	}
	return nil
}

func (p *program) path() string { return filepath.Join(binaries, p.name) }

// run runs the program and returns what it prints. It must succeed.
func (p *program) run(t *testing.T, args ...string) string {
	t.Helper()
	p.needed(t)
	cmd := exec.Command(p.path(), args...)
	// Its pools lie where ours do, flushed as ours are.
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1")
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "%s %q: %s", p.name, args, &complaints)
	require.Empty(t, complaints.String(), "%s %q", p.name, args)
	return out.String()
}

// fail runs the program, which must fail, and returns its complaints.
func (p *program) fail(t *testing.T, args ...string) string {
	t.Helper()
	p.needed(t)
	out, err := exec.Command(p.path(), args...).CombinedOutput()
	require.Error(t, err)
	return string(out)
}

// needed builds the program, or skips the test where that cannot be done.
func (p *program) needed(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(examples); err != nil {
		t.Skipf("PMDK's C examples, which come with Debian's libpmemblk-dev, are not installed: %v", err)
	}
	p.build.Do(func() { p.err = p.compile() })
	require.NoError(t, p.err)
}
