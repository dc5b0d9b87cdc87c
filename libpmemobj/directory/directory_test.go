package directory_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

var box = directory.Kind{Name: "test.Box", Version: 1, Param: 8, Types: "[uint64]"}

func init() {
	directory.Register(box.Name, directory.Handler{
		Stat: func(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
			n, err := p.UsableSize(libpmemobj.OID{Pool: p.UUID(), Off: off})
			return directory.Stat{Entries: 1, Bytes: int64(n)}, err
		},
		Free: func(tx *libpmemobj.Tx, off uint64) error {
			return tx.Free(libpmemobj.OID{Pool: tx.Pool().UUID(), Off: off})
		},
	})
}

func newBox(tx *libpmemobj.Tx) (uint64, error) {
	ptr, err := libpmemobj.NewZeroed[[8]uint64](tx)
	return ptr.OID().Off, err
}

func objects(p *libpmemobj.Pool) int {
	n := 0
	for range p.Objects() {
		n++
	}
	return n
}

func names(t *testing.T, p *libpmemobj.Pool) []string {
	t.Helper()
	var all []string
	for e, err := range directory.List(p) {
		require.NoError(t, err)
		require.Equal(t, box, e.Kind)
		require.Equal(t, directory.Stat{Entries: 1, Bytes: 64 + 48}, e.Stat)
		all = append(all, e.Name)
	}
	slices.Sort(all)
	return all
}

// Ensure that a name stands for one object, over restarts, and can be removed.
func TestOpen(t *testing.T) {
	p := testpool.New(t)
	require.Empty(t, names(t, p))
	_, err := directory.Lookup(p, "a", box)
	require.ErrorIs(t, err, directory.ErrNotFound)

	longest := strings.Repeat("x", directory.MaxName)
	a, err := directory.Open(p, "a", box, newBox)
	require.NoError(t, err)
	b, err := directory.Open(p, longest, box, newBox)
	require.NoError(t, err)
	require.NotEqual(t, a, b)
	require.Equal(t, []string{"a", longest}, names(t, p))

	p = testpool.Reopen(t, p)
	require.Equal(t, []string{"a", longest}, names(t, p))
	again, err := directory.Open(p, "a", box, nil)
	require.NoError(t, err)
	require.Equal(t, a, again)
	again, err = directory.Lookup(p, longest, box)
	require.NoError(t, err)
	require.Equal(t, b, again)

	require.NoError(t, directory.Remove(p, "a"))
	require.Equal(t, []string{longest}, names(t, p))
	require.ErrorIs(t, directory.Remove(p, "a"), directory.ErrNotFound)
	require.NoError(t, directory.Remove(p, longest))
	require.Empty(t, names(t, p))
	require.Equal(t, 1, objects(p), "the table's chunk alone should be left") // the root is not among them
	require.NoError(t, p.Close())
	_, err = directory.Open(p, "a", box, newBox)
	require.ErrorIs(t, err, libpmemobj.ErrClosed)
}

// Ensure that what has another kind, version or parameter is refused by an
// error that names both.
func TestOpenWrongKind(t *testing.T) {
	p := testpool.New(t)
	_, err := directory.Open(p, "a", box, newBox)
	require.NoError(t, err)
	tests := []struct {
		kind directory.Kind
		want string
	}{
		{directory.Kind{Name: "test.Bag", Version: 1, Param: 8, Types: "[uint64]"}, `"a" in pool POOL is a test.Box[uint64] version 1, not a test.Bag[uint64] version 1`},
		{directory.Kind{Name: "test.Box", Version: 2, Param: 8, Types: "[uint64]"}, `is a test.Box[uint64] version 1, not a test.Box[uint64] version 2`},
		{directory.Kind{Name: "test.Box", Version: 1, Param: 4, Types: "[uint32]"}, `is a test.Box[uint64] version 1, not a test.Box[uint32] version 1 (parameter 0x8, not 0x4)`},
	}
	for _, tt := range tests {
		_, err := directory.Open(p, "a", tt.kind, newBox)
		var wrong *directory.KindError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, box, wrong.Have)
		require.Equal(t, tt.kind, wrong.Want)
		require.ErrorContains(t, err, strings.ReplaceAll(tt.want, "POOL", p.Path()))
	}
}

// Ensure that names and kinds that cannot be kept are refused, and that a failed
// creation leaves nothing.
func TestOpenMisuse(t *testing.T) {
	p := testpool.New(t)
	_, err := directory.Open(p, "", box, newBox)
	require.ErrorContains(t, err, "must not be empty")
	_, err = directory.Open(p, strings.Repeat("x", directory.MaxName+1), box, newBox)
	require.ErrorContains(t, err, "has 65 bytes; at most 64")
	_, err = directory.Lookup(p, "a", directory.Kind{Name: strings.Repeat("k", 33)})
	require.ErrorContains(t, err, "1 to 32 bytes")

	broken := errors.New("broken")
	_, err = directory.Open(p, "a", box, func(tx *libpmemobj.Tx) (uint64, error) {
		_, err := newBox(tx)
		require.NoError(t, err)
		return 0, broken
	})
	require.ErrorIs(t, err, broken)
	_, err = directory.Open(p, "a", box, func(*libpmemobj.Tx) (uint64, error) { return 0, nil })
	require.ErrorContains(t, err, "made no object")
	require.Empty(t, names(t, p))
	for oid := range p.Objects() {
		t.Error("left behind:", oid)
	}

	_, err = directory.Open(p, "a", box, newBox)
	require.NoError(t, err)
	require.NoError(t, p.Update(func(*libpmemobj.Tx) error {
		_, err := directory.Open(p, "b", box, newBox)
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		_, err = directory.Open(p, "a", box, newBox)
		require.NoError(t, err)
		require.ErrorIs(t, directory.Remove(p, "a"), libpmemobj.ErrInTx)
		return nil
	}))

	_, err = directory.Open(p, "strange", directory.Kind{Name: "strange"}, newBox)
	require.NoError(t, err)
	require.ErrorContains(t, directory.Remove(p, "strange"), `"strange" in pool `+p.Path()+` is a strange version 0, which this program does not know how to free`)
	require.Panics(t, func() { directory.Register(box.Name, directory.Handler{}) })
}

// Ensure that an object whose size cannot be found out is listed with the
// reason, and does not hide the others.
func TestListBroken(t *testing.T) {
	broken := errors.New("broken")
	directory.Register("test.Broken", directory.Handler{
		Stat: func(*libpmemobj.Pool, uint64) (directory.Stat, error) { return directory.Stat{}, broken },
	})
	p := testpool.New(t)
	for name, k := range map[string]directory.Kind{"a": box, "b": {Name: "test.Broken"}, "c": {Name: "unknown"}, "d": box} {
		_, err := directory.Open(p, name, k, newBox)
		require.NoError(t, err)
	}
	unknown := directory.Stat{Entries: -1, Bytes: -1}
	sizes := map[string]directory.Stat{}
	for e, err := range directory.List(p) {
		require.Equal(t, e.Name == "b", errors.Is(err, broken), "%v", err)
		require.NotZero(t, e.Off)
		sizes[e.Name] = e.Stat
	}
	known := directory.Stat{Entries: 1, Bytes: 64 + 48}
	require.Equal(t, map[string]directory.Stat{"a": known, "b": unknown, "c": unknown, "d": known}, sizes)
}

type ownRoot struct {
	Directory directory.Root
	Mine      uint64
}

// Ensure that a program can have a root object of its own beside the
// directory, from the beginning or later, and that another one is not
// overwritten.
func TestEmbed(t *testing.T) {
	t.Run("first", func(t *testing.T) {
		p := testpool.New(t)
		root, err := directory.Embed[ownRoot](p)
		require.NoError(t, err)
		require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { root.Mut(tx).Mine = 5; return nil }))
		a, err := directory.Open(p, "a", box, newBox)
		require.NoError(t, err)
		p = testpool.Reopen(t, p)
		root, err = directory.Embed[ownRoot](p)
		require.NoError(t, err)
		require.EqualValues(t, 5, root.Get().Mine)
		again, err := directory.Open(p, "a", box, nil)
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
	t.Run("later", func(t *testing.T) {
		p := testpool.New(t)
		a, err := directory.Open(p, "a", box, newBox)
		require.NoError(t, err)
		root, err := directory.Embed[ownRoot](p)
		require.NoError(t, err)
		require.Zero(t, root.Get().Mine)
		again, err := directory.Open(p, "a", box, nil)
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
	t.Run("foreign", func(t *testing.T) {
		for _, size := range []string{"small", "zero", "large"} {
			p := testpool.New(t)
			var err error
			switch size {
			case "small":
				_, err = libpmemobj.Root[uint64](p)
			case "zero":
				_, err = libpmemobj.Root[[100]uint64](p)
			case "large":
				root, err := libpmemobj.Root[[100]uint64](p)
				require.NoError(t, err)
				require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error { root.Mut(tx)[0] = 1; return nil }))
			}
			require.NoError(t, err)
			_, err = directory.Open(p, "a", box, newBox)
			require.ErrorContains(t, err, "does not begin with a directory", size)
			require.ErrorContains(t, err, "directory.Embed")
			if size == "large" {
				_, err = directory.Embed[struct {
					Directory directory.Root
					_         [100]uint64
				}](p)
				require.ErrorContains(t, err, "it begins with 0x0000000000000001")
			}
		}
	})
	_, err := directory.Embed[struct{ Mine uint64 }](testpool.New(t))
	var wrong *libpmemobj.TypeError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "directory.Root as its first field")
}

// Ensure that many names over several chunks behave like a map, while other
// goroutines look for them.
func TestModel(t *testing.T) {
	p := testpool.New(t)
	model := map[string]bool{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				for _, err := range directory.List(p) {
					if err != nil && !errors.Is(err, libpmemobj.ErrNotLive) { // removed meanwhile
						t.Error(err)
					}
				}
			}
		}
	})
	for i := range 300 {
		name := fmt.Sprint(i * 7 % 90)
		if i%4 == 3 {
			err := directory.Remove(p, name)
			require.Equal(t, model[name], err == nil, "%v", err)
			delete(model, name)
			continue
		}
		_, err := directory.Open(p, name, box, newBox)
		require.NoError(t, err)
		model[name] = true
	}
	close(stop)
	wg.Wait()
	require.Equal(t, slices.Sorted(maps.Keys(model)), names(t, p))
	require.Equal(t, slices.Sorted(maps.Keys(model)), names(t, testpool.Reopen(t, p)))
}

// Ensure that goroutines that create one name get one object.
func TestOpenInParallel(t *testing.T) {
	p := testpool.New(t)
	var mu sync.Mutex
	offs := map[string]map[uint64]bool{}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				name := fmt.Sprint(i)
				off, err := directory.Open(p, name, box, newBox)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if offs[name] == nil {
					offs[name] = map[uint64]bool{}
				}
				offs[name][off] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, offs, 50)
	for name, set := range offs {
		require.Len(t, set, 1, name)
	}
}
