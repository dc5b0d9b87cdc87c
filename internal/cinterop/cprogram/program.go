package cprogram

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Program is one of PMDK's C examples, or one of our own.
type Program struct {
	Name string

	library string
	folder  string   // of the sources, and of the folders with headers
	sources []string // files in folder, as are the headers
	headers []string
	ours    bool
	build   sync.Once
	err     error
}

// New names the example of a library, for example libpmemlog, that consists of
// the sources. Both they and the folders with headers are given in the folder of
// the library's examples, separated by blanks.
func New(library, name, sources, headers string) *Program {
	return &Program{
		Name: name, library: library, folder: filepath.Join("/usr/share/doc", library+"-dev", "examples"),
		sources: strings.Fields(sources), headers: strings.Fields(headers),
	}
}

// NewOwn names a program of our own for a library, whose sources lie in a folder
// beside the test. The compiler's warnings are errors in it.
func NewOwn(library, name, folder, sources string) *Program {
	return &Program{Name: name, library: library, folder: folder, sources: strings.Fields(sources), ours: true}
}

// Needed builds the program, or skips the test where that cannot be done.
func (p *Program) Needed(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(p.folder); err != nil && !p.ours {
		t.Skipf("PMDK's C examples, which come with Debian's %s-dev, are not installed: %v", p.library, err)
	}
	p.build.Do(func() { p.err = p.compile() })
	require.NoError(t, p.err)
}

// Command is the program with arguments, for Output.
func (p *Program) Command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	p.Needed(t)
	cmd := exec.Command(p.path(), args...)
	// Its pools lie where ours do, flushed as ours are. Times that it prints do
	// not depend on where it runs.
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1", "TZ=UTC")
	return cmd
}

// Output runs a command and returns what it prints. It must succeed, without
// complaints.
func Output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "%q: %s", cmd.Args, &complaints)
	require.Empty(t, complaints.String(), "%q", cmd.Args)
	return out.String()
}

// Run is Output of the program's Command.
func (p *Program) Run(t testing.TB, args ...string) string {
	t.Helper()
	return Output(t, p.Command(t, args...))
}

// Fail runs the program, which must fail, and returns all that it prints.
func (p *Program) Fail(t testing.TB, args ...string) string {
	t.Helper()
	out, err := p.Command(t, args...).CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s %q: %s", p.Name, args, out)
	return string(out)
}
