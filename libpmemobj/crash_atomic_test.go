package libpmemobj_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type crashAtomics struct {
	Objs  [8]OID
	Item  Ptr[crashItem]
	Array Ptr[crashItem]
	Name  OID // a string
}

// arrayLen is how many items the array has.
const arrayLen = 7

type atomicModel struct {
	Objs        [8]atomicObject
	Item, Array uint64 // what the items were made from, 0 for none
	Name        string
}

// atomicObject is what is known of an object: its size, what it begins with,
// and whether zeros follow up to its usable end. In what is read from the pool,
// the size is the usable one, and everything is known.
type atomicObject struct {
	Size   int
	Known  string
	Zeroed bool
}

// atomicOp is one call.
type atomicOp struct {
	What string
	I, N int
	V    uint64
}

// atomics runs allocations outside of transactions, each atomic by itself.
func atomics(part int) crashmodel.Actor[*Pool] {
	region := func(p *Pool) (*crashAtomics, error) {
		root, err := crashRootOf(p)
		if err != nil {
			return nil, err
		}
		return &root.Atomics[part], nil
	}
	return crashmodel.Script[*Pool, atomicModel, atomicOp]{
		Name:   fmt.Sprint("atomics ", part),
		Steps:  60,
		Draw:   drawAtomic,
		Apply:  func(m atomicModel, o atomicOp) atomicModel { return o.apply(m) },
		Differ: atomicModel.differ,
		Do: func(p *Pool, o atomicOp) error {
			r, err := region(p)
			if err != nil {
				return err
			}
			return o.do(p, r)
		},
		Read: func(p *Pool) (m atomicModel, err error) {
			r, err := region(p)
			if err != nil {
				return m, err
			}
			return r.read(p)
		},
	}.Actor()
}

func drawAtomic(rnd *rand.Rand, m atomicModel) atomicOp {
	o := atomicOp{I: rnd.IntN(len(m.Objs)), N: crashSize(rnd), V: rnd.Uint64() | 1}
	switch rnd.IntN(10) {
	case 0:
		o.What = []string{"item", "no item"}[min(m.Item, 1)]
		return o
	case 1:
		o.What = []string{"array", "no array"}[min(m.Array, 1)]
		return o
	case 2:
		o.What, o.N = "name", 1+rnd.IntN(180)
		if m.Name != "" {
			o.What = "no name"
		}
		return o
	case 3:
		o.What = "failing construct"
		return o
	}
	obj := m.Objs[o.I]
	if obj.Size == 0 {
		o.What = []string{"alloc", "zalloc", "construct", "construct", "realloc", "zrealloc"}[rnd.IntN(6)]
		return o
	}
	o.What = []string{"free", "realloc", "zrealloc", "realloc"}[rnd.IntN(4)]
	if o.What == "zrealloc" && !obj.Zeroed {
		o.What = "free"
	}
	return o
}

func zeros(n int) string { return string(make([]byte, n)) }

func (o atomicOp) apply(m atomicModel) atomicModel {
	obj := &m.Objs[o.I]
	switch o.What {
	case "alloc":
		*obj = atomicObject{Size: o.N}
	case "zalloc":
		*obj = atomicObject{o.N, zeros(o.N), true}
	case "construct":
		*obj = atomicObject{o.N, crashText(o.V, o.N), false}
	case "free":
		*obj = atomicObject{}
	case "realloc":
		*obj = atomicObject{o.N, obj.Known[:min(len(obj.Known), o.N)], false}
	case "zrealloc":
		// Where the object shrinks, what it held may follow.
		known := obj.Known[:min(len(obj.Known), o.N)]
		*obj = atomicObject{o.N, known + zeros(o.N-len(known)), o.N >= len(obj.Known)}
	case "item":
		m.Item = o.V
	case "no item":
		m.Item = 0
	case "array":
		m.Array = o.V
	case "no array":
		m.Array = 0
	case "name":
		m.Name = crashName(o.V, o.N)
	case "no name":
		m.Name = ""
	}
	return m
}

// crashName is a text without zeros.
func crashName(seed uint64, n int) string {
	return string(bytes.ReplaceAll([]byte(crashText(seed, n)), []byte{0}, []byte{1}))
}

func (o atomicOp) do(p *Pool, r *crashAtomics) (err error) {
	oid := &r.Objs[o.I]
	n := uint64(o.N)
	switch o.What {
	case "alloc":
		_, err = p.Alloc(oid, n, crashType)
	case "zalloc":
		_, err = p.Zalloc(oid, n, crashType)
	case "construct":
		_, err = p.ConstructBytes(oid, o.N, crashType, func(b []byte) error {
			copy(b, crashText(o.V, len(b)))
			return nil
		})
	case "failing construct":
		_, err = Construct(p, &r.Item, func(i *crashItem) error {
			*i = crashItemOf(o.V)
			return errCrashAbort
		})
		if errors.Is(err, errCrashAbort) {
			return nil
		}
		return fmt.Errorf("the constructor's error became %v", err)
	case "free":
		err = p.Free(oid)
	case "realloc":
		err = p.Realloc(oid, n, crashType)
	case "zrealloc":
		err = p.Zrealloc(oid, n, crashType)
	case "item":
		_, err = Construct(p, &r.Item, func(i *crashItem) error {
			*i = crashItemOf(o.V)
			return nil
		})
	case "array":
		_, err = ConstructArray(p, &r.Array, arrayLen, func(items []crashItem) error {
			for i := range items {
				items[i] = crashItemOf(o.V + uint64(i))
			}
			return nil
		})
	case "no item":
		err = p.Free(r.Item.Ref())
	case "no array":
		err = p.Free(r.Array.Ref())
	case "name":
		_, err = p.Strdup(&r.Name, crashName(o.V, o.N), crashType)
	case "no name":
		err = p.Free(&r.Name)
	}
	return err
}

func (r *crashAtomics) read(p *Pool) (m atomicModel, err error) {
	for i, oid := range r.Objs {
		if oid.IsNull() {
			continue
		}
		if n, err := p.TypeNum(oid); err != nil || n != crashType {
			return m, fmt.Errorf("object %d has type number %#x, %w", i, n, err)
		}
		size, err := p.UsableSize(oid)
		if err != nil {
			return m, err
		}
		b, err := p.Bytes(oid, 0, size)
		if err != nil {
			return m, err
		}
		m.Objs[i] = atomicObject{Size: int(size), Known: string(b)}
	}
	items := func(ptr Ptr[crashItem], n int) (uint64, error) {
		if ptr.IsNull() {
			return 0, nil
		}
		if num, err := p.TypeNum(ptr.OID()); err != nil || num != TypeNum[crashItem]() {
			return 0, fmt.Errorf("items have type number %#x, %w", num, err)
		}
		items := ptr.Slice(n)
		for i, item := range items {
			if item != crashItemOf(items[0].Value[0]+uint64(i)) {
				return 0, fmt.Errorf("item %d is %+v", i, item)
			}
		}
		return items[0].Value[0], nil
	}
	if m.Item, err = items(r.Item, 1); err != nil {
		return m, err
	}
	if m.Array, err = items(r.Array, arrayLen); err != nil {
		return m, err
	}
	if !r.Name.IsNull() {
		m.Name, err = p.CString(r.Name)
	}
	return m, err
}

// differ compares what is known with what was read.
func (m atomicModel) differ(got atomicModel) string {
	for i, want := range m.Objs {
		have := got.Objs[i]
		if (want.Size == 0) != (have.Size == 0) || have.Size < want.Size || have.Size > want.Size+want.Size/2+256<<10 {
			return fmt.Sprintf("object %d has room for %d bytes, %d were asked for", i, have.Size, want.Size)
		}
		if s := crashmodel.Diff(want.Known, have.Known[:len(want.Known)]); s != "" {
			return fmt.Sprintf("object %d: %s", i, s)
		}
	}
	m.Objs, got.Objs = [8]atomicObject{}, [8]atomicObject{}
	return crashmodel.Diff(m, got)
}

// Ensure that allocations outside of transactions happen as a whole or not at
// all.
func TestCrashAtomic(t *testing.T) { runCrash(t, crashtest.Config{}, atomics(0)) }

// Ensure the same on an ordinary file.
func TestCrashAtomicOnDisk(t *testing.T) { runCrash(t, onDisk, atomics(1)) }
