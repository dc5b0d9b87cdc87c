package libpmemobj_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type crashItem struct {
	Value [5]uint64
}

func crashItemOf(v uint64) (i crashItem) {
	for k := range i.Value {
		i.Value[k] = v + uint64(k)
	}
	return i
}

type crashPublishes struct {
	Words [160]uint64
	Slots [4]crashSlot
	Ptr   Ptr[crashItem]
	Off   Off[crashItem]
}

type publishModel struct {
	Words    [160]uint64
	Slots    [4]string
	Ptr, Off uint64 // what the items were made from, 0 for none
}

// publishOp is a publication.
type publishOp struct {
	Edits   []publishEdit
	Fails   bool
	Actions bool // it is made by PublishActions, or by Publish
}

// publishEdit is a part of it.
type publishEdit struct {
	What string // words, object, no object, ptr, no ptr, off
	I, N int
	Step int
	V    uint64
	Held bool // the object was reserved before
}

// publishes runs publications of every kind, some of which fail.
func publishes(part int) crashmodel.Actor[*Pool] {
	region := func(p *Pool) (*crashPublishes, error) {
		root, err := crashRootOf(p)
		if err != nil {
			return nil, err
		}
		return &root.Publishes[part], nil
	}
	return crashmodel.Script[*Pool, publishModel, publishOp]{
		Name:  fmt.Sprint("publishes ", part),
		Steps: 50,
		Draw:  drawPublish,
		Apply: func(m publishModel, o publishOp) publishModel {
			if !o.Fails {
				for _, e := range o.Edits {
					m = e.apply(m)
				}
			}
			return m
		},
		Do: func(p *Pool, o publishOp) error {
			r, err := region(p)
			if err != nil {
				return err
			}
			return o.do(p, r)
		},
		Read: func(p *Pool) (m publishModel, err error) {
			r, err := region(p)
			if err != nil {
				return m, err
			}
			return r.read(p)
		},
	}.Actor()
}

func drawPublish(rnd *rand.Rand, m publishModel) publishOp {
	o := publishOp{Fails: rnd.IntN(8) == 0, Actions: rnd.IntN(3) == 0}
	touched := map[string]bool{}
	for range 1 + rnd.IntN(5) {
		e := publishEdit{I: rnd.IntN(len(m.Slots)), V: rnd.Uint64() | 1, Held: o.Actions || rnd.IntN(2) == 0}
		switch rnd.IntN(6) {
		case 0, 1, 2:
			e.What, e.Step = "words", 1+rnd.IntN(9)
			e.I = rnd.IntN(len(m.Words))
			e.N = min(1+rnd.IntN([]int{1, 4, 40, 160}[rnd.IntN(4)]), (len(m.Words)-1-e.I)/e.Step+1)
		case 3, 4:
			e.What, e.N = "object", crashSize(rnd)
			if m.Slots[e.I] != "" && rnd.IntN(3) == 0 {
				e.What, e.N = "no object", 0
			}
		default:
			e.What = []string{"ptr", "ptr", "no ptr", "off"}[rnd.IntN(4)]
		}
		// A publication frees what was there before it, once.
		place := fmt.Sprint("slot ", e.I)
		switch e.What {
		case "words":
			place = ""
		case "ptr", "no ptr":
			place = "ptr"
		case "off":
			place = "off"
		}
		if touched[place] {
			continue
		}
		touched[place] = place != ""
		o.Edits = append(o.Edits, e)
	}
	return o
}

func (e publishEdit) apply(m publishModel) publishModel {
	switch e.What {
	case "words":
		for i := range e.N {
			m.Words[e.I+i*e.Step] = e.V + uint64(i)
		}
	case "object":
		m.Slots[e.I] = crashText(e.V, e.N)
	case "no object":
		m.Slots[e.I] = ""
	case "ptr":
		m.Ptr = e.V
	case "no ptr":
		m.Ptr = 0
	case "off":
		m.Off = e.V
	}
	return m
}

func (o publishOp) do(p *Pool, r *crashPublishes) error {
	var held []Reserved
	var err error
	if o.Actions {
		var actions []Action
		for _, e := range o.Edits {
			more, own, err := e.actions(p, r)
			if err != nil {
				return err
			}
			actions, held = append(actions, more...), append(held, own...)
		}
		if o.Fails {
			actions = append(actions, SetValue(new(uint64), 1)) // not in the pool
		}
		if err = p.PublishActions(actions...); o.Fails && err != nil {
			err = errCrashAbort
		}
	} else {
		err = p.Publish(func(a *Actions) error {
			for _, e := range o.Edits {
				if err := e.add(a, r, &held); err != nil {
					return fmt.Errorf("%+v: %w", e, err)
				}
			}
			if o.Fails {
				return errCrashAbort
			}
			return nil
		})
	}
	if !o.Fails {
		return err
	}
	if !errors.Is(err, errCrashAbort) {
		return fmt.Errorf("a publication that should fail gave %v", err)
	}
	for _, v := range held {
		if err := v.(interface{ Cancel() error }).Cancel(); err != nil {
			return err
		}
	}
	return nil
}

// actions is the edit for PublishActions.
func (e publishEdit) actions(p *Pool, r *crashPublishes) (actions []Action, held []Reserved, err error) {
	slot := &r.Slots[e.I%len(r.Slots)]
	switch e.What {
	case "words":
		for i := range e.N {
			actions = append(actions, SetValue(&r.Words[e.I+i*e.Step], e.V+uint64(i)))
		}
	case "object":
		v, err := NewReservationBytes(p, e.N, crashType)
		if err != nil {
			return nil, nil, err
		}
		copy(v.Slice(), crashText(e.V, e.N))
		actions = append(actions, v, SetOID(&slot.Obj, v.Ptr().OID()), SetValue(&slot.Len, uint64(e.N)))
		if !slot.Obj.IsNull() {
			actions = append(actions, DeferFree(slot.Obj))
		}
		held = append(held, v)
	case "no object":
		actions = append(actions, SetOID(&slot.Obj, OID{}), SetValue(&slot.Len, 0), DeferFree(slot.Obj))
	case "no ptr":
		actions = append(actions, DeferFree(r.Ptr.OID()), SetPtr(&r.Ptr, Ptr[crashItem]{}))
	default:
		v, err := NewReservation[crashItem](p)
		if err != nil {
			return nil, nil, err
		}
		*v.Value() = crashItemOf(e.V)
		held = append(held, v)
		if e.What == "ptr" {
			actions = append(actions, v, DeferFree(r.Ptr.OID()), SetPtr(&r.Ptr, v.Ptr()))
		} else {
			actions = append(actions, v, SetOff(&r.Off, OffOf(v.Ptr())))
			if !r.Off.IsNull() {
				actions = append(actions, DeferFree(r.Off.Ptr(p).OID()))
			}
		}
	}
	return actions, held, nil
}

// add makes the edit a part of a publication.
func (e publishEdit) add(a *Actions, r *crashPublishes, held *[]Reserved) error {
	if e.Held {
		actions, own, err := e.actions(a.Pool(), r)
		*held = append(*held, own...)
		return errors.Join(err, a.Add(actions...))
	}
	slot := &r.Slots[e.I%len(r.Slots)]
	switch e.What {
	case "words":
		for i := range e.N {
			at := &r.Words[e.I+i*e.Step]
			Store(a, at, e.V+uint64(i))
			if got := Load(a, at); got != e.V+uint64(i) {
				return fmt.Errorf("word %d reads as %#x inside the publication", i, got)
			}
		}
	case "object":
		oid, b, err := a.ReserveBytes(e.N, crashType)
		if err != nil {
			return err
		}
		copy(b, crashText(e.V, e.N))
		a.Free(slot.Obj)
		StoreOID(a, &slot.Obj, oid)
		Store(a, &slot.Len, uint64(e.N))
	case "no object":
		a.Free(slot.Obj)
		StoreOID(a, &slot.Obj, OID{})
		Store(a, &slot.Len, 0)
	case "no ptr":
		a.Free(r.Ptr.OID())
		StorePtr(a, &r.Ptr, Ptr[crashItem]{})
	default:
		v, item, err := Reserve[crashItem](a)
		if err != nil {
			return err
		}
		*item = crashItemOf(e.V)
		if e.What == "ptr" {
			a.Free(r.Ptr.OID())
			StorePtr(a, &r.Ptr, v)
		} else {
			if !r.Off.IsNull() {
				a.Free(r.Off.Ptr(a.Pool()).OID())
			}
			StoreOff(a, &r.Off, OffOf(v))
		}
	}
	return nil
}

func (r *crashPublishes) read(p *Pool) (m publishModel, err error) {
	m.Words = r.Words
	slots, err := readSlots(p, r.Slots[:])
	if err != nil {
		return m, err
	}
	copy(m.Slots[:], slots)
	item := func(ptr Ptr[crashItem]) (uint64, error) {
		i, err := ptr.TryGet()
		if err != nil {
			return 0, err
		}
		if n, err := p.TypeNum(ptr.OID()); err != nil || n != TypeNum[crashItem]() {
			return 0, fmt.Errorf("an item has type number %#x, %w", n, err)
		}
		if *i != crashItemOf(i.Value[0]) {
			return 0, fmt.Errorf("an item is %+v", *i)
		}
		return i.Value[0], nil
	}
	if !r.Ptr.IsNull() {
		if m.Ptr, err = item(r.Ptr); err != nil {
			return m, err
		}
	}
	if !r.Off.IsNull() {
		m.Off, err = item(r.Off.Ptr(p))
	}
	return m, err
}

// Ensure that publications happen as a whole or not at all.
func TestCrashPublish(t *testing.T) { runCrash(t, crashtest.Config{}, publishes(0)) }

// Ensure the same on an ordinary file.
func TestCrashPublishOnDisk(t *testing.T) { runCrash(t, onDisk, publishes(1)) }
