package cinterop_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// examples is where Debian's libpmemobj-dev puts PMDK's examples.
const examples = "/usr/share/doc/libpmemobj-dev/examples"

// binaries is the folder that programs are built into.
var binaries string

// program is one of PMDK's C examples.
type program struct {
	name    string
	sources []string // in examples, as are the folders with headers
	headers []string
	build   sync.Once
	err     error
}

func newProgram(name, sources, headers string) *program {
	return &program{name: name, sources: strings.Fields(sources), headers: strings.Fields(headers)}
}

// compile builds the program against the PMDK that Go programs are linked
// with: the vendored one if there is one, or else the system's.
func (p *program) compile() error {
	pmdk, err := filepath.Abs("../../third_party/pmdk")
	if err != nil {
		return err
	}
	cc, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		return fmt.Errorf("go env CC: %w", err)
	}
	command := strings.Fields(string(cc))
	args := append(command[1:], "-O1", "-w", "-o", p.path(), "-I", "testdata", "-I", pmdk+"/include", "-I", examples)
	for _, dir := range p.headers {
		args = append(args, "-I", filepath.Join(examples, dir))
	}
	for _, source := range p.sources {
		args = append(args, filepath.Join(examples, source))
	}
	// PMDK's archives want libndctl, or what Go programs have in its place.
	args = append(args, filepath.Join(pmdk, "ndctl.c"), "-L"+pmdk+"/lib", "-l:libpmemobj.a", "-l:libpmem.a", "-ldl", "-lpthread")
	out, err := exec.Command(command[0], args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", p.name, err, out)
	}
	return nil
}

func (p *program) path() string { return filepath.Join(binaries, p.name) }

// run runs the program and returns what it prints. It must succeed.
func (p *program) run(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	p.needed(t)
	cmd := exec.Command(p.path(), args...)
	// Its pools lie where ours do, flushed as ours are.
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1")
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "%s %q: %s", p.name, args, &complaints)
	require.Empty(t, complaints.String(), "%s %q", p.name, args)
	return out.String()
}

// needed builds the program, or skips the test where that cannot be done.
func (p *program) needed(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(examples); err != nil {
		t.Skipf("PMDK's C examples, which come with Debian's libpmemobj-dev, are not installed: %v", err)
	}
	p.build.Do(func() { p.err = p.compile() })
	require.NoError(t, p.err)
}

// createPool makes a pool for a C program to open. When the test ends, it is
// closed and checked.
func createPool(t *testing.T, path, layout string) *libpmemobj.Pool {
	t.Helper()
	p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(testpool.Size),
		libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	closeAtEnd(t, p)
	return p
}

// openPool opens a pool that a C program has changed, having looked through
// all of its heap.
func openPool(t *testing.T, path, layout string) *libpmemobj.Pool {
	t.Helper()
	p, err := libpmemobj.Open(path, layout, libpmemobj.WithVerify(),
		libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	closeAtEnd(t, p)
	return p
}

func closeAtEnd(t *testing.T, p *libpmemobj.Pool) {
	t.Cleanup(func() {
		if testpool.Close(t, p) {
			testpool.Check(t, p.Path())
		}
	})
}

func rootOf[T any](t *testing.T, p *libpmemobj.Pool) *T {
	t.Helper()
	root, err := libpmemobj.Root[T](p)
	require.NoError(t, err)
	return root.Get()
}

// objectsOf counts the objects with T's type number.
func objectsOf[T any](p *libpmemobj.Pool) (n int) {
	for range libpmemobj.ObjectsOf[T](p) {
		n++
	}
	return n
}
