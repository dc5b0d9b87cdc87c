package libpmemobj_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// heldModel is the slots of a pool, and the reservations that are held while
// other things happen: what is in them, by number. They are not in the pool.
type heldModel struct {
	Slots [4]string
	Held  map[int]string
}

type heldOp struct {
	What  string // reserve, cancel, publish, update, update error
	Held  []int  // the reservations: the first goes to slot I, the next behind it
	I, N  int
	V     uint64
	Other bool // another goroutine does it
}

// reservations holds reservations over other operations, and publishes them in
// all ways. What is held cannot be held on an image, so that none follow.
func reservations(part int) crashmodel.Actor[*Pool] {
	held := map[int]*Reservation[byte]{}
	return crashmodel.Script[*Pool, heldModel, heldOp]{
		Name:  fmt.Sprint("reservations ", part),
		Steps: 60,
		GoOn:  -1,
		Draw:  drawHeld,
		Apply: func(m heldModel, o heldOp) heldModel {
			m.Held = maps.Clone(m.Held)
			if o.What == "reserve" {
				if m.Held == nil {
					m.Held = map[int]string{}
				}
				m.Held[o.Held[0]] = crashText(o.V, o.N)
				return m
			}
			for i, k := range o.Held {
				if o.What == "publish" || o.What == "update" {
					m.Slots[(o.I+i)%len(m.Slots)] = m.Held[k]
				}
				delete(m.Held, k)
			}
			return m
		},
		Do: func(p *Pool, o heldOp) (err error) {
			root, err := crashRootOf(p)
			if err != nil {
				return err
			}
			do := func() { err = o.do(p, root.Publishes[part].Slots[:], held) }
			if o.Other {
				inGoroutine(do)
			} else {
				do()
			}
			return err
		},
		Read: func(p *Pool) (m heldModel, err error) {
			root, err := crashRootOf(p)
			if err != nil {
				return m, err
			}
			slots, err := readSlots(p, root.Publishes[part].Slots[:])
			copy(m.Slots[:], slots)
			return m, err
		},
		Differ: func(want, got heldModel) string { return crashmodel.Diff(want.Slots, got.Slots) },
	}.Actor()
}

func drawHeld(rnd *rand.Rand, m heldModel) heldOp {
	o := heldOp{I: rnd.IntN(len(m.Slots)), N: []int{40, 200, 700}[rnd.IntN(3)], V: rnd.Uint64(), Other: rnd.IntN(4) == 0}
	all := slices.Sorted(maps.Keys(m.Held))
	if len(all) == 0 || len(all) < 6 && rnd.IntN(2) == 0 {
		o.What = "reserve"
		for k := 0; ; k++ {
			if _, taken := m.Held[k]; !taken {
				o.Held = []int{k}
				return o
			}
		}
	}
	o.What = []string{"cancel", "publish", "publish", "update", "update error"}[rnd.IntN(5)]
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	o.Held = all[:1+rnd.IntN(min(len(all), len(m.Slots)))]
	return o
}

func (o heldOp) do(p *Pool, slots []crashSlot, held map[int]*Reservation[byte]) error {
	at := func(i int) *crashSlot { return &slots[(o.I+i)%len(slots)] }
	update := func(tx *Tx) error {
		for i, k := range o.Held {
			slot := at(i)
			if err := tx.Publish(held[k]); err != nil {
				return err
			}
			if err := tx.Free(slot.Obj); err != nil {
				return err
			}
			*MutAt(tx, slot) = crashSlot{held[k].Ptr().OID(), uint64(len(held[k].Slice()))}
		}
		if o.What == "update error" {
			return errCrashAbort
		}
		return nil
	}
	switch o.What {
	case "reserve":
		r, err := NewReservationBytes(p, o.N, crashType)
		if err != nil {
			return err
		}
		copy(r.Slice(), crashText(o.V, o.N))
		held[o.Held[0]] = r
		return nil
	case "cancel":
		for _, k := range o.Held {
			if err := held[k].Cancel(); err != nil {
				return err
			}
		}
	case "publish":
		var actions []Action
		for i, k := range o.Held {
			slot, r := at(i), held[k]
			actions = append(actions, r, SetOID(&slot.Obj, r.Ptr().OID()), SetValue(&slot.Len, uint64(len(r.Slice()))), DeferFree(slot.Obj))
		}
		if err := p.PublishActions(actions...); err != nil {
			return err
		}
	case "update":
		if err := p.Update(update); err != nil {
			return err
		}
	case "update error":
		if err := p.Update(update); !errors.Is(err, errCrashAbort) {
			return fmt.Errorf("a transaction to be rolled back gave %v", err)
		}
	}
	for _, k := range o.Held {
		delete(held, k)
	}
	return nil
}

// Ensure that what is reserved exists only once it is published, as a whole.
func TestCrashReservations(t *testing.T) { runCrash(t, crashtest.Config{}, reservations(0)) }

// Ensure the same on an ordinary file.
func TestCrashReservationsOnDisk(t *testing.T) { runCrash(t, onDisk, reservations(1)) }
