package vector

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// state is what goes with a vector in memory, the same for all its handles.
type state struct {
	container.Lock
	pool   *libpmemobj.Pool
	header *header // in the pool
	elem   uint64  // bytes of an element
	first  uint64
	num    uint64 // type number of the segments

	// A goroutine that appends reserves places, writes to them, and has them
	// counted. It reserves only what the segments hold.
	segments [maxSegments]atomic.Pointer[byte]
	capacity atomic.Uint64
	_        [64]byte
	reserved atomic.Uint64 // places that are given to appenders
	_        [64]byte
	length   atomic.Uint64 // of the vector, as it is durable

	growing sync.Mutex // while segments are added

	counting sync.Mutex
	counted  sync.Cond         // length has changed
	written  uint64            // all elements before are durable
	early    map[uint64]uint64 // ranges behind it that are as well: begin → end
	leading  bool              // a goroutine makes a new length durable
	waiting  int

	stripes [stripes]stripe
}

// stripes is how many elements can be set at once.
const stripes = 64

// stripe guards every element whose number leaves the same remainder.
type stripe struct {
	mu  sync.Mutex
	seq atomic.Uint64 // odd while one is written or not durable yet
	_   [112]byte
}

func stateOf(p *libpmemobj.Pool, off uint64) (*state, error) {
	return container.Of(p, off, func() (*state, error) {
		ptr, err := libpmemobj.PtrOf[header](libpmemobj.OID{Pool: p.UUID(), Off: off}).TryGet()
		if err != nil {
			return nil, err
		}
		if err := ptr.check(p, off); err != nil {
			return nil, err
		}
		s := &state{pool: p, header: ptr, elem: uint64(ptr.elem), first: ptr.first, num: ptr.num, early: map[uint64]uint64{}}
		s.counted.L = &s.counting
		s.load()
		return s, s.Init(p, func(bool) { s.load() })
	})
}

// load takes over what the pool says. The caller is alone.
func (s *state) load() {
	n := s.header.count()
	for k := range s.segments {
		var addr *byte
		if k < n {
			addr = (*byte)(at(s.pool, s.header.segments[k]))
		}
		s.segments[k].Store(addr)
	}
	s.capacity.Store(capacity(n, s.first))
	s.setLength(s.header.length)
}

// setLength is the length in memory. The caller is alone.
func (s *state) setLength(n uint64) {
	s.written = n
	s.reserved.Store(n)
	s.length.Store(n)
}

// addr is where element i is.
func (s *state) addr(i uint64) unsafe.Pointer {
	k, at := place(i, s.first)
	return unsafe.Add(unsafe.Pointer(s.segments[k].Load()), at*s.elem)
}

// contiguous is how many elements lie behind one another from element i on, to
// the end of its segment.
func (s *state) contiguous(i uint64) uint64 {
	k, at := place(i, s.first)
	return segmentLen(k, s.first) - at
}

// reserve gives the caller n places, and segments for them if there are none.
func (s *state) reserve(n uint64) (begin uint64, err error) {
	for {
		begin = s.reserved.Load()
		end := begin + n
		if end < begin {
			return 0, errTooLong
		}
		if end > s.capacity.Load() {
			if err := s.grow(end); err != nil {
				return 0, err
			}
			continue
		}
		if s.reserved.CompareAndSwap(begin, end) {
			return begin, nil
		}
	}
}

var errTooLong = errors.New("more elements than a vector can have")

// grow adds segments until there is room for n elements.
func (s *state) grow(n uint64) error {
	s.growing.Lock()
	defer s.growing.Unlock()
	for s.capacity.Load() < n {
		k := s.header.count()
		size, err := s.segmentSize(k)
		if err != nil {
			return err
		}
		var seg libpmemobj.OID
		err = s.pool.PublishUnsettled(func(a *libpmemobj.Actions) error {
			var err error
			if seg, _, err = a.ReserveBytes(int(size), s.num); err != nil {
				return err
			}
			libpmemobj.Store(a, &s.header.segments[k], seg.Off)
			return nil
		})
		if err != nil {
			return err
		}
		s.segments[k].Store((*byte)(at(s.pool, seg.Off)))
		s.capacity.Store(capacity(k+1, s.first))
	}
	return nil
}

// segmentSize is how many bytes segment k has.
func (s *state) segmentSize(k int) (uint64, error) {
	if k >= maxSegments || segmentLen(k, s.first) > libpmemobj.MaxAlloc/s.elem {
		return 0, fmt.Errorf("%w: the next segment would be larger than an object can be", errTooLong)
	}
	return segmentLen(k, s.first) * s.elem, nil
}

// count makes the vector as long as end, once everything before begin is
// written; what lies from there to end is. It returns when the length is durable.
func (s *state) count(begin, end uint64) {
	s.counting.Lock()
	defer s.counting.Unlock()
	s.note(begin, end)
	for spun := false; s.length.Load() < end; {
		switch {
		case s.written >= end && !s.leading:
			s.lead()
		case !spun:
			s.spin(end)
			spun = true // what holds now must be looked at again
		default:
			s.waiting++
			s.counted.Wait()
			s.waiting--
		}
	}
}

// note remembers what is written.
func (s *state) note(begin, end uint64) {
	if begin != s.written {
		s.early[begin] = end
		return
	}
	for more := true; more; {
		s.written = end
		if end, more = s.early[s.written]; more {
			delete(s.early, s.written)
		}
	}
	if s.waiting > 0 {
		s.counted.Broadcast() // one of them can lead
	}
}

// lead makes all that is written count. Others note more meanwhile.
func (s *state) lead() {
	n := s.written
	s.leading = true
	s.counting.Unlock()
	atomic.StoreUint64(&s.header.length, n)
	s.pool.PersistInside(libpmemobj.RangeOf(&s.header.length))
	s.counting.Lock()
	s.leading = false
	s.length.Store(n)
	if s.waiting > 0 {
		s.counted.Broadcast()
	}
}

// spin waits for about as long as others take who are running.
func (s *state) spin(end uint64) {
	if runtime.GOMAXPROCS(0) == 1 {
		return
	}
	s.counting.Unlock()
	defer s.counting.Lock()
	for i := 0; i < 200 && s.length.Load() < end; i++ {
	}
}

// read returns element i as it was before or after any Set, and is durable.
func read[T any](s *state, i uint64) (v T) {
	st := &s.stripes[i%stripes]
	src := (*T)(s.addr(i))
	if runtime.GOARCH == "amd64" { // elsewhere, loads may pass one another
		for range 100 {
			seq := st.seq.Load()
			if seq%2 != 0 {
				continue
			}
			v = *src
			if st.seq.Load() == seq {
				return v
			}
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return *src
}

// beginWrite keeps readers of element i out until endWrite.
func (s *state) beginWrite(i uint64) *stripe {
	st := &s.stripes[i%stripes]
	st.mu.Lock()
	st.seq.Add(1)
	return st
}

func (st *stripe) endWrite() {
	st.seq.Add(1)
	st.mu.Unlock()
}
