package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fuzzpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// bag differs from box by its parameter alone.
var bag = directory.Kind{Name: box.Name, Version: box.Version, Param: 16, Types: "[uint128]"}

// named is what the model knows of a name.
type named struct {
	kind directory.Kind
	off  uint64 // of a box or a bag
	sum  int64  // in a counter
}

// kindNamed are the kinds that the fuzzer makes; the last one is a container.
var kindNamed = []directory.Kind{box, bag, {Name: "counter.Sharded", Version: 1}}

// fuzzed is a pool beside a model of its directory.
type fuzzed struct {
	*fuzzpool.Pool
	model map[string]named
}

// fuzzName makes names of all lengths, enough of them for three chunks.
func fuzzName(b byte) string {
	n := int(b) % 50
	return fmt.Sprintf("%d%s", n, strings.Repeat("x", n*7%(directory.MaxName-1)))
}

// open opens a name as a kind, makes it if it is not there, and finds what the
// model says.
func (f *fuzzed) open(t *testing.T, name string, k directory.Kind) {
	have, there := f.model[name]
	var off uint64
	var n *counter.Sharded
	var err error
	if k.Name == box.Name {
		off, err = directory.Open(f.Pool.Pool, name, k, newBox)
	} else {
		n, err = counter.Open(f.Pool.Pool, name)
	}
	if there && have.kind != k {
		var wrong *directory.KindError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, have.kind, wrong.Have)
		require.Equal(t, k, wrong.Want)
		return
	}
	require.NoError(t, err)
	if !there {
		for other, o := range f.model {
			require.False(t, off != 0 && o.off == off, "%q and %q are one object", name, other)
		}
		have = named{kind: k, off: off}
	}
	require.Equal(t, have.off, off)
	if n != nil {
		sum, err := n.Load()
		require.NoError(t, err)
		require.Equal(t, have.sum, sum, name)
		require.NoError(t, n.Add(3))
		have.sum += 3
	}
	f.model[name] = have
}

func (f *fuzzed) remove(t *testing.T, name string) {
	_, there := f.model[name]
	err := directory.Remove(f.Pool.Pool, name)
	if !there {
		require.ErrorIs(t, err, directory.ErrNotFound)
		return
	}
	require.NoError(t, err)
	delete(f.model, name)
}

// breakOff makes an object whose creation fails.
func (f *fuzzed) breakOff(t *testing.T, name string) {
	broken := errors.New("broken")
	_, err := directory.Open(f.Pool.Pool, name, box, func(tx *libpmemobj.Tx) (uint64, error) {
		_, err := newBox(tx)
		return 0, errors.Join(err, broken)
	})
	have, there := f.model[name]
	switch {
	case !there:
		require.ErrorIs(t, err, broken)
	case have.kind != box:
		var wrong *directory.KindError
		require.ErrorAs(t, err, &wrong)
	default:
		require.NoError(t, err)
	}
}

// inUpdate looks for a name in a transaction, which cannot make or remove it.
func (f *fuzzed) inUpdate(t *testing.T, name string) {
	have, there := f.model[name]
	require.NoError(t, f.Update(func(*libpmemobj.Tx) error {
		require.ErrorIs(t, directory.Remove(f.Pool.Pool, name), libpmemobj.ErrInTx)
		_, err := directory.Open(f.Pool.Pool, name, box, newBox)
		switch {
		case !there:
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
		case have.kind == box:
			require.NoError(t, err)
		default:
			require.Error(t, err)
		}
		return nil
	}))
}

// list compares the directory with the model.
func (f *fuzzed) list(t *testing.T) {
	got := map[string]directory.Kind{}
	for e, err := range directory.List(f.Pool.Pool) {
		require.NoError(t, err)
		require.NotContains(t, got, e.Name, "it comes twice")
		require.EqualValues(t, 1, e.Entries)
		got[e.Name] = e.Kind
	}
	require.Len(t, got, len(f.model))
	for name, have := range f.model {
		require.Equal(t, have.kind, got[name], name)
		off, err := directory.Lookup(f.Pool.Pool, name, have.kind)
		require.NoError(t, err)
		require.True(t, have.off == 0 || have.off == off)
	}
}

// clear removes all names, and finds nothing left.
func (f *fuzzed) clear(t *testing.T) {
	for name := range f.model {
		f.remove(t, name)
	}
	f.list(t)
	requireNothingLeft(t, f.Pool.Pool)
}

// requireNothingLeft fails if there is any object beside an empty table.
func requireNothingLeft(t testing.TB, p *libpmemobj.Pool) {
	t.Helper()
	chunks, err := directory.Chunks(p)
	require.NoError(t, err)
	objects := 0
	for range p.Objects() {
		objects++
	}
	require.Equal(t, chunks, objects, "the table's chunks are all that should be left")
}

// FuzzDirectory does what its input says: each byte is an operation, and the
// one after it chooses the name.
func FuzzDirectory(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x01\x02\x01\x03\x01\x06\x00\x07\x00\x00\x01"))
	f.Add([]byte("\x02\x05\x02\x05\x07\x00\x02\x05\x03\x05\x02\x05\x04\x05\x05\x05"))
	var many []byte
	for i := range byte(50) {
		many = append(many, i%3, i)
	}
	for i := range byte(50) {
		many = append(many, 3+i%3, i*3)
	}
	f.Add(append(many, 7, 0, 6, 0))
	p := fuzzpool.NewShared(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		d := &fuzzed{p, map[string]named{}}
		for reopened := 0; len(input) >= 2; input = input[2:] {
			name := fuzzName(input[1])
			switch op := input[0] % 8; op {
			case 0, 1, 2:
				d.open(t, name, kindNamed[op])
			case 3:
				d.remove(t, name)
			case 4:
				d.breakOff(t, name)
			case 5:
				d.inUpdate(t, name)
			case 6:
				d.list(t)
			case 7:
				if reopened++; reopened <= 3 {
					d.Reopen(t)
				}
			}
		}
		d.list(t)
		d.clear(t)
	})
}
