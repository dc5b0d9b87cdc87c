package libpmemobj

import (
	"context"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// WithMedium keeps the pool on something else than its files alone. It is for
// packages of this module, such as libpmemobj/journal, which wrap it in an
// option of their own: the type of its argument is internal. It excludes
// WithDurability and WithCopyOnWrite.
//
// In such a pool every operation that promises durability waits for the medium
// at its end, after everybody else can see what it did and with no lock held.
// What a goroutine has seen of others is therefore durable when an operation of
// its own that changes the pool returns, or after [Pool.Sync].
func WithMedium(m medium.Medium) Option {
	return func(o *options) { o.medium, o.mediumSet = m, true }
}

var (
	// ErrFailed is the error of a pool whose medium has failed, the disk of its
	// journal for example. An operation that waits for the medium at that moment
	// has happened as far as this process can see, but is not durable. Those
	// that change the pool fail at their beginning from then on; those that read
	// go on.
	ErrFailed = errors.New("the medium of the pool failed")

	// ErrUnreplayed is the error of opening a pool without the journal that
	// holds changes of its.
	ErrUnreplayed = poolheader.ErrUnreplayed
)

// unreplayed is the error of a header with unknown features, nil if the journal
// is not the reason.
func unreplayed(op, path string, unknown uint32) error {
	if !poolheader.Unreplayed(unknown) {
		return nil
	}
	err := stateErrAt(op, path, ErrUnreplayed, "%s", poolheader.ReplayHint).(*stateError)
	err.err.Errno = unix.EINVAL
	return err
}

// mediumError is the error of an operation in a pool whose medium has failed.
type mediumError struct {
	err   Error
	cause error
}

func (e *mediumError) Error() string   { return e.err.Error() }
func (e *mediumError) Unwrap() []error { return []error{&e.err, ErrFailed, e.cause} }

// failed gives an error of the keeper's the operation.
func (p *Pool) failed(op string, cause error) error {
	msg := cause.Error()
	if !errors.Is(cause, ErrFailed) {
		msg = ErrFailed.Error() + ": " + msg
	}
	return &mediumError{Error{Op: op, Path: p.path, Msg: msg}, cause}
}

// Keeper is what keeps the pool on its medium, nil without one. It is for the
// package that has made the medium.
func (p *Pool) Keeper() medium.Keeper { return p.keeper }

// Failed is nil until the medium of the pool fails, and an error that matches
// ErrFailed from then on; without a medium it is always nil. A [PoolUser] asks
// before it changes the pool's memory by itself.
func (p *Pool) Failed() error {
	if p.keeper == nil {
		return nil
	}
	return p.mediumFailed("change")
}

// changeable is Failed for an operation.
func (p *Pool) changeable(op string) error {
	if p.keeper == nil {
		return nil
	}
	return p.mediumFailed(op)
}

func (p *Pool) mediumFailed(op string) error {
	if err := p.keeper.Err(); err != nil {
		return p.failed(op, err)
	}
	return nil
}

// enterChange is enter for an operation that changes the pool.
func (p *Pool) enterChange(op string) error {
	if err := p.changeable(op); err != nil {
		return err
	}
	return p.enter(op)
}

// enterAnyChange is enterAny for an operation that changes the pool.
func (p *Pool) enterAnyChange(op string) error {
	if err := p.changeable(op); err != nil {
		return err
	}
	return p.enterAny(op)
}

// settled ends an operation that promises durability: unless it failed, it
// waits for the medium. The caller is inside the pool and holds none of its
// locks.
func (p *Pool) settled(op string, err error) error {
	if p.keeper == nil || err != nil {
		return err
	}
	return p.await(op)
}

func (p *Pool) await(op string) error {
	if err := p.keeper.Await(); err != nil {
		return p.failed(op, err)
	}
	return nil
}

// AwaitDurable waits until all that the calling goroutine has made durable by
// [Pool.PersistThenSet], [Pool.PersistRanges], [Pool.PersistInside],
// [Pool.PublishUnsettled] and [Pool.UpdateUnsettled] is so on the medium as
// well. Without a medium, there is nothing to wait for. It is for a [PoolUser],
// which calls it at the end of an operation when it has released its locks, so
// that nobody else waits for a disk. The pool may have been closed meanwhile,
// which made everything durable, or says so in its error.
//
// The error matches ErrFailed: the change has happened in memory, but is not
// durable.
func (p *Pool) AwaitDurable() error {
	if p.keeper == nil {
		return nil
	}
	return p.awaitOutside("await")
}

// awaitOutside is await for those who are not inside the pool.
func (p *Pool) awaitOutside(op string) error {
	if _, err := p.guard.Enter(); err != nil {
		p.closeLock.Lock() // until Close has come to its end
		defer p.closeLock.Unlock()
		return p.closeErr
	}
	defer p.guard.Exit()
	return p.await(op)
}

// Sync waits until everything that any goroutine has changed before the call is
// durable, and returns ctx's error if that ends first. It is for programs that
// have their medium not wait for each operation, and for what they saw of the
// changes of others and are about to tell the world. Without a medium each
// operation has waited already, and Sync returns at once.
//
// If the medium has failed, the error matches ErrFailed.
func (p *Pool) Sync(ctx context.Context) error {
	const op = "sync"
	if err := p.enterAny(op); err != nil {
		return err
	}
	defer p.leave()
	if p.keeper == nil {
		return nil
	}
	err := p.keeper.Sync(ctx)
	switch {
	case err == nil:
		return nil
	case p.keeper.Err() != nil:
		return p.failed(op, err)
	}
	return fmt.Errorf("%s %s: %w", op, p.path, err)
}

// Quiescent runs fn with nobody else in the pool: no operation, no transaction,
// no container in use, no lock of the pool held. fn gets where the pool is
// mapped and how large it is, and must not use the pool. What wants to begin
// meanwhile waits, except reading through pointers, which nothing keeps out.
// With somebody inside, the error matches ErrPoolBusy and fn is not run.
//
// It is for packages of this module that keep pools on other media and give
// back memory.
func (p *Pool) Quiescent(fn func(base unsafe.Pointer, size int64) error) error {
	const op = "quiescent"
	if err := p.notConstructing(op); err != nil {
		return stateErr(op, ErrPoolBusy, "this goroutine is inside a constructor")
	}
	lockUses.dropAbandoned(uintptr(p.base), uintptr(p.span))
	return p.alone(op, func() error {
		closed := p.attached.closing()
		if closed == nil {
			return stateErr(op, ErrPoolBusy, "other goroutines are inside what is attached to it")
		}
		defer closed(false)
		p.lists.lock(allListLocks)
		defer p.lists.unlock(allListLocks)
		size := p.size
		if p.growth != nil {
			size = int64(p.heap.End())
		}
		return fn(p.base, size)
	})
}
