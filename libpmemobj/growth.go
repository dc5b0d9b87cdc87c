package libpmemobj

// #include "set_shim.h"
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolset"
)

// growth is what a pool needs to know that grows: one whose set file names
// folders. Its base stays where it is; PMDK maps each new part behind the last
// one, into addresses that it reserved, and then raises the size of the heap.
// All bounds are read from there.
type growth struct {
	path   string       // of the set file
	set    *poolset.Set // what it says
	limit  int64        // bytes
	frozen bool         // copy-on-write: a new part would be no copy
	lock   sync.Mutex   // held by Extend
}

// stepComment begins the line of a pool set file that says by how much the
// pool grows. PMDK, which keeps the step nowhere, takes it for a comment.
const stepComment = " pmdk-go: growth step "

// Limits of growing, in bytes.
const (
	// MinPart is the size of the smallest part, and the least that a pool
	// grows by.
	MinPart = 2 << 20

	// DefaultStep is what a pool grows by if nothing else was said, or an
	// eighth of its limit if that is less.
	DefaultStep = 128 << 20

	// MaxStep is the most that a pool grows by on its own. PMDK keeps the step
	// in a signed number of 32 bits, and drops the others.
	MaxStep = 2<<30 - MinPart
)

// pages rounds a size up to whole pages. PMDK would take any number, and not
// open the pool again.
func pages(n int64) int64 { return (n + page - 1) &^ (page - 1) }

// defaultStep is the step of a pool that can have limit bytes.
func defaultStep(limit int64) int64 {
	return max(MinPart, min(DefaultStep, pages(limit/8)))
}

// stepOf reads the step from a pool set, 0 if it has none.
func stepOf(op, path string, set *poolset.Set) (int64, error) {
	for _, c := range set.Comments {
		text, ok := strings.CutPrefix(c, stepComment)
		if !ok {
			continue
		}
		step, ok := poolset.ParseSize(strings.TrimSpace(text))
		if !ok || step < MinPart || step > MaxStep || step%uint64(page) != 0 {
			return 0, &Error{Op: op, Path: path, Errno: unix.EINVAL, Msg: fmt.Sprintf("pool set: a growth step of %q: from %d to %d bytes (MinPart, MaxStep) in whole pages are possible", strings.TrimSpace(text), MinPart, int64(MaxStep))}
		}
		return int64(step), nil
	}
	return 0, nil
}

// setStep makes the pool grow by step bytes when it is full, not at all if step
// is 0.
func (p *Pool) setStep(op string, step int64) error {
	var st cgoutil.Status
	C.pmemgo_obj_set_step(p.handle, C.uint64_t(step), cStatus(&st))
	if st.Errno != 0 {
		return st.Err(op, p.path)
	}
	return nil
}

// startGrowing sets the step of a pool that was just opened.
func (p *Pool) startGrowing(op string, step int64) error {
	if p.growth == nil {
		return nil
	}
	if p.growth.frozen {
		return p.setStep(op, 0)
	}
	if step == 0 {
		// PMDK's own, or that of its configuration.
		step = int64(C.pmemgo_obj_step(p.handle))
		if step%page == 0 {
			return nil
		}
	}
	return p.setStep(op, pages(step))
}

// Extend makes the pool larger by that many bytes, rounded up to whole pages,
// and at least MinPart. All of it is allocated in the file system. A pool of
// folders, see [WithGrowth], does so by itself when it is full; Extend does it
// when it suits the program, and as one part.
//
// Other goroutines go on meanwhile; what they allocate waits. If the limit does
// not allow it, or the disk is full, nothing has changed, and the error matches
// ErrOutOfSpace and says which. A pool that cannot grow at all gives
// unix.ENOTSUP.
//
// Implements: pmemobj_ctl_exec(3), the node heap.size.extend
func (p *Pool) Extend(bytes int64) (err error) {
	const op = "extend"
	if err := p.enterAnyChange(op); err != nil {
		return err
	}
	defer p.leave()
	g := p.growth
	switch {
	case g == nil:
		return &Error{Op: op, Path: p.path, Errno: unix.ENOTSUP, Msg: "only a pool set of folders can grow; see WithGrowth"}
	case g.frozen:
		return &Error{Op: op, Path: p.path, Errno: unix.ENOTSUP, Msg: "a pool opened with WithCopyOnWrite does not grow"}
	case bytes < MinPart:
		return badArgument(op, "%d bytes; a pool grows by at least %d (MinPart)", bytes, MinPart)
	}
	defer func() { err = p.settled(op, err) }() // when the lock is given back
	g.lock.Lock()
	defer g.lock.Unlock()
	// PMDK would extend by less, and say nothing.
	if err := p.beyondLimit(op, bytes); err != nil {
		return err
	}
	bytes = pages(bytes)
	// Without asking first, the disk would be filled to the brim. With several
	// folders, PMDK decides which is next.
	if len(g.set.Replicas[0].Parts) == 1 {
		if errno, reason := g.disk(bytes); reason != "" {
			return p.full(op, errno, reason)
		}
	}
	var st cgoutil.Status
	C.pmemgo_obj_extend(p.handle, C.uint64_t(bytes), cStatus(&st))
	if st.Errno == 0 {
		return nil
	}
	// Another goroutine's allocation may have been quicker.
	if err := p.beyondLimit(op, bytes); err != nil {
		return err
	}
	if errno, reason := g.disk(bytes); reason != "" {
		return p.full(op, errno, reason)
	}
	return st.Err(op, p.path)
}

// beyondLimit fails if so many bytes more are more than the pool can have.
func (p *Pool) beyondLimit(op string, bytes int64) error {
	limit := p.growth.limit
	left := max(limit-int64(p.heap.End()), 0)
	if bytes <= left && pages(bytes) <= left {
		return nil
	}
	return p.full(op, unix.ENOMEM, fmt.Sprintf("%d bytes more, the limit of %d leaves %d", bytes, limit, left))
}

// Limit is the size in bytes that the pool can grow to, which the pool set
// file says; for a pool that does not grow, it is Size.
func (p *Pool) Limit() int64 {
	if p.growth == nil || p.growth.frozen {
		return p.Size()
	}
	return p.growth.limit
}

// tidy gives the parts of a closed pool of that size consecutive numbers, which
// C programs need. If it fails, the next Open does it.
func (g *growth) tidy(size int64) {
	const op = "close"
	s := &poolSet{path: g.path, text: g.set, folders: true}
	for i := range g.set.Replicas {
		if _, err := s.list(op, &g.set.Replicas[i]); err != nil {
			return
		}
	}
	if s.gap == "" || s.openParts(op) != nil {
		return
	}
	defer s.close()
	if s.lock(op) == nil && s.size() == size {
		_ = s.renumber()
	}
}

// full is the error of a pool that did not grow.
func (p *Pool) full(op string, errno unix.Errno, reason string) error {
	return &stateError{Error{Op: op, Path: p.path, Errno: errno, Msg: ErrOutOfSpace.Error() + ": " + reason}, ErrOutOfSpace}
}

// opError is the error of an operation in p. If there is no room, it says why
// there cannot be more.
func (p *Pool) opError(st *cgoutil.Status, op string) error {
	said := st.Err(op, "")
	err := opError(st, op)
	if p.growth == nil || !errors.Is(err, ErrOutOfSpace) {
		return err
	}
	errno, reason := p.whyFull(said)
	return p.full(op, errno, reason)
}

// whyFull finds out why a full pool did not grow. PMDK's message says half of
// it at best.
func (p *Pool) whyFull(said error) (unix.Errno, string) {
	g, size := p.growth, int64(p.heap.End())
	step := int64(C.pmemgo_obj_step(p.handle))
	switch {
	case g.frozen:
		return unix.ENOMEM, "a pool opened with WithCopyOnWrite does not grow"
	case step == 0:
		return unix.ENOMEM, "growing is switched off (its step is 0)"
	case g.limit-size < MinPart:
		return unix.ENOMEM, fmt.Sprintf("it has grown to its limit of %d bytes; larger sizes in %s raise it the next time the pool is opened", g.limit, g.path)
	}
	if errno, reason := g.disk(min(step, g.limit-size)); reason != "" {
		return errno, reason
	}
	var e *Error
	if errors.As(said, &e) && e.Msg != "" {
		return unix.ENOMEM, "it cannot grow: " + e.Msg
	}
	return unix.ENOMEM, "it cannot grow"
}

// disk says why a part of that many bytes cannot be made in one of the
// folders; the text is empty if it can.
func (g *growth) disk(bytes int64) (unix.Errno, string) {
	for _, r := range g.set.Replicas {
		for _, folder := range r.Parts {
			var fs unix.Statfs_t
			var errno unix.Errno
			if err := unix.Statfs(folder.Path, &fs); errors.As(err, &errno) {
				return errno, fmt.Sprintf("it cannot grow: folder %s: %v", folder.Path, err)
			}
			free := int64(fs.Bavail) * fs.Bsize
			if fs.Blocks > 0 && free < bytes {
				return unix.ENOSPC, fmt.Sprintf("it cannot grow: no space left on the disk for a part of %d bytes: folder %s has %d", bytes, folder.Path, free)
			}
			if err := unix.Access(folder.Path, unix.W_OK|unix.X_OK); errors.As(err, &errno) {
				return errno, fmt.Sprintf("it cannot grow: folder %s: %v", folder.Path, err)
			}
		}
	}
	return 0, ""
}
