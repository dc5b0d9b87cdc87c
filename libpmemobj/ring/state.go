package ring

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Errors that errors.Is finds.
var (
	// ErrFull is returned if the ring has no room for all the records; none was
	// added then.
	ErrFull = errors.New("the ring is full")

	// ErrTooLarge is returned if the ring would not have room for the records
	// even if it was empty.
	ErrTooLarge = errors.New("larger than the ring")

	// ErrCorrupt is returned if a record's checksum is wrong: the medium, or
	// somebody else, has changed it.
	ErrCorrupt = errors.New("the record's checksum is wrong")
)

// MinCapacity is the smallest capacity of a ring, in bytes.
const MinCapacity = 4096

// state is what goes with a log or a queue in memory.
type state struct {
	container.Lock
	pool     *libpmemobj.Pool
	header   *header
	ring     []byte
	capacity uint64

	// Positions count bytes from the beginning of time; the ring holds those
	// of the last round.
	mu      sync.RWMutex
	changed sync.Cond // durable has changed
	waiting int
	entries entries
	pos     uint64        // of the first record; the space before is free
	tail    uint64        // where the next record goes
	first   atomic.Uint64 // entries.first, without what transactions do
	durable atomic.Uint64 // the records before this sequence number are

	// The slot that counts changes under slotMu and mu, or in Exclusive, or in
	// a transaction that has the container.
	slotMu sync.Mutex
	slot   slot
	which  int
	fresh  bool   // nothing was added since the pool was opened
	epochs uint64 // the highest that was used

	txn   txState
	queue *queueState // nil in a log
}

func stateOf(p *libpmemobj.Pool, off, magic uint64) (*state, error) {
	return container.Of(p, off, func() (*state, error) {
		s := &state{}
		s.changed.L = &s.mu
		if err := s.open(p, off, magic); err != nil {
			return nil, err
		}
		s.epochs = s.slot.epoch
		if magic == queMagic {
			s.queue = &queueState{}
			s.OnGone(s.queueGone)
		}
		s.scan()
		return s, s.Init(p, s.txEnd)
	})
}

// scan finds all records. What follows the last sound one is not there: it was
// not durable when the program ended, or is older.
func (s *state) scan() {
	s.entries = entries{first: s.slot.seq}
	s.pos, s.tail = s.slot.pos, s.slot.pos
	pos, seq, prev := s.slot.pos, s.slot.seq, uint64(0)
	batch, left := uint64(0), uint32(0) // records of the batch that is not complete
	for {
		if s.capacity-pos%s.capacity < recordSize {
			pos = s.skipTo(pos, recordSize)
		}
		if pos-s.slot.pos >= s.capacity || !s.valid(pos, seq, prev) {
			break
		}
		r := s.at(pos)
		prev = r.epoch
		if r.size == skipSize {
			pos = s.skipTo(pos, s.capacity)
			continue
		}
		if batch > 0 && r.left != left-1 {
			break
		}
		st := ready
		if r.state == stateDone {
			st = done
		}
		s.entries.add(pos, st)
		pos += frame(int(r.size))
		batch++
		// What is below the cut was all there when that was made, though the
		// rest of its batch may have been removed then.
		if left = r.left; left == 0 || seq < s.slot.cut {
			batch = 0
			s.tail = pos
		}
		seq++
	}
	s.entries.cutBack(s.entries.next() - batch)
	if s.queue != nil {
		s.queueScanned()
	}
	s.show()
	s.fresh = true
}

// setSlot makes a new slot count, and durable. The caller has slotMu or is
// alone.
func (s *state) setSlot(n slot) {
	dst := &s.header.slots[1-s.which]
	s.fill(dst, &n)
	s.pool.PersistInside(libpmemobj.RangeOf(dst))
	s.mu.Lock()
	s.slot, s.which = n, 1-s.which
	s.mu.Unlock()
}

// fill writes n to a slot, as the one that counts.
func (s *state) fill(dst, n *slot) {
	n.gen = s.slot.gen + 1
	*dst = *n
	n.crc = dst.sum()
	dst.crc = n.crc
}

// newEpoch is one that no record has. Those of transactions that were rolled
// back, which no slot tells of, are known as long as the pool is open; after that,
// the upper half is a new one.
func (s *state) newEpoch() uint64 {
	s.epochs = max(s.epochs, s.slot.epoch) + 1
	if s.fresh {
		s.epochs = (s.slot.epoch>>32 + 1) << 32
	}
	return s.epochs
}

// freshen is called before the first change after opening: records that a crash
// left behind the last sound one, of a batch that was not durable, must not
// become part of the ring when new ones are written before them.
func (s *state) freshen() {
	s.slotMu.Lock()
	defer s.slotMu.Unlock()
	if !s.fresh {
		return
	}
	s.mu.RLock()
	n := s.slot
	n.cut = s.entries.next()
	s.mu.RUnlock()
	n.epoch = s.newEpoch()
	s.setSlot(n)
	s.mu.Lock()
	s.fresh = false
	s.mu.Unlock()
}

// fits checks that a ring has room for the records once it is empty, wherever
// they come to lie.
func (s *state) fits(records [][]byte) error {
	var sum, largest uint64
	for _, r := range records {
		f := frame(len(r))
		if sum += f; f > s.capacity || sum > s.capacity {
			return tooLarge(sum, s.capacity)
		}
		largest = max(largest, f)
	}
	if sum+largest > s.capacity {
		return tooLarge(sum+largest, s.capacity)
	}
	return nil
}

func tooLarge(n, capacity uint64) error {
	return fmt.Errorf("%w: the records need %d bytes of %d", ErrTooLarge, n, capacity)
}

// end is where the tail comes to lie if the records are added at pos.
func (s *state) end(pos uint64, records [][]byte) uint64 {
	for _, r := range records {
		f := frame(len(r))
		pos = s.skipTo(pos, f) + f
	}
	return pos
}

// append adds records, durable and all or none, and returns the first one's
// sequence number. Nothing happens if there is no room for all of them.
//
// In a queue, full is opened when there is room for more.
func (s *state) append(records [][]byte) (seq uint64, full <-chan struct{}, err error) {
	if err := s.fits(records); err != nil {
		return 0, nil, err
	}
	begin, end, full, err := s.place(records)
	if err != nil {
		return 0, full, err
	}
	seq, epoch := s.entries.next(), s.slot.epoch
	s.reserve(records, end)
	s.mu.Unlock()

	s.writeAll(begin, epoch, seq, records)
	a, b := s.ranges(begin, end)
	s.pool.PersistInside(a, b)
	s.finish(seq, seq+uint64(len(records)))
	return seq, nil, nil
}

// place finds the room that the records need, and keeps mu locked if there is
// enough.
func (s *state) place(records [][]byte) (begin, end uint64, full <-chan struct{}, err error) {
	for {
		s.mu.Lock()
		begin = s.tail
		end = s.end(begin, records)
		repair := s.freshen
		switch {
		case end-s.pos > s.capacity:
			if s.queue != nil {
				full = s.queue.notFull.wait()
			}
			s.mu.Unlock()
			return 0, 0, full, ErrFull
		case s.fresh:
		case end-s.slot.pos > s.capacity: // the slot lags behind
			repair = s.saveFront
		default:
			return begin, end, nil, nil
		}
		s.mu.Unlock()
		repair()
	}
}

// reserve gives the records their places.
func (s *state) reserve(records [][]byte, end uint64) {
	pos := s.tail
	for _, r := range records {
		f := frame(len(r))
		pos = s.skipTo(pos, f)
		s.entries.add(pos, writing)
		pos += f
	}
	s.tail = end
}

// writeAll writes records from pos on.
func (s *state) writeAll(pos, epoch, seq uint64, records [][]byte) {
	for i, data := range records {
		f := frame(len(data))
		at := s.skipTo(pos, f)
		if at != pos {
			s.writeSkip(pos, epoch, seq+uint64(i))
		}
		s.write(at, epoch, seq+uint64(i), len(records)-1-i, data)
		pos = at + f
	}
}

// ranges is the memory between two positions.
func (s *state) ranges(begin, end uint64) (a, b libpmemobj.Range) {
	from := begin % s.capacity
	if rest := s.capacity - from; end-begin > rest {
		return libpmemobj.RangeOfSlice(s.ring[from:]), libpmemobj.RangeOfSlice(s.ring[:end-begin-rest])
	}
	return libpmemobj.RangeOfSlice(s.ring[from : from+end-begin]), b
}

// finish makes written records part of the ring, once all before them are:
// after a crash, nothing is found behind one that is not durable.
func (s *state) finish(begin, end uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq := begin; seq < end; seq++ {
		s.entries.get(seq).state = ready
	}
	if d := s.durable.Load(); d == begin {
		for d = end; d < s.entries.next() && s.entries.get(d).state == ready; d++ {
		}
		s.setDurable(d)
	}
	for spun := false; s.durable.Load() < end; {
		if !spun {
			s.spin(end)
			spun = true // what holds now must be looked at again
			continue
		}
		s.waiting++
		s.changed.Wait()
		s.waiting--
	}
}

// show lets others see the ring as it is. The caller has mu, and nobody is
// writing records.
func (s *state) show() {
	s.first.Store(s.entries.first)
	s.setDurable(s.entries.next())
}

// setDurable lets others see the records before seq.
func (s *state) setDurable(seq uint64) {
	s.durable.Store(seq)
	if s.waiting > 0 {
		s.changed.Broadcast()
	}
	if s.queue != nil {
		s.queueAdded()
	}
}

// spin waits for about as long as others take who are running.
func (s *state) spin(end uint64) {
	if runtime.GOMAXPROCS(0) == 1 {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	for i := 0; i < 200 && s.durable.Load() < end; i++ {
	}
}

// saveFront makes durable where the first record is.
func (s *state) saveFront() {
	s.slotMu.Lock()
	defer s.slotMu.Unlock()
	s.mu.Lock()
	n := s.slot
	n.pos, n.seq = s.pos, s.entries.first
	s.mu.Unlock()
	if n.pos != s.slot.pos {
		s.setSlot(n)
	}
}

// load copies a record to the end of dst.
func (s *state) load(dst []byte, pos, seq uint64) ([]byte, error) {
	if s.at(pos).seq != seq || !s.sound(pos) {
		return dst, fmt.Errorf("%w: sequence number %d", ErrCorrupt, seq)
	}
	return append(dst, s.data(pos)...), nil
}
