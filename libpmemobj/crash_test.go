package libpmemobj_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// crashRoot is what the workloads of the crash tests work on, each on a part
// of its own, so that they can run side by side.
type crashRoot struct {
	Updates   [2]crashUpdates
	Publishes [2]crashPublishes
	Atomics   [2]crashAtomics
	Lists     [2]crashLists
	Values    [2]crashValues
}

// onDisk has a pool on an ordinary file, of which whole pages can be lost.
var onDisk = crashtest.Config{Durability: DurabilityMsync}

// runCrash runs actors against a pool of whose objects none may leak. The pool
// has room for a block for each size that they use, and each arena.
func runCrash(t *testing.T, c crashtest.Config, actors ...crashmodel.Actor[*Pool]) {
	t.Helper()
	c.Size = 24 << 20
	crashmodel.Run(t, c, crashmodel.Workload[*Pool]{Actors: actors, Whole: noLeaks})
}

func crashRootOf(p *Pool) (*crashRoot, error) {
	root, err := Root[crashRoot](p)
	if err != nil {
		return nil, err
	}
	return root.Get(), nil
}

// noLeaks checks that what is in the heap can be reached from the root, and
// that all pointers lead somewhere.
func noLeaks(p *Pool) error {
	root, err := Root[crashRoot](p)
	if err != nil {
		return err
	}
	report, err := p.Leaks(root, WalkOpaque(crashType))
	if err != nil {
		return err
	}
	if n := report.Count(); n != 0 {
		return fmt.Errorf("%d objects leaked:\n%v", n, report)
	}
	objects := 1 // the root
	for range p.Objects() {
		objects++
	}
	if objects != report.Reached {
		return fmt.Errorf("%d objects can be reached, there are %d", report.Reached, objects)
	}
	for _, doubt := range report.Doubts {
		if !expected(doubt) {
			return doubt
		}
	}
	return nil
}

// expected says whether a pointer may lead nowhere: after a crash in a move
// between lists of different entries, the one that was left keeps its pointers.
// Check looks at those that count.
func expected(doubt error) bool {
	var e *WalkError
	return errors.As(doubt, &e) && errors.Is(e, ErrNotLive) && (strings.HasSuffix(e.Path, ".next") || strings.HasSuffix(e.Path, ".prev"))
}

// crashType is the type number of objects that hold only bytes.
const crashType = 0x7a5

// crashSlot is an object of bytes and how many they are.
type crashSlot struct {
	Obj OID
	Len uint64
}

// read is what the object holds: "" if there is none.
func (s *crashSlot) read(p *Pool) (string, error) {
	if s.Obj.IsNull() != (s.Len == 0) {
		return "", fmt.Errorf("%d bytes in object %v", s.Len, s.Obj)
	}
	if s.Len == 0 {
		return "", nil
	}
	if n, err := p.TypeNum(s.Obj); err != nil || n != crashType {
		return "", fmt.Errorf("type number %#x, %w", n, err)
	}
	b, err := p.Bytes(s.Obj, 0, s.Len)
	return string(b), err
}

func readSlots(p *Pool, slots []crashSlot) (contents []string, err error) {
	for i := range slots {
		s, err := slots[i].read(p)
		if err != nil {
			return nil, fmt.Errorf("slot %d: %w", i, err)
		}
		contents = append(contents, s)
	}
	return contents, nil
}

// crashText is n bytes that follow from seed.
func crashText(seed uint64, n int) string {
	b := make([]byte, n+8)
	for i := 0; i < n; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed|0x0101010101010101) // unlike new memory
	}
	return string(b[:n])
}

// crashSize is the size of an object. There are few, as each costs a small
// pool a block.
func crashSize(rnd *rand.Rand) int {
	if rnd.IntN(20) == 0 {
		return 300_000
	}
	return []int{40, 200, 700}[rnd.IntN(3)]
}

// bigPage is the unit in which large snapshots are made and checked.
const bigPage = 1 << 10

type crashUpdates struct {
	Cells [40]uint64
	Slots [4]crashSlot
	Pair  [2][128]byte // of which Half says what counts
	Half  uint64
	Big   [40][bigPage]byte
}

type updateModel struct {
	Cells [40]uint64
	Slots [4]string
	Pair  string
	Big   [40]uint64 // what each page was written from
}

// updateOp is a transaction.
type updateOp struct {
	Edits []updateEdit
	Inner int    // the edits from this one on are made in a nested Update
	End   string // commit, error, inner error, panic, goexit
}

// updateEdit is a change in a transaction. V is what it writes, or is written
// from, I where, N how much.
type updateEdit struct {
	What string
	I, N int
	V    uint64
}

// updates runs transactions of every kind, some of which are rolled back.
func updates(part int) crashmodel.Actor[*Pool] {
	region := func(p *Pool) (*crashUpdates, error) {
		root, err := crashRootOf(p)
		if err != nil {
			return nil, err
		}
		return &root.Updates[part], nil
	}
	return crashmodel.Script[*Pool, updateModel, updateOp]{
		Name:  fmt.Sprint("updates ", part),
		Steps: 40,
		Start: updateModel{Pair: string(make([]byte, 128))},
		Draw:  drawUpdate,
		Apply: func(m updateModel, o updateOp) updateModel {
			if o.End == "commit" {
				for _, e := range o.Edits {
					m = e.apply(m)
				}
			}
			return m
		},
		Do: func(p *Pool, o updateOp) error {
			r, err := region(p)
			if err != nil {
				return err
			}
			return o.do(p, r)
		},
		Read: func(p *Pool) (m updateModel, err error) {
			r, err := region(p)
			if err != nil {
				return m, err
			}
			return r.read(p)
		},
	}.Actor()
}

func drawUpdate(rnd *rand.Rand, m updateModel) updateOp {
	o := updateOp{
		End: []string{"commit", "commit", "commit", "commit", "commit", "error", "inner error", "panic", "goexit"}[rnd.IntN(9)],
	}
	for n := 1 + rnd.IntN(6); len(o.Edits) < n; {
		e := drawEdit(rnd, m)
		if e.What == "pair" && slices.ContainsFunc(o.Edits, func(e updateEdit) bool { return e.What == "pair" }) {
			continue // it would write to the half that counts
		}
		o.Edits = append(o.Edits, e)
		m = e.apply(m)
	}
	o.Inner = len(o.Edits)
	if o.End == "inner error" || rnd.IntN(3) == 0 {
		o.Inner = rnd.IntN(o.Inner)
	}
	return o
}

func drawEdit(rnd *rand.Rand, m updateModel) updateEdit {
	slot := rnd.IntN(len(m.Slots))
	e := updateEdit{I: slot, V: rnd.Uint64() | 1}
	have := m.Slots[slot] != ""
	switch rnd.IntN(8) {
	case 0:
		e.What, e.I, e.N = "cells", rnd.IntN(len(m.Cells)-20), 1+rnd.IntN(10)
	case 1:
		e.What, e.I = "big", rnd.IntN(len(m.Big))
		e.N = 1 + rnd.IntN(len(m.Big)-e.I)
	case 2:
		e.What = "pair"
	case 3, 4, 5:
		switch {
		case !have:
			e.What, e.N = []string{"new", "reservation"}[rnd.IntN(2)], crashSize(rnd)
		case rnd.IntN(3) == 0:
			e.What = "free"
		case rnd.IntN(2) == 0:
			e.What, e.N = "realloc", crashSize(rnd)
		default:
			e.What, e.N = "rewrite", 1+rnd.IntN(min(len(m.Slots[slot]), 64))
		}
	default:
		e.What, e.I = "cell", rnd.IntN(len(m.Cells))
	}
	return e
}

// part is where in an object of n bytes a rewrite goes.
func (e updateEdit) part(n int) int { return int(e.V>>8) % (n - e.N + 1) }

func (e updateEdit) apply(m updateModel) updateModel {
	switch e.What {
	case "cell":
		m.Cells[e.I] = e.V
	case "cells":
		for i := range e.N {
			m.Cells[e.I+2*i] = e.V + uint64(i)
		}
	case "pair":
		m.Pair = crashText(e.V, len(m.Pair))
	case "big":
		for i := range e.N {
			m.Big[e.I+i] = e.V + uint64(i)
		}
	case "new", "reservation":
		m.Slots[e.I] = crashText(e.V, e.N)
	case "free":
		m.Slots[e.I] = ""
	case "realloc":
		old := m.Slots[e.I]
		kept := min(len(old), e.N)
		m.Slots[e.I] = old[:kept] + crashText(e.V, e.N-kept)
	case "rewrite":
		old := m.Slots[e.I]
		at := e.part(len(old))
		m.Slots[e.I] = old[:at] + crashText(e.V, e.N) + old[at+e.N:]
	}
	return m
}

var errCrashAbort = errors.New("this transaction is to be rolled back")

func (o updateOp) do(p *Pool, r *crashUpdates) error {
	var err error
	switch o.End {
	case "commit":
		return o.update(p, r)
	case "goexit":
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = o.update(p, r)
		}()
		<-ended
		return nil
	case "panic":
		err = func() (err error) {
			defer func() { err, _ = recover().(error) }()
			return o.update(p, r)
		}()
	default:
		err = o.update(p, r)
	}
	if !errors.Is(err, errCrashAbort) {
		return fmt.Errorf("a transaction that ends in %s gave %v", o.End, err)
	}
	return nil
}

func (o updateOp) update(p *Pool, r *crashUpdates) error {
	return p.Update(func(tx *Tx) error {
		for _, e := range o.Edits[:o.Inner] {
			if err := e.do(tx, r); err != nil {
				return fmt.Errorf("%+v: %w", e, err)
			}
		}
		if o.Inner < len(o.Edits) {
			err := p.Update(func(tx *Tx) error {
				for _, e := range o.Edits[o.Inner:] {
					if err := e.do(tx, r); err != nil {
						return fmt.Errorf("nested %+v: %w", e, err)
					}
				}
				if o.End == "inner error" {
					return errCrashAbort
				}
				return nil
			})
			if err != nil && o.End != "inner error" { // which shall win by itself
				return err
			}
		}
		switch o.End {
		case "error":
			return errCrashAbort
		case "panic":
			panic(errCrashAbort)
		case "goexit":
			runtime.Goexit()
		}
		return nil
	})
}

func (e updateEdit) do(tx *Tx, r *crashUpdates) error {
	p := tx.Pool()
	switch e.What {
	case "cell":
		*MutAt(tx, &r.Cells[e.I]) = e.V
		return nil
	case "cells":
		var ranges []Range
		for i := range e.N {
			ranges = append(ranges, RangeOf(&r.Cells[e.I+2*i]))
		}
		if err := tx.Snapshot(ranges...); err != nil {
			return err
		}
		for i := range e.N {
			r.Cells[e.I+2*i] = e.V + uint64(i)
		}
		return nil
	case "pair":
		other := 1 - r.Half
		if err := tx.Track(RangeOf(&r.Pair[other])); err != nil {
			return err
		}
		copy(r.Pair[other][:], crashText(e.V, 128))
		*MutAt(tx, &r.Half) = other
		return nil
	case "big":
		pages := r.Big[e.I : e.I+e.N]
		if err := tx.Snapshot(RangeOfSlice(pages)); err != nil {
			return err
		}
		for i := range pages {
			copy(pages[i][:], crashText(e.V+uint64(i), bigPage-8))
			binary.LittleEndian.PutUint64(pages[i][bigPage-8:], e.V+uint64(i))
		}
		return nil
	}
	slot := &r.Slots[e.I]
	var oid OID
	n := e.N
	switch e.What {
	case "new":
		o, b, err := NewBytes(tx, n, crashType)
		if err != nil {
			return err
		}
		copy(b, crashText(e.V, n))
		oid = o
	case "reservation":
		v, err := NewReservationBytes(p, n, crashType)
		if err != nil {
			return err
		}
		if err := tx.Publish(v); err != nil {
			return err
		}
		copy(v.Slice(), crashText(e.V, n))
		oid = v.Ptr().OID()
	case "free":
		if err := tx.Free(slot.Obj); err != nil {
			return err
		}
		n = 0
	case "realloc":
		kept := min(slot.Len, uint64(n))
		o, err := tx.Realloc(slot.Obj, uint64(n), crashType)
		if err != nil {
			return err
		}
		b, err := p.Bytes(o, kept, uint64(n)-kept)
		if err != nil {
			return err
		}
		if err := tx.Snapshot(RangeOfSlice(b)); err != nil { // it may have stayed where it was
			return err
		}
		copy(b, crashText(e.V, len(b)))
		oid = o
	case "rewrite":
		b, err := p.Bytes(slot.Obj, uint64(e.part(int(slot.Len))), uint64(n))
		if err != nil {
			return err
		}
		if err := tx.Snapshot(RangeOfSlice(b)); err != nil {
			return err
		}
		copy(b, crashText(e.V, n))
		return nil
	}
	if err := tx.Snapshot(RangeOf(slot)); err != nil {
		return err
	}
	*slot = crashSlot{oid, uint64(n)}
	return nil
}

func (r *crashUpdates) read(p *Pool) (m updateModel, err error) {
	m.Cells = r.Cells
	slots, err := readSlots(p, r.Slots[:])
	if err != nil {
		return m, err
	}
	copy(m.Slots[:], slots)
	if r.Half > 1 {
		return m, fmt.Errorf("half %d", r.Half)
	}
	m.Pair = string(r.Pair[r.Half][:])
	for i := range r.Big {
		page := &r.Big[i]
		m.Big[i] = binary.LittleEndian.Uint64(page[bigPage-8:])
		want := crashText(m.Big[i], bigPage-8)
		if m.Big[i] == 0 {
			want = string(make([]byte, bigPage-8))
		}
		if string(page[:bigPage-8]) != want {
			return m, fmt.Errorf("page %d is a mixture", i)
		}
	}
	return m, nil
}

// Ensure that transactions happen as a whole or not at all.
func TestCrashUpdate(t *testing.T) { runCrash(t, crashtest.Config{}, updates(0)) }

// Ensure the same on an ordinary file.
func TestCrashUpdateOnDisk(t *testing.T) { runCrash(t, onDisk, updates(1)) }

// Ensure the same for two goroutines side by side.
func TestCrashUpdateParallel(t *testing.T) {
	runCrash(t, crashtest.Config{}, updates(0), updates(1))
}
