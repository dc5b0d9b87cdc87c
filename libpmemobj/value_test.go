package libpmemobj_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// valueRoot is the root object of the tests of String, Bytes and Slice.
type valueRoot struct {
	Name  String
	Blob  Bytes
	Words Slice[uint64]
	Small Slice[uint32]
	Odds  Slice[valueOdd]
	Users Slice[valueUser]
	User  Ptr[valueUser]
}

// valueOdd has a size that is no number of words.
type valueOdd struct {
	A uint32
	B [2]uint16
	C uint32
}

// valueUser is what a program would keep.
type valueUser struct {
	ID     uint64
	Name   String
	Avatar Bytes
	Scores Slice[uint32]
}

func valueRootOf(t testing.TB, p *Pool) *valueRoot {
	t.Helper()
	root, err := Root[valueRoot](p)
	require.NoError(t, err)
	return root.Get()
}

// valueWays are the two ways to change a value.
var valueWays = []struct {
	name string
	do   func(p *Pool, f func(c Change) error) error
}{
	{"Update", func(p *Pool, f func(c Change) error) error {
		return p.Update(func(tx *Tx) error { return f(tx) })
	}},
	{"Publish", func(p *Pool, f func(c Change) error) error {
		return p.Publish(func(a *Actions) error { return f(a) })
	}},
}

// eachValueWay runs a test for both.
func eachValueWay(t *testing.T, test func(t *testing.T, p *Pool, r *valueRoot, change func(f func(c Change) error) error)) {
	t.Helper()
	for _, w := range valueWays {
		t.Run(w.name, func(t *testing.T) {
			p := testpool.New(t)
			test(t, p, valueRootOf(t, p), func(f func(c Change) error) error { return w.do(p, f) })
		})
	}
}

func BenchmarkValue(b *testing.B) {
	p := testpool.New(b, WithSize(64<<20))
	r := valueRootOf(b, p)
	run := func(name string, f func(c Change) error) {
		for _, w := range valueWays {
			b.Run(name+"/"+w.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := w.do(p, f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	for _, n := range []int{10, 100, 900, 4000} {
		values := []string{strings.Repeat("a", n), strings.Repeat("b", n)}
		i := 0
		run(fmt.Sprintf("set/%d", n), func(c Change) error {
			i++
			return r.Name.Set(c, values[i%2])
		})
	}
	run("append", func(c Change) error {
		if r.Words.Len() == 100_000 {
			return r.Words.Truncate(c, 0)
		}
		return r.Words.Append(c, 1)
	})
	run("append first", func(c Change) error {
		if err := r.Small.Free(c); err != nil {
			return err
		}
		return r.Small.Append(c, 1)
	})
	run("set element", func(c Change) error { return r.Words.Set(c, 7, 9) })
	for name, view := range map[string]func() int{
		"string": func() int { return len(r.Name.View(p)) },
		"slice":  func() int { return len(r.Words.View(p)) },
	} {
		require.NoError(b, p.Update(func(tx *Tx) error { return errors.Join(r.Name.Set(tx, "Ada"), r.Words.Append(tx, 1)) }))
		b.Run("view/"+name, func(b *testing.B) {
			for b.Loop() {
				if view() == 0 {
					b.Fatal("nothing was read")
				}
			}
		})
	}
}

// Ensure that values are changed and read without memory of the Go heap.
func TestValueGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t, WithSize(8*testpool.Size))
	r := valueRootOf(t, p)
	values := []string{"short", strings.Repeat("long", 30)}
	blob := []byte(values[1])
	total, i := 0, 0
	require.NoError(t, p.Update(func(tx *Tx) error { return r.Words.Append(tx, 1, 2) }))
	do := map[string]func(c Change) error{
		"set":    func(c Change) error { i++; return r.Name.Set(c, values[i%2]) },
		"bytes":  func(c Change) error { i++; return r.Blob.Set(c, blob[:10+i%50]) },
		"append": func(c Change) error { i++; return r.Words.Append(c, uint64(i), 2, 3) },
		"element": func(c Change) error {
			return r.Words.Set(c, 0, 12)
		},
		"odd element": func(c Change) error {
			if r.Odds.Len() < 2 {
				return r.Odds.Append(c, valueOdd{}, valueOdd{})
			}
			return r.Odds.Set(c, 1, valueOdd{A: 1})
		},
		"cut": func(c Change) error {
			if err := r.Words.Truncate(c, 1); err != nil {
				return err
			}
			return r.Words.Append(c, 1)
		},
	}
	for name, f := range do {
		for _, w := range valueWays {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				if w.name == "Publish" && raceDetector {
					t.Skip("the race detector makes sync.Pool forget")
				}
				require.Zero(t, testing.AllocsPerRun(200, func() {
					if err := w.do(p, f); err != nil {
						t.Fatal(err)
					}
				}))
			})
		}
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		total += len(r.Name.View(p)) + len(r.Blob.View(p)) + len(r.Words.View(p)) + int(*r.Words.At(p, 0))
		for j, v := range r.Words.All(p) {
			total += j + int(v)
		}
		if string(r.Name.View(p)) == "nobody" {
			total++
		}
	}))
	require.NotZero(t, total)
}
