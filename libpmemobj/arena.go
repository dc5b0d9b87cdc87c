package libpmemobj

// #include "ctl_shim.h"
import "C"

import (
	"fmt"
	"iter"
	"runtime"

	"golang.org/x/sys/unix"
)

// MaxArenas is the most that [Pool.SetMaxArenas] can allow: a flag has no room
// for larger numbers.
const MaxArenas = 1<<16 - 1

// Arena is a part of the allocator that takes pieces of the heap for itself,
// so that threads with different arenas allocate without waiting for each
// other. A pool has one for each processor when it is opened (see
// [WithArenas]), in turns assigned to threads; more can be made.
//
// Arenas are state of the open pool and are gone when it is closed, unlike the
// objects allocated in them. The zero Arena is none. All methods may be called
// from any goroutine.
type Arena struct {
	pool *Pool
	id   uint16
}

// NewArena makes an arena. No thread uses it by itself: allocate in it with
// [Arena.Flag] or [Pool.WithArena], or make it one of those that are assigned
// to threads with [Arena.SetAutomatic]. It cannot be removed.
//
// Implements: pmemobj_ctl_exec(3), the node heap.arena.create
func (p *Pool) NewArena() (Arena, error) {
	const op = "new arena"
	if err := p.enterAny(op); err != nil {
		return Arena{}, err
	}
	defer p.leave()
	p.ctlLock.Lock()
	defer p.ctlLock.Unlock()
	total, err := p.countArenas(op)
	if err != nil {
		return Arena{}, err
	}
	most, err := ctlNumber(ctlGet, p.handle, op, "heap.narenas.max", ctlUint, 0)
	if err != nil {
		return Arena{}, err
	}
	// C would move its table of arenas, under the threads that look at it.
	if total >= uint64(most) {
		return Arena{}, &Error{Op: op, Errno: unix.ENOSPC, Msg: fmt.Sprintf("the pool has %d arenas and may have %d; see SetMaxArenas", total, most)}
	}
	id, err := ctlNumber(ctlExec, p.handle, op, "heap.arena.create", ctlUint, 0)
	if err != nil {
		return Arena{}, err
	}
	p.arenas.Store(uint32(id))
	return Arena{p, uint16(id)}, nil
}

// Arena finds an arena by its number. They count from 1 up to
// [Pool.NumArenas].
func (p *Pool) Arena(id int) (Arena, error) {
	const op = "arena"
	if err := p.enterAny(op); err != nil {
		return Arena{}, err
	}
	defer p.leave()
	if err := p.checkArena(op, id); err != nil {
		return Arena{}, err
	}
	return Arena{p, uint16(id)}, nil
}

// checkArena refuses numbers that C would take for an index. Arenas are never
// removed, so that the number known from before is asked about first.
func (p *Pool) checkArena(op string, id int) error {
	if id > 0 && uint64(id) <= uint64(p.arenas.Load()) {
		return nil
	}
	total, err := p.countArenas(op)
	if err != nil {
		return err
	}
	if id < 1 || uint64(id) > total {
		return badArgument(op, "arena %d; the pool has arenas 1 to %d", id, total)
	}
	return nil
}

func (p *Pool) countArenas(op string) (uint64, error) {
	total, err := ctlNumber(ctlGet, p.handle, op, "heap.narenas.total", ctlUint, 0)
	if err != nil {
		return 0, err
	}
	p.arenas.Store(uint32(total))
	return uint64(total), nil
}

// NumArenas is how many arenas the pool has.
//
// Implements: pmemobj_ctl_get(3), the node heap.narenas.total
func (p *Pool) NumArenas() (int, error) {
	n, err := p.getNumber("count arenas", "heap.narenas.total", ctlUint)
	return int(n), err
}

// AutomaticArenas is how many of the arenas are assigned to threads.
//
// Implements: pmemobj_ctl_get(3), the node heap.narenas.automatic
func (p *Pool) AutomaticArenas() (int, error) {
	n, err := p.getNumber("count arenas", "heap.narenas.automatic", ctlUint)
	return int(n), err
}

// MaxArenas is how many arenas the pool may have, at first 1024.
//
// Implements: pmemobj_ctl_get(3), the node heap.narenas.max
func (p *Pool) MaxArenas() (int, error) {
	n, err := p.getNumber("max arenas", "heap.narenas.max", ctlUint)
	return int(n), err
}

// SetMaxArenas allows n arenas, at most [MaxArenas]; the number cannot be
// lowered. PMDK moves its table of arenas for it, which no allocation must see:
// while a transaction or an operation is under way, the error matches
// ErrPoolBusy, and what begins meanwhile waits.
//
// Implements: pmemobj_ctl_set(3), the node heap.narenas.max
func (p *Pool) SetMaxArenas(n int) error {
	const op, node = "set max arenas", "heap.narenas.max"
	if n < 1 || n > MaxArenas {
		return badArgument(op, "%d arenas; 1 to %d can be allowed", n, MaxArenas)
	}
	return p.alone(op, func() error {
		now, err := ctlNumber(ctlGet, p.handle, op, node, ctlUint, 0)
		if err != nil || int64(n) == now {
			return err
		}
		if int64(n) < now {
			return badArgument(op, "%d arenas; %d are allowed already, and the number cannot be lowered", n, now)
		}
		_, err = ctlNumber(ctlSet, p.handle, op, node, ctlUint, int64(n))
		return err
	})
}

// Arenas lists the pool's arenas.
func (p *Pool) Arenas() iter.Seq[Arena] {
	return func(yield func(Arena) bool) {
		n, err := p.NumArenas()
		if err != nil {
			return
		}
		for id := 1; id <= n && yield(Arena{p, uint16(id)}); id++ {
		}
	}
}

// ID is the arena's number in its pool, 0 for the zero Arena.
func (a Arena) ID() int { return int(a.id) }

// Flag makes an allocation take its memory from this arena, whichever the
// thread's is. It means something in the arena's own pool only.
func (a Arena) Flag() AllocFlags { return AllocFlags(a.id) << arenaShift }

// Size is the memory in bytes that belongs to the arena alone at present.
//
// Implements: pmemobj_ctl_get(3), the node heap.arena.[arena_id].size
func (a Arena) Size() (uint64, error) {
	n, err := a.get("arena size", "size", ctlUlong)
	return uint64(n), err
}

// Automatic says whether the arena is assigned to threads.
//
// Implements: pmemobj_ctl_get(3), the node heap.arena.[arena_id].automatic
func (a Arena) Automatic() (bool, error) {
	n, err := a.get("arena automatic", "automatic", ctlInt)
	return n != 0, err
}

func (a Arena) get(op, leaf string, typ ctlType) (int64, error) {
	if a.pool == nil {
		return 0, stateErr(op, ErrNull, "the zero Arena")
	}
	return a.pool.getNumber(op, a.node(leaf), typ)
}

func (a Arena) node(leaf string) string { return fmt.Sprintf("heap.arena.%d.%s", a.id, leaf) }

// SetAutomatic adds the arena to those that are assigned to threads, or takes
// it away. One must stay. Threads that have the arena already keep it.
//
// Implements: pmemobj_ctl_set(3), the node heap.arena.[arena_id].automatic
func (a Arena) SetAutomatic(automatic bool) error {
	const op = "set arena automatic"
	p := a.pool
	if p == nil {
		return stateErr(op, ErrNull, "the zero Arena")
	}
	if err := p.enterAny(op); err != nil {
		return err
	}
	defer p.leave()
	p.ctlLock.Lock()
	defer p.ctlLock.Unlock()
	now, err := ctlNumber(ctlGet, p.handle, op, a.node("automatic"), ctlInt, 0)
	if err != nil || (now != 0) == automatic {
		return err // C counts a second setting twice
	}
	n, err := ctlNumber(ctlGet, p.handle, op, "heap.narenas.automatic", ctlUint, 0)
	if err != nil {
		return err
	}
	v := int64(0)
	if automatic {
		v = 1
	} else if n == 1 {
		return badArgument(op, "arena %d is the last automatic one; threads need one", a.id)
	}
	_, err = ctlNumber(ctlSet, p.handle, op, a.node("automatic"), ctlInt, v)
	return err
}

// WithArena runs fn with the goroutine locked to its thread, and with arena a
// assigned to the thread in a's pool; then the thread has the arena back that
// it had before. All allocations that fn makes itself in the pool come from a,
// those in goroutines that fn starts do not. Calls can be nested.
//
// fn's error is returned. The pool stays open while fn runs.
//
// Implements: pmemobj_ctl_set(3), the node heap.thread.arena_id
func (p *Pool) WithArena(a Arena, fn func() error) error {
	const op = "with arena"
	if err := p.checkOwnArena(op, a); err != nil {
		return err
	}
	if err := p.enterAny(op); err != nil {
		return err
	}
	defer p.leave()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := p.threadArena(op)
	if err != nil {
		return err
	}
	if err := p.assignArena(op, a.id); err != nil {
		return err
	}
	defer p.assignArena(op, before)
	return fn()
}

func (p *Pool) checkOwnArena(op string, a Arena) error {
	switch {
	case a.pool == nil:
		return stateErr(op, ErrNull, "the zero Arena")
	case a.pool != p:
		return stateErr(op, ErrForeignPool, "arena %d is of pool %s", a.id, a.pool.path)
	}
	return nil
}

// assignArena gives the calling thread an arena. In a pool with WithGlobalArena
// C agrees, and changes nothing.
func (p *Pool) assignArena(op string, id uint16) error {
	if _, err := ctlNumber(ctlSet, p.handle, op, "heap.thread.arena_id", ctlUint, int64(id)); err != nil {
		return err
	}
	if now, err := p.threadArena(op); err != nil || now == id {
		return err
	}
	return &Error{Op: op, Path: p.path, Errno: unix.ENOTSUP, Msg: "the pool was opened with WithGlobalArena: threads have no arenas of their own; use Arena.Flag"}
}

// ThreadArena is the arena that is assigned to the calling thread. Outside
// [Pool.Update] and [Pool.WithArena] a goroutine changes its thread at any
// time.
//
// Implements: pmemobj_ctl_get(3), the node heap.thread.arena_id
func (p *Pool) ThreadArena() (Arena, error) {
	const op = "thread arena"
	if err := p.enterAny(op); err != nil {
		return Arena{}, err
	}
	defer p.leave()
	id, err := p.threadArena(op)
	return Arena{p, id}, err
}

func (p *Pool) threadArena(op string) (uint16, error) {
	id, err := ctlNumber(ctlGet, p.handle, op, "heap.thread.arena_id", ctlUint, 0)
	return uint16(id), err
}
