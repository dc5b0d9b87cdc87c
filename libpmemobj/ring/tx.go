package ring

import (
	"github.com/pmem/pmdk-go/libpmemobj"
)

// txState is what a transaction that has the ring has done with it.
type txState struct {
	active    bool // it has changed the ring; the rest is from before
	added     bool // records were added, or removed at the end, under a new epoch
	removed   bool // records were removed
	slot      slot
	which     int
	tail      uint64
	next      uint64
	low       uint64   // sequence numbers that were added are not below
	committed []uint64 // messages of a queue; needs no InTx
}

// begin prepares the ring for changes by a transaction that has it.
func (s *state) begin() {
	if s.txn.active {
		return
	}
	s.freshen()
	// All that the transaction does can be undone only as long as the records
	// that the slot of before leads to are there.
	s.saveFront()
	t := &s.txn
	t.active, t.added, t.removed = true, false, false
	t.slot, t.which, t.tail, t.next = s.slot, s.which, s.tail, s.entries.next()
	t.low = t.next
}

// setSlotIn makes a new slot count once tx is committed.
func (s *state) setSlotIn(tx *libpmemobj.Tx, n slot) error {
	dst := &s.header.slots[1-s.which]
	if err := tx.Snapshot(libpmemobj.RangeOf(dst)); err != nil {
		return err
	}
	s.fill(dst, &n)
	s.slot, s.which = n, 1-s.which
	return nil
}

// appendIn is append in a transaction. The records are under an epoch of their
// own, so that those of one that is rolled back are never taken for others.
func (s *state) appendIn(tx *libpmemobj.Tx, records [][]byte) (seq uint64, err error) {
	if err := s.fits(records); err != nil {
		return 0, err
	}
	s.begin()
	begin := s.tail
	end := s.end(begin, records)
	if end-min(s.txn.slot.pos, s.slot.pos) > s.capacity {
		return 0, ErrFull
	}
	seq = s.entries.next()
	if !s.txn.added {
		n := s.slot
		n.epoch, n.cut = s.newEpoch(), seq
		if err := s.setSlotIn(tx, n); err != nil {
			return 0, err
		}
		s.txn.added = true
	}
	// What was there before comes back with a rollback, the rest need not.
	if was := s.txn.tail; begin < was {
		a, b := s.ranges(begin, min(end, was))
		if err := tx.Snapshot(a, b); err != nil {
			return 0, err
		}
	}
	if free := max(begin, s.txn.tail); free < end {
		a, b := s.ranges(free, end)
		if err := tx.Track(a, b); err != nil {
			return 0, err
		}
	}
	s.txn.low = min(s.txn.low, seq)
	s.writeAll(begin, s.slot.epoch, seq, records)
	s.mu.Lock() // consumers look at their messages, and give them back, meanwhile
	s.reserve(records, end)
	s.mu.Unlock()
	return seq, nil
}

// removeFront removes the records before seq. tx is nil for an operation by
// itself, which has the ring to itself.
func (s *state) removeFront(tx *libpmemobj.Tx, seq uint64) error {
	seq = min(seq, s.entries.next())
	if seq <= s.entries.first {
		return nil
	}
	n := s.slot
	n.seq, n.pos = seq, s.tail
	if s.entries.has(seq) {
		n.pos = s.entries.get(seq).pos
	}
	if err := s.change(tx, n); err != nil {
		return err
	}
	s.entries.cutFront(seq)
	s.pos = n.pos
	return nil
}

// removeBack removes the records from seq on.
func (s *state) removeBack(tx *libpmemobj.Tx, seq uint64) error {
	seq = max(seq, s.entries.first)
	if seq >= s.entries.next() {
		return nil
	}
	tail := s.pos
	if seq > s.entries.first {
		tail = s.entries.get(seq - 1).pos
		tail += frame(int(s.at(tail).size))
	}
	n := s.slot
	n.epoch, n.cut = s.newEpoch(), seq
	if err := s.change(tx, n); err != nil {
		return err
	}
	s.entries.cutBack(seq)
	s.tail = tail
	s.txn.added = tx != nil
	return nil
}

// restart removes all records, and has the next one get the sequence number.
func (s *state) restart(tx *libpmemobj.Tx, next uint64) error {
	n := s.slot
	n.epoch, n.cut = s.newEpoch(), next
	n.seq, n.pos = next, s.tail
	if err := s.change(tx, n); err != nil {
		return err
	}
	s.entries.first, s.entries.n = next, 0
	s.pos = s.tail
	s.txn.added = tx != nil
	return nil
}

// change sets the slot, at once or with a transaction.
func (s *state) change(tx *libpmemobj.Tx, n slot) error {
	if tx == nil {
		s.setSlot(n)
		return nil
	}
	s.txn.removed = true
	return s.setSlotIn(tx, n)
}

// txEnd takes the outcome of a transaction over.
func (s *state) txEnd(committed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queue != nil {
		s.queueTxEnd(committed)
	}
	t := &s.txn
	if !t.active {
		return
	}
	t.active = false
	switch {
	case committed:
		for seq := max(t.low, s.entries.first); seq < s.entries.next(); seq++ {
			s.entries.get(seq).state = ready
		}
		s.show()
	case t.removed:
		s.slot, s.which, _ = s.header.current()
		s.scan()
	default:
		s.slot, s.which = t.slot, t.which
		s.tail = t.tail
		s.entries.cutBack(t.next)
	}
}
