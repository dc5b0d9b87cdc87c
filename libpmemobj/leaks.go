package libpmemobj

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// LeakReport is what [Pool.Leaks] found: the objects that nothing leads to.
type LeakReport struct {
	// Types are the leaked objects by their type numbers, those with the most
	// bytes first, then by name.
	Types []LeakedType

	// Reached is the number of objects that are not leaked, root included.
	Reached int

	// Doubts are the first of the pointers that could not be followed, at most
	// 100, and DoubtCount is the number of all. What they might lead to may be
	// among the leaked objects.
	Doubts     []error
	DoubtCount int

	pool *Pool
}

// maxDoubts bounds what a report keeps of a damaged pool.
const maxDoubts = 100

// LeakedType is the leaked objects of one type number.
type LeakedType struct {
	TypeNum uint64       // 0 for objects without a header as well
	Type    reflect.Type // nil if no type that the program has used has the number
	Count   int
	Bytes   uint64 // that the objects have room for

	uuid uint64
	offs []uint64
}

// Name is the name of the Go type, or the number.
func (t LeakedType) Name() string {
	switch {
	case t.Type != nil:
		return t.Type.String()
	case t.TypeNum == 0:
		return "no type"
	}
	return fmt.Sprintf("type %#x", t.TypeNum)
}

// Objects ranges over the objects, in the order of their addresses.
func (t LeakedType) Objects() iter.Seq[OID] {
	return func(yield func(OID) bool) {
		for _, off := range t.offs {
			if !yield(OID{t.uuid, off}) {
				return
			}
		}
	}
}

// Leaks finds the objects that cannot be reached from root, which nobody will
// ever use or free. It walks the pool, with the same options and under the same
// conditions as [Pool.Walk], and compares what it came to with what there is.
//
// Pointers that a walk cannot see are the caller's to name: an OID that is kept
// in another file (see [WalkFrom]), or in the bytes of an object.
//
// The error matches ErrNull if root is null, and ErrInTx or ErrPoolBusy while
// transactions are open. Pointers that lead nowhere are no errors of Leaks:
// they are in the report.
func (p *Pool) Leaks(root AnyPtr, opts ...WalkOption) (*LeakReport, error) {
	w, err := p.startWalk("leaks", root, opts)
	if err != nil {
		return nil, err
	}
	defer p.leave()
	r := &LeakReport{pool: p}
	w.yield = func(_ Object, err error) bool {
		switch {
		case err == nil:
			r.Reached++
		case !errors.Is(err, ErrForeignPool): // what is there cannot leak here
			r.doubt(err)
		}
		return true
	}
	w.run()
	r.collect(w)
	return r, nil
}

func (r *LeakReport) doubt(err error) {
	r.DoubtCount++
	if len(r.Doubts) < maxDoubts {
		r.Doubts = append(r.Doubts, err)
	}
}

// collect sorts the objects that w has not seen by their types.
func (r *LeakReport) collect(w *walk) {
	p := r.pool
	byNum := map[uint64]*LeakedType{}
	for off, ok := p.heap.Next(0); ok; off, ok = p.heap.Next(off) {
		if w.seen.has(off) {
			continue
		}
		usable, ok := p.heap.Object(off)
		if !ok {
			continue
		}
		num := p.heap.TypeNum(off)
		t := byNum[num]
		if t == nil {
			t = &LeakedType{TypeNum: num, uuid: p.uuid}
			byNum[num] = t
		}
		t.Count++
		t.Bytes += usable
		t.offs = append(t.offs, off)
	}
	names := w.names()
	for _, t := range byNum {
		t.Type = names[t.TypeNum]
		r.Types = append(r.Types, *t)
	}
	slices.SortFunc(r.Types, func(a, b LeakedType) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name(), b.Name()), cmp.Compare(a.TypeNum, b.TypeNum))
	})
}

// names are the types behind type numbers: of this walk, and of all that the
// program has used.
func (w *walk) names() map[uint64]reflect.Type {
	names := map[uint64]reflect.Type{}
	name := func(num uint64, t reflect.Type) {
		names[num] = t
		names[sliceTypeOf(num)] = reflect.SliceOf(t)
	}
	typeInfos.Range(func(_, info any) bool {
		name(info.(*typeInfo).num, info.(*typeInfo).typ)
		return true
	})
	for num, s := range w.shapes.byNum {
		if s != nil {
			name(num, s.typ)
		}
	}
	names[BytesType], names[StringType] = reflect.TypeFor[Bytes](), reflect.TypeFor[String]()
	return names
}

// Count is the number of leaked objects.
func (r *LeakReport) Count() int {
	n := 0
	for i := range r.Types {
		n += r.Types[i].Count
	}
	return n
}

// Bytes is the room that the leaked objects take up, without PMDK's headers.
func (r *LeakReport) Bytes() uint64 {
	n := uint64(0)
	for i := range r.Types {
		n += r.Types[i].Bytes
	}
	return n
}

// Objects ranges over all leaked objects, type by type.
func (r *LeakReport) Objects() iter.Seq[OID] {
	return func(yield func(OID) bool) {
		for i := range r.Types {
			for oid := range r.Types[i].Objects() {
				if !yield(oid) {
					return
				}
			}
		}
	}
}

// String is a table of the leaked types, and the number of doubts.
func (r *LeakReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d objects leaked, %d bytes; %d reached\n", r.Count(), r.Bytes(), r.Reached)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, t := range r.Types {
		fmt.Fprintf(w, "%d\t%d bytes\t  %s\n", t.Count, t.Bytes, t.Name())
	}
	_ = w.Flush() // into memory
	if r.DoubtCount > 0 {
		fmt.Fprintf(&b, "%d pointers could not be followed, the first: %v\n", r.DoubtCount, r.Doubts[0])
	}
	return b.String()
}

// ErrDoubtful is the error of [LeakReport.Free] if some pointers could not be
// followed.
var ErrDoubtful = errors.New("pointers could not be followed")

// freedAtOnce is how many objects a transaction frees: that costs half of
// freeing one by one, and more make its log grow.
const freedAtOnce = 1000

// Free frees the leaked objects, in transactions of many, and returns how many
// it freed. A crash in between leaves the rest to be found again.
//
// With pointers that could not be followed, Free does nothing and returns an
// error that matches ErrDoubtful: see Doubts, and if they are what they should
// be, call [LeakReport.ForceFree]. The pool must not have changed since Leaks;
// where the object of a leak is gone, or has another type, the error matches
// ErrNotLive, but a new object of the same type is not noticed.
func (r *LeakReport) Free() (freed int, err error) {
	if r.DoubtCount > 0 {
		return 0, stateErr("free leaks", ErrDoubtful, "%d, the first: %v", r.DoubtCount, r.Doubts[0])
	}
	return r.ForceFree()
}

// ForceFree is Free whatever the doubts: objects that are in use may be among
// what is freed.
func (r *LeakReport) ForceFree() (freed int, err error) {
	if err := r.pool.enterChange("free leaks"); err != nil {
		return 0, err
	}
	r.pool.leave()
	for i := range r.Types {
		for offs := range slices.Chunk(r.Types[i].offs, freedAtOnce) {
			err := r.pool.Update(func(tx *Tx) error { return r.Types[i].free(tx, offs) })
			if err != nil {
				return freed, err
			}
			freed += len(offs)
		}
	}
	return freed, nil
}

func (t *LeakedType) free(tx *Tx, offs []uint64) error {
	for _, off := range offs {
		oid := OID{t.uuid, off}
		if err := tx.Free(oid); err != nil {
			return err
		}
		if tx.pool.heap.TypeNum(off) != t.TypeNum {
			return stateErr("free leaks", ErrNotLive, "%v is another object than the one that was found", oid)
		}
	}
	return nil
}
