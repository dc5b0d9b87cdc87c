package cmap

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Side is a map in Go that is compared with one in C. Its pool holds nothing
// else. Each method is a loop, as the driver has it in C, so that there is
// nothing between it and the map:
//
//	for i := first; i < first+count; i++ {
//		v, found, err := m.Get(cmap.Key(o.At(i)))
//		if err != nil || !found {
//			return 0, cmap.Missing(o.At(i), err)
//		}
//		sum += v.Sum()
//	}
type Side interface {
	Put(first, count int) error                            // keys Key(i) with values ValueOf(Key(i))
	Get(o Order, first, count int) (sum uint64, err error) // of all words of the values
	Delete(o Order, first, count int) error
	Used() (bytes uint64, err error) // allocated in the pool
	Close() error                    // and remove the pool
}

// Missing is the error of a key that is not there, unless there was another.
func Missing(number int, err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("key %d is missing in Go", number)
}

// Times are nanoseconds for an operation.
type Times struct{ Go, C float64 }

// Ratio is the time in Go over the one in C.
func (t Times) Ratio() float64 { return t.Go / t.C }

// Result is what a comparison gives.
type Result struct {
	Put, Get, Delete Times
	GoBytes, CBytes  float64 // of pool for each entry of the full map
}

// Comparison describes what to do: fill a map with Entries keys, get all of
// them, and delete all of them.
type Comparison struct {
	Kind    Kind
	Dir     string // for the pools
	Entries int
	Rounds  int                  // each with new maps
	New     func() (Side, error) // an empty map in Go
}

// chunk is how many operations are timed at a time.
const chunk = 2000

// Run compares. In each round both sides fill, read and empty a new map, one
// after the other, as if the other did not exist: neither finds in the caches
// what the other has left there a moment ago. Times are those of the processor,
// which leaves out what other processes do; what they do to the caches is left
// out by taking, for each thousand or so operations, the least time of all rounds.
// Growth happens at the same operation of each round, and so is not left out.
func (c Comparison) Run() (Result, error) {
	runtime.LockOSThread() // whose clock is read
	defer runtime.UnlockOSThread()
	var best [3][2][]time.Duration
	for i := range best {
		for side := range best[i] {
			best[i][side] = make([]time.Duration, (c.Entries+chunk-1)/chunk)
		}
	}
	var r Result
	for range c.Rounds {
		if err := c.round(&best, &r); err != nil {
			return r, err
		}
	}
	for i, t := range []*Times{&r.Put, &r.Get, &r.Delete} {
		t.Go, t.C = c.mean(best[i][0]), c.mean(best[i][1])
	}
	return r, nil
}

func (c Comparison) mean(turns []time.Duration) float64 {
	sum := time.Duration(0)
	for _, t := range turns {
		sum += t
	}
	return float64(sum) / float64(c.Entries)
}

func (c Comparison) round(best *[3][2][]time.Duration, r *Result) error {
	sides := [2]func(best *[3][2][]time.Duration, r *Result) error{c.roundInGo, c.roundInC}
	first := rand.IntN(2)
	for _, i := range [2]int{first, 1 - first} {
		if err := sides[i](best, r); err != nil {
			return err
		}
	}
	return nil
}

func (c Comparison) roundInGo(best *[3][2][]time.Duration, r *Result) (err error) {
	m, err := c.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	order := Shuffled(c.Entries)
	put := func(first, count int) error { return m.Put(first, count) }
	get := func(first, count int) error {
		s, err := m.Get(order, first, count)
		sum += s
		return err
	}
	remove := func(first, count int) error { return m.Delete(order, first, count) }
	r.GoBytes, err = c.phases(best, 0, m.Used, timed(put), timed(get), timed(remove))
	return err
}

func (c Comparison) roundInC(best *[3][2][]time.Duration, r *Result) (err error) {
	m, err := New(c.Kind, c.Dir, PoolSize(c.Entries))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	order := Shuffled(c.Entries)
	put := func(first, count int) (time.Duration, error) {
		_, err := m.Insert(first, count)
		return m.Processor(), err
	}
	get := func(first, count int) (time.Duration, error) {
		_, _, err := m.Get(order, first, count)
		return m.Processor(), err
	}
	remove := func(first, count int) (time.Duration, error) {
		_, err := m.Remove(order, first, count)
		return m.Processor(), err
	}
	r.CBytes, err = c.phases(best, 1, m.Used, put, get, remove)
	return err
}

// operations does some operations and says how long they took.
type operations func(first, count int) (time.Duration, error)

// phases has one side do all operations of one sort after the other.
func (c Comparison) phases(best *[3][2][]time.Duration, side int, used func() (uint64, error), phases ...operations) (bytes float64, err error) {
	before, err := used()
	if err != nil {
		return 0, err
	}
	for i, phase := range phases {
		for at := range best[i][side] {
			first := at * chunk
			took, err := phase(first, min(chunk, c.Entries-first))
			if err != nil {
				return 0, err
			}
			if b := &best[i][side][at]; *b == 0 || took < *b {
				*b = took
			}
		}
		if i > 0 {
			continue
		}
		full, err := used()
		if err != nil {
			return 0, err
		}
		bytes = float64(full-before) / float64(c.Entries)
	}
	return bytes, nil
}

// PoolSize is how large a pool for n entries is on either side.
func PoolSize(n int) int64 { return 64<<20 + int64(n)*1024 }

// sum keeps the compiler from leaving out what Get returns.
var sum uint64

// timed is f with the time that it takes.
func timed(f func(first, count int) error) operations {
	return func(first, count int) (time.Duration, error) {
		start := Now()
		err := f(first, count)
		return Now() - start, err
	}
}

// Now is the time that the calling thread has had of the processor. The
// goroutine must be locked to it.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // Linux has this clock
	}
	return time.Duration(t.Nano())
}
