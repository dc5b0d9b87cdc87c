package radix

import (
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// shard is a part of what waits to be freed: the chains in the pool are what is
// left of it after a crash. What is taken out of the tree is put into one
// chain, in the same publication. The other one is freed, when nobody can be
// looking at it any more.
type shard struct {
	mu    sync.Mutex
	heads *[2]uint64 // in the pool
	into  int        // the chain that is added to
	count int        // of its objects, at least
	free  uint64     // the epoch from which on the other may be freed
	_     [24]byte
}

const (
	chainLength = 16 // from which on a chain is to be freed
	freeAtOnce  = 24 // objects that one publication frees, so that its log has room
)

// drop puts objects that are about to leave the tree into the chain, as part
// of publication a. The shard's lock is held.
func (t *tree) drop(s *shard, a *libpmemobj.Actions, dead []uint64) error {
	if len(dead) == 0 {
		return nil
	}
	at := &s.heads[s.into]
	first := *at
	var ranges [8]libpmemobj.Range
	for i, off := range dead {
		next := t.nextWord(off)
		*next, first = first, off
		ranges[i%len(ranges)] = libpmemobj.RangeOf(next)
		if i == len(dead)-1 || i%len(ranges) == len(ranges)-1 {
			if err := t.pool.PersistRanges(ranges[:i%len(ranges)+1]...); err != nil {
				return err
			}
		}
	}
	libpmemobj.Store(a, at, first)
	return nil
}

// dropped is called after the publication that put n objects into the chain,
// and frees what can be freed. The shard's lock is held.
func (t *tree) dropped(s *shard, n int) {
	s.count += n
	if s.count < chainLength {
		return
	}
	other := &s.heads[s.into^1]
	if *other != 0 {
		for range 2 {
			if t.epochs.now.Load() < s.free {
				t.epochs.advance()
			}
		}
		// If it fails, the next one tries again.
		if t.epochs.now.Load() < s.free || t.freeChain(other) != nil {
			return
		}
	}
	s.into, s.count = s.into^1, 0
	s.free = t.epochs.now.Load() + 2
}

// freeChain frees a chain that nobody looks at.
func (t *tree) freeChain(at *uint64) error {
	for *at != 0 {
		err := t.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
			off := *at
			for n := 0; off != 0 && n < freeAtOnce; n++ {
				a.Free(t.oid(off))
				off = *t.nextWord(off)
			}
			libpmemobj.Store(a, at, off)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// freeChains frees all that was left, while nobody is in the tree.
func (t *tree) freeChains() error {
	for i := range t.shards {
		s := &t.shards[i]
		for j := range s.heads {
			if err := t.freeChain(&s.heads[j]); err != nil {
				return err
			}
		}
		s.count = 0
	}
	return nil
}
