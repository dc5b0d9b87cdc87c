package vector_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fuzzpool"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

func open[T any](t testing.TB, p *libpmemobj.Pool, name string) *vector.Vector[T] {
	t.Helper()
	v, err := vector.Open[T](p, name)
	require.NoError(t, err)
	return v
}

func contents[T any](v *vector.Vector[T]) []T {
	var all []T
	for _, x := range v.All() {
		all = append(all, x)
	}
	return all
}

func objects(p *libpmemobj.Pool) int {
	n := 0
	for range p.Objects() {
		n++
	}
	return n
}

// wide is longer than a word, and has no size that divides anything.
type wide struct {
	A, B uint64
	C    [3]byte
}

func makeWide(i int) wide { return wide{uint64(i), ^uint64(i), [3]byte{byte(i), byte(i >> 8), 3}} }

// Ensure that elements stay where they are and what they are, over restarts,
// whatever their size.
func TestVector(t *testing.T) {
	t.Run("byte", func(t *testing.T) { testVector(t, func(i int) byte { return byte(i) }) })
	t.Run("uint16", func(t *testing.T) { testVector(t, func(i int) uint16 { return uint16(i) }) })
	t.Run("three bytes", func(t *testing.T) { testVector(t, func(i int) [3]byte { return [3]byte{byte(i), 2, 3} }) })
	t.Run("float32", func(t *testing.T) { testVector(t, func(i int) float32 { return float32(i) }) })
	t.Run("int64", func(t *testing.T) { testVector(t, func(i int) int64 { return int64(i) }) })
	t.Run("wide", func(t *testing.T) { testVector(t, makeWide) })
	t.Run("page", func(t *testing.T) { testVector(t, func(i int) [512]uint64 { return [512]uint64{3: uint64(i)} }) })
}

func testVector[T comparable](t *testing.T, make func(i int) T) {
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	v := open[T](t, p, "v")
	empty := objects(p)
	require.Zero(t, v.Len())
	require.Empty(t, contents(v))
	var want []T
	const n = 700
	for i := range n {
		at, err := v.Append(make(i))
		require.NoError(t, err)
		require.Equal(t, i, at)
		want = append(want, make(i))
	}
	first, err := v.View(0, 1)
	require.NoError(t, err)
	at, err := v.AppendAll(want)
	require.NoError(t, err)
	require.Equal(t, n, at)
	at, err = v.AppendN(5, make(7))
	require.NoError(t, err)
	require.Equal(t, 2*n, at)
	want = append(want, want...)
	want = append(want, make(7), make(7), make(7), make(7), make(7))
	moved, err := v.View(0, 1)
	require.NoError(t, err)
	require.Same(t, &first[0], &moved[0])
	for i := 0; i < n; i += 13 {
		require.NoError(t, v.Set(i, make(i+1)))
		want[i] = make(i + 1)
		x, err := v.At(i)
		require.NoError(t, err)
		require.Equal(t, want[i], x)
	}
	require.Equal(t, want, contents(v))

	v = open[T](t, testpool.Reopen(t, p), "v")
	require.Equal(t, want, contents(v))
	var pieces []T
	for i, view := range v.Slices(10, len(want)-10) {
		require.Equal(t, len(pieces)+10, i)
		require.Equal(t, len(view), cap(view))
		pieces = append(pieces, view...)
	}
	require.Equal(t, want[10:len(want)-10], pieces)
	for range 3 {
		x, err := v.Pop()
		require.NoError(t, err)
		require.Equal(t, want[len(want)-1], x)
		want = want[:len(want)-1]
	}
	require.NoError(t, v.Truncate(100))
	require.Equal(t, want[:100], contents(v))
	require.NoError(t, v.Clear())
	require.Empty(t, contents(v))
	p, err = libpmemobj.PoolAt(&firstOf(t, v)[0])
	require.NoError(t, err)
	require.NoError(t, v.Clear())
	require.Equal(t, empty, objects(p))
}

// firstOf appends an element and returns a view of it.
func firstOf[T any](t *testing.T, v *vector.Vector[T]) []T {
	t.Helper()
	_, err := v.Append(*new(T))
	require.NoError(t, err)
	view, err := v.View(0, 1)
	require.NoError(t, err)
	return view
}

// Ensure that indexes that do not exist are errors that say so.
func TestRange(t *testing.T) {
	v := open[uint64](t, testpool.New(t), "v")
	_, err := v.Pop()
	require.ErrorIs(t, err, vector.ErrRange)
	require.ErrorContains(t, err, `vector pop "v": index out of range: the vector is empty`)
	_, err = v.AppendAll([]uint64{1, 2, 3})
	require.NoError(t, err)
	for _, i := range []int{-1, 3, 1 << 62} {
		_, err := v.At(i)
		require.ErrorIs(t, err, vector.ErrRange)
		require.ErrorContains(t, err, fmt.Sprintf("%d with length 3", i))
		require.ErrorIs(t, v.Set(i, 1), vector.ErrRange)
		_, err = v.View(i, 1)
		require.ErrorIs(t, err, vector.ErrRange)
		if i == 3 {
			continue
		}
		require.ErrorIs(t, v.Truncate(i), vector.ErrRange)
	}
	_, err = v.View(0, 0)
	require.ErrorIs(t, err, vector.ErrRange)
	_, err = v.AppendN(-1, 0)
	require.ErrorIs(t, err, vector.ErrRange)
	at, err := v.AppendAll(nil)
	require.NoError(t, err)
	require.Equal(t, 3, at)
	w := open[wide](t, testpool.New(t), "w")
	require.ErrorIs(t, w.Set(0, wide{}), vector.ErrRange)
	require.Equal(t, []uint64{1, 2, 3}, contents(v))
}

// Ensure that a wrong type, a closed pool, a removed vector, and a full pool are
// errors, and that Close waits for nobody.
func TestMisuse(t *testing.T) {
	p := testpool.New(t)
	v := open[uint64](t, p, "v")
	_, err := vector.Open[int64](p, "v")
	var wrong *directory.KindError
	require.ErrorAs(t, err, &wrong)
	require.ErrorContains(t, err, "is a vector.Vector[uint64] version 1, not a vector.Vector[int64] version 1")
	_, err = vector.Open[string](p, "s")
	var untyped *libpmemobj.TypeError
	require.ErrorAs(t, err, &untyped)
	_, err = vector.Open[[1<<20 + 1]byte](p, "large")
	require.ErrorContains(t, err, "at most")
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		_, err := vector.Open[uint64](p, "new")
		require.ErrorIs(t, err, libpmemobj.ErrInTx)
		for _, err := range []error{
			second(v.Append(1)), second(v.AppendAll([]uint64{1})), second(v.AppendN(1, 1)), v.Set(0, 1), second(v.Pop()), v.Truncate(0), v.Clear(),
		} {
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
			require.ErrorContains(t, err, "In(tx)")
		}
		return nil
	}))

	_, err = v.AppendN(16<<20, 1)
	require.ErrorIs(t, err, libpmemobj.ErrOutOfSpace)
	require.Zero(t, v.Len())
	at, err := v.Append(5)
	require.NoError(t, err)
	require.Zero(t, at)

	require.NoError(t, directory.Remove(p, "v"))
	_, err = v.Append(1)
	require.ErrorContains(t, err, "removed")
	v = open[uint64](t, p, "v")
	require.Zero(t, v.Len())
	same := open[uint64](t, p, "v")
	_, err = same.Append(5)
	require.NoError(t, err)
	require.Equal(t, 1, v.Len())
	require.NoError(t, p.Close())
	for _, err := range []error{
		second(v.Append(1)), second(v.AppendAll([]uint64{1})), v.Set(0, 1), second(v.At(0)), second(v.Pop()), v.Truncate(0), v.Clear(), second(v.View(0, 1)),
	} {
		require.ErrorIs(t, err, libpmemobj.ErrClosed)
	}
	require.Panics(t, func() { contents(v) })
	require.Equal(t, 1, v.Len())
}

func second[A any](_ A, err error) error { return err }

// Ensure that the directory says how large a vector is, also of one that is not
// open.
func TestStat(t *testing.T) {
	p := testpool.New(t)
	v := open[uint64](t, p, "v")
	_, err := v.AppendN(1000, 5)
	require.NoError(t, err)
	check := func(p *libpmemobj.Pool) {
		n := 0
		for e, err := range directory.List(p) {
			require.NoError(t, err)
			require.Equal(t, "vector.Vector", e.Kind.Name)
			require.Equal(t, "[uint64]", e.Kind.Types)
			require.EqualValues(t, 1000, e.Entries)
			require.GreaterOrEqual(t, e.Bytes, int64(8000))
			n++
		}
		require.Equal(t, 1, n)
	}
	check(p)
	p = testpool.Reopen(t, p)
	check(p)
	require.NoError(t, directory.Remove(p, "v"))
}

// Ensure that a transaction changes vectors together or not at all, sees what it
// did, and leaves nothing behind, in memory neither.
func TestIn(t *testing.T) {
	p := testpool.New(t)
	a, b := open[uint64](t, p, "a"), open[wide](t, p, "b")
	_, err := a.AppendAll([]uint64{1, 2, 3})
	require.NoError(t, err)
	before := objects(p)
	change := func(result error) error {
		return p.Update(func(tx *libpmemobj.Tx) error {
			at, err := a.In(tx).Append(4)
			require.NoError(t, err)
			require.Equal(t, 3, at)
			for i := range 1000 {
				at, err := b.In(tx).Append(makeWide(i))
				require.NoError(t, err)
				require.Equal(t, i, at)
			}
			x, err := a.In(tx).Pop()
			require.NoError(t, err)
			require.EqualValues(t, 4, x)
			x, err = a.In(tx).Pop()
			require.NoError(t, err)
			require.EqualValues(t, 3, x)
			_, err = a.In(tx).AppendAll([]uint64{30, 40})
			require.NoError(t, err)
			require.NoError(t, a.In(tx).Set(0, 10))
			require.NoError(t, a.In(tx).Set(3, 41))
			x, err = a.In(tx).At(3)
			require.NoError(t, err)
			require.EqualValues(t, 41, x)
			require.NoError(t, b.In(tx).Truncate(600))
			n, err := b.In(tx).Len()
			require.NoError(t, err)
			require.Equal(t, 600, n)
			n = 0
			for i, x := range b.In(tx).All() {
				require.Equal(t, makeWide(i), x)
				n++
			}
			require.Equal(t, 600, n)
			require.Equal(t, 3, a.Len(), "seen by others")
			_, err = a.At(0)
			require.ErrorIs(t, err, libpmemobj.ErrInTx)
			_, err = a.In(tx).At(4)
			require.ErrorIs(t, err, vector.ErrRange)
			require.ErrorIs(t, a.In(tx).Set(-1, 0), vector.ErrRange)
			require.ErrorIs(t, a.In(tx).Truncate(5), vector.ErrRange)
			return result
		})
	}
	rollBack := errors.New("roll back")
	require.ErrorIs(t, change(rollBack), rollBack)
	require.Equal(t, []uint64{1, 2, 3}, contents(a))
	require.Zero(t, b.Len())
	require.Equal(t, before, objects(p))
	at, err := a.Append(4)
	require.NoError(t, err)
	require.Equal(t, 3, at)
	_, err = a.Pop()
	require.NoError(t, err)

	require.NoError(t, change(nil))
	require.Equal(t, []uint64{10, 2, 30, 41}, contents(a))
	require.Equal(t, 600, b.Len())
	p = testpool.Reopen(t, p)
	a, b = open[uint64](t, p, "a"), open[wide](t, p, "b")
	require.Equal(t, []uint64{10, 2, 30, 41}, contents(a))
	require.Equal(t, makeWide(599), contents(b)[599])
	require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
		return errors.Join(b.In(tx).Clear(), a.In(tx).Clear())
	}))
	require.Zero(t, a.Len())
	require.Equal(t, before-1, objects(p), "a had a segment then")
	require.ErrorContains(t, second(a.In(nil).Append(1)), "no transaction")
}

// Ensure that one append in a transaction goes over elements that it has
// removed, new ones, and the ends of segments, and that all of it can be undone.
func TestInAppendAll(t *testing.T) {
	p := testpool.New(t)
	v := open[uint64](t, p, "v")
	const n = 300 // over the end of a segment of 128 and of one of 256
	before, after := make([]uint64, 100), make([]uint64, n)
	for i := range after {
		after[i] = uint64(i)
	}
	_, err := v.AppendAll(before)
	require.NoError(t, err)
	replace := func(result error) error {
		return p.Update(func(tx *libpmemobj.Tx) error {
			return errors.Join(v.In(tx).Truncate(10), second(v.In(tx).AppendAll(after[10:])), result)
		})
	}
	rollBack := errors.New("roll back")
	require.ErrorIs(t, replace(rollBack), rollBack)
	require.Equal(t, before, contents(v))
	clear(after[:10])
	require.NoError(t, replace(nil))
	require.Equal(t, after, contents(v))
	require.Equal(t, after, contents(open[uint64](t, testpool.Reopen(t, p), "v")))
}

// Ensure that random operations have the results that they have on a slice.
func TestModel(t *testing.T) {
	t.Run("word", func(t *testing.T) { testModel(t, func(i int) uint32 { return uint32(i) }) })
	t.Run("wide", func(t *testing.T) { testModel(t, makeWide) })
}

func testModel[T comparable](t *testing.T, make func(i int) T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	steps := slices.Repeat([]byte{0}, 1500)
	for i := range steps {
		steps[i] = byte(rnd.Uint32())
	}
	runModel(t, fuzzpool.New(t), make, steps, rnd)
}

// runModel takes each step on a vector and on a slice.
func runModel[T comparable](t *testing.T, p *fuzzpool.Pool, make func(i int) T, steps []byte, rnd *rand.Rand) {
	v := open[T](t, p.Pool, "v")
	var model []T
	for i, step := range steps {
		x := make(i)
		index := rnd.IntN(len(model) + 1)
		switch step % 16 {
		case 0, 1, 2, 3:
			at, err := v.Append(x)
			require.NoError(t, err)
			require.Equal(t, len(model), at)
			model = append(model, x)
		case 4:
			xs := []T{x, make(i + 1), make(i + 2)}
			xs = slices.Repeat(xs, rnd.IntN(20))
			_, err := v.AppendAll(xs)
			require.NoError(t, err)
			model = append(model, xs...)
		case 5, 6:
			err := v.Set(index, x)
			if index == len(model) {
				require.ErrorIs(t, err, vector.ErrRange)
				break
			}
			require.NoError(t, err)
			model[index] = x
		case 7, 8:
			got, err := v.Pop()
			if len(model) == 0 {
				require.ErrorIs(t, err, vector.ErrRange)
				break
			}
			require.NoError(t, err)
			require.Equal(t, model[len(model)-1], got)
			model = model[:len(model)-1]
		case 9:
			if step < 64 {
				require.NoError(t, v.Truncate(index))
				model = model[:index]
			}
		case 10:
			if step < 32 {
				p.Reopen(t)
				v = open[T](t, p.Pool, "v")
			}
		case 11, 12, 13:
			rollBack := errors.New("roll back")
			after := slices.Clone(model)
			err := p.Update(func(tx *libpmemobj.Tx) error {
				for range rnd.IntN(6) {
					n := len(after)
					switch rnd.IntN(4) {
					case 0:
						require.NoError(t, second(v.In(tx).Append(x)))
						after = append(after, x)
					case 1:
						if n > 0 {
							require.NoError(t, v.In(tx).Set(n-1, x))
							after[n-1] = x
						}
					case 2:
						if n > 0 {
							require.NoError(t, second(v.In(tx).Pop()))
							after = after[:n-1]
						}
					case 3:
						to := n - rnd.IntN(min(n, 40)+1)
						require.NoError(t, v.In(tx).Truncate(to))
						after = after[:to]
					}
				}
				if step >= 128 {
					return rollBack
				}
				return nil
			})
			if err == nil {
				model = after
			}
		default:
			got, err := v.At(index)
			if index == len(model) {
				require.ErrorIs(t, err, vector.ErrRange)
				break
			}
			require.NoError(t, err)
			require.Equal(t, model[index], got)
		}
		require.Equal(t, len(model), v.Len())
	}
	require.True(t, slices.Equal(model, contents(v)))
	p.Reopen(t)
	require.True(t, slices.Equal(model, contents(open[T](t, p.Pool, "v"))))
}

func FuzzVector(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 20, 36, 5, 7, 10, 11, 140, 9, 13, 14})
	p := fuzzpool.NewShared(f)
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 500 {
			t.Skip("long sequences are TestModel's")
		}
		runModel(t, p, makeWide, steps, rand.New(rand.NewPCG(uint64(len(steps)), 1)))
		require.NoError(t, directory.Remove(p.Pool, "v"))
	})
}

// Ensure that goroutines that append get different indexes, without gaps, in the
// order of their calls; that elements are seen as a whole; and that transactions
// and removals at the end fit in between.
func TestParallel(t *testing.T) {
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	v := open[wide](t, p, "v")
	const appenders, each = 4, 800
	var wg, readers sync.WaitGroup
	var stop atomic.Bool
	for range 2 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(1, 2))
			for !stop.Load() {
				n := v.Len()
				if n == 0 {
					continue
				}
				x, err := v.At(rnd.IntN(n))
				if err != nil || x.A != ^x.B {
					t.Errorf("%+v, %v", x, err)
					return
				}
			}
		})
	}
	for g := range appenders {
		wg.Go(func() {
			last := -1
			for i := range each {
				var at int
				var err error
				x := makeWide(g*each + i)
				switch i % 16 {
				case 5:
					at, err = v.AppendAll([]wide{x})
				case 6:
					err = p.Update(func(tx *libpmemobj.Tx) error {
						at, err = v.In(tx).Append(x)
						return err
					})
				case 7:
					at, err = v.Append(x)
					if err == nil {
						err = v.Set(at, makeWide(g*each+i))
					}
				default:
					at, err = v.Append(x)
				}
				if err != nil || at <= last {
					t.Errorf("got %d after %d, %v", at, last, err)
					return
				}
				last = at
				if got, err := v.At(at); got != x || err != nil {
					t.Errorf("%d is %v, not %v, %v", at, got, x, err)
				}
			}
		})
	}
	wg.Wait()
	stop.Store(true)
	readers.Wait()
	require.Equal(t, appenders*each, v.Len())
	seen := map[uint64]bool{}
	next := [appenders]uint64{}
	for _, x := range contents(open[wide](t, testpool.Reopen(t, p), "v")) {
		require.False(t, seen[x.A])
		seen[x.A] = true
		g := x.A / each
		require.Equal(t, g*each+next[g], x.A, "out of order")
		next[g]++
	}
}

// Ensure that elements that are removed and appended at the same time are never
// lost or doubled.
func TestParallelPop(t *testing.T) {
	p := testpool.New(t)
	v := open[uint64](t, p, "v")
	const n = 1000
	var wg sync.WaitGroup
	var popped [4][]uint64
	for g := range popped {
		wg.Go(func() {
			for i := range n {
				if _, err := v.Append(uint64(g*n + i)); err != nil {
					t.Error(err)
				}
				if i%2 == 0 {
					x, err := v.Pop()
					if err != nil {
						t.Error(err) // each has appended more than it popped
					}
					popped[g] = append(popped[g], x)
				}
			}
		})
	}
	wg.Wait()
	all := contents(v)
	for _, xs := range popped {
		all = append(all, xs...)
	}
	slices.Sort(all)
	require.Len(t, all, len(popped)*n)
	for i, x := range all {
		require.EqualValues(t, i, x)
	}
}

// Ensure that operations need no memory of Go's heap.
func TestGoHeap(t *testing.T) {
	if testpool.AddressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	v, w := open[uint64](t, p, "v"), open[wide](t, p, "w")
	xs := make([]uint64, 10)
	_, err := v.AppendN(4000, 0) // no segment is needed below
	require.NoError(t, err)
	require.NoError(t, v.Truncate(2100))
	_, err = w.Append(wide{})
	require.NoError(t, err)
	inTx := func(tx *libpmemobj.Tx) error {
		_, err := v.In(tx).Append(5)
		return errors.Join(err, v.In(tx).Set(0, 6))
	}
	tests := map[string]func() error{
		"Append":    func() error { return second(v.Append(1)) },
		"AppendAll": func() error { return second(v.AppendAll(xs)) },
		"At":        func() error { return second(v.At(5)) },
		"At wide":   func() error { return second(w.At(0)) },
		"Set":       func() error { return v.Set(5, 5) },
		"Pop":       func() error { return second(v.Pop()) },
		"View":      func() error { return second(v.View(5, 5)) },
		"In":        func() error { return p.Update(inTx) },
	}
	for name, op := range tests {
		require.Zero(t, testing.AllocsPerRun(50, func() {
			if err := op(); err != nil {
				panic(err)
			}
		}), name)
	}
}
