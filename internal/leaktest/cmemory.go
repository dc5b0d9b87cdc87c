package leaktest

import (
	"fmt"
	"runtime"

	"github.com/pmem/pmdk-go/cgoutil"
)

// CMemory is what a library offers for counting its C memory.
type CMemory struct {
	Track func(on bool) error
	Stats func() cgoutil.CMemoryStats
}

// Even has use make, use and close n pools, twice, and fails unless the second
// time gives back all the C memory that it took: PMDK keeps what it had for the
// first ones. It returns what was counted before the second time and after it.
// Nothing may have been counted in the process before.
func (m CMemory) Even(n int, use func(n int) error) (before, after cgoutil.CMemoryStats, err error) {
	runtime.LockOSThread() // PMDK keeps some memory for each thread
	defer runtime.UnlockOSThread()
	if s := m.Stats(); s != (cgoutil.CMemoryStats{}) {
		return before, after, fmt.Errorf("%+v before counting", s)
	}
	if err := m.Track(true); err != nil {
		return before, after, err
	}
	if err := use(n); err != nil {
		return before, after, err
	}
	before = m.Stats()
	if before.Allocs == 0 || before.Frees == 0 || before.Frees > before.Allocs {
		return before, after, fmt.Errorf("%+v: nothing was counted", before)
	}
	if err := use(n); err != nil {
		return before, after, err
	}
	after = m.Stats()
	if after.Bytes != before.Bytes || after.Allocs-before.Allocs != after.Frees-before.Frees {
		return before, after, fmt.Errorf("leaked: %+v, then %+v", before, after)
	}
	if err := m.Track(false); err != nil {
		return before, after, err
	}
	if err := use(1); err != nil {
		return before, after, err
	}
	if s := m.Stats(); s != after {
		return before, after, fmt.Errorf("counted although it is off: %+v, then %+v", after, s)
	}
	return before, after, nil
}
