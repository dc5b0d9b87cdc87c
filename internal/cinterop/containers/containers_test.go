package containers_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/cinterop/cprogram"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

func TestMain(m *testing.M) { cprogram.Main(m) }

var program = cprogram.NewOwn("libpmemobj", "containers", "c",
	"main.c pool.c hashmap.c vector.c ring.c counter.c radix.c")

// errUndo rolls a transaction back.
var errUndo = errors.New("undo")

// kinds are what fills a pool: each makes its containers, and returns a
// function that prints them as the program does.
var kinds = []func(t *testing.T, p *libpmemobj.Pool, rnd *rand.Rand) func(p *libpmemobj.Pool, out *lines){
	fillMaps, fillBytes, fillVectors, fillCounters, fillLogs, fillQueues, fillRadix,
}

// lines is what the program prints, in any order.
type lines struct{ all []string }

func (l *lines) add(format string, args ...any) { l.all = append(l.all, fmt.Sprintf(format, args...)) }

// memory is a value as it lies in memory: little-endian, without gaps.
func memory(v any) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(err) // a type that is not of fixed size
	}
	return b.Bytes()
}

// undone runs f in a transaction that is rolled back.
func undone(t *testing.T, p *libpmemobj.Pool, f func(tx *libpmemobj.Tx) error) {
	t.Helper()
	require.ErrorIs(t, p.Update(func(tx *libpmemobj.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return errUndo
	}), errUndo)
}

// printed is what Go has to say of a pool.
func printed(t *testing.T, p *libpmemobj.Pool, prints []func(p *libpmemobj.Pool, out *lines)) []string {
	t.Helper()
	var out lines
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		out.add("%s\tis\t%s\t%d\t%x\t%s", e.Name, e.Kind.Name, e.Kind.Version, e.Kind.Param, e.Kind.Types)
	}
	for _, print := range prints {
		print(p, &out)
	}
	slices.Sort(out.all)
	return out.all
}

// ownRoot is a root object of the program's own.
type ownRoot struct {
	Directory directory.Root
	Mine      [50]uint64
}

// Ensure that a program in C, which knows the documentation alone, finds in a
// pool what Go has left there: in containers that are empty, small and large,
// after growth, removals and transactions that were rolled back. With more, the
// pool has a root object of its own, and was opened again before.
func TestContainers(t *testing.T) {
	for _, more := range []bool{true, false} {
		if !more && testing.Short() {
			break
		}
		t.Run(fmt.Sprintf("more=%v", more), func(t *testing.T) {
			program.Needed(t)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			path := testpool.Path(t)
			p := testpool.Create(t, path, libpmemobj.WithSize(128<<20))
			if more {
				root, err := directory.Embed[ownRoot](p)
				require.NoError(t, err)
				require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
					root.Mut(tx).Mine[49] = 5
					return nil
				}))
			}
			var prints []func(p *libpmemobj.Pool, out *lines)
			for _, fill := range kinds {
				prints = append(prints, fill(t, p, rnd))
			}
			manyNames(t, p)
			if more {
				p = testpool.Reopen(t, p)
			}
			want := printed(t, p, prints)
			require.NoError(t, p.Close())

			got := strings.Split(strings.TrimSuffix(program.Run(t, path, testpool.Layout), "\n"), "\n")
			slices.Sort(got)
			require.Greater(t, len(want), 1000)
			require.Equal(t, len(want), len(got))
			for i := range want {
				require.Equal(t, want[i], got[i])
			}
			p = testpool.Open(t, path)
			require.Equal(t, want, printed(t, p, prints), "C has changed something")
		})
	}
}

// boxKind is a kind that the program does not know.
var boxKind = directory.Kind{Name: strings.Repeat("k", directory.MaxKind), Version: 7, Param: 1<<63 + 5, Types: "[" + strings.Repeat("t", 70) + "]"}

func init() {
	directory.Register(boxKind.Name, directory.Handler{Free: func(tx *libpmemobj.Tx, off uint64) error {
		return tx.Free(libpmemobj.OID{Pool: tx.Pool().UUID(), Off: off})
	}})
}

// manyNames fills three chunks of the directory, and leaves gaps.
func manyNames(t *testing.T, p *libpmemobj.Pool) {
	t.Helper()
	name := func(i int) string { return fmt.Sprintf("%d%s", i, strings.Repeat("n", i)) }
	for i := range 50 {
		_, err := directory.Open(p, name(i), boxKind, func(tx *libpmemobj.Tx) (uint64, error) {
			ptr, err := libpmemobj.NewZeroed[uint64](tx)
			return ptr.OID().Off, err
		})
		require.NoError(t, err)
	}
	for i := 0; i < 50; i += 3 {
		require.NoError(t, directory.Remove(p, name(i)))
	}
}

// Ensure that the program notices what is not as documented.
func TestDamage(t *testing.T) {
	path := testpool.Path(t)
	p := testpool.Create(t, path)
	_, err := directory.Open(p, "v", boxKind, func(tx *libpmemobj.Tx) (uint64, error) {
		ptr, err := libpmemobj.NewZeroed[[100]uint64](tx)
		return ptr.OID().Off, err
	})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	program.Run(t, path, testpool.Layout)

	p = testpool.Open(t, path)
	_, err = directory.Open(p, "w", directory.Kind{Name: "vector.Vector", Version: 1}, func(tx *libpmemobj.Tx) (uint64, error) {
		ptr, err := libpmemobj.NewZeroed[[100]uint64](tx)
		return ptr.OID().Off, err
	})
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.Contains(t, program.Fail(t, path, testpool.Layout), "not as documented: PMGOVEC1: 0")
	require.Contains(t, program.Fail(t, path, "another layout"), "pool: ")
}
