package cinterop_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

// newProgram is one of libpmemobj's examples.
func newProgram(name, sources, headers string) *cprogram.Program {
	return cprogram.New("libpmemobj", name, sources, headers)
}

// run runs a program with input and returns what it prints. It must succeed.
func run(t *testing.T, p *cprogram.Program, stdin string, args ...string) string {
	t.Helper()
	cmd := p.Command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return cprogram.Output(t, cmd)
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
