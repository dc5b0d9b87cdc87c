package main

import (
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// lockPair compares what a Go program can choose between for data in a pool: a
// sync.Mutex beside the pool, timed as the Go side, and a libpmemobj.Mutex in
// it, in the place of C. A value of 0.1 says that the first costs a tenth.
func (b *bench) lockPair() *pair {
	oid, err := b.pools[0].Zalloc(nil, 64, 3)
	must(err)
	var (
		count uint64
		inGo  sync.Mutex
		inPM  = libpmemobj.PtrOf[libpmemobj.Mutex](oid).Get()
	)
	return &pair{
		name: "lock-unlock/go-mutex-vs-pmemmutex",
		inGo: func(n int) {
			for range n {
				inGo.Lock()
				count++
				inGo.Unlock()
			}
		},
		inC: func(n int) {
			for range n {
				must(inPM.Lock())
				count++
				must(inPM.Unlock())
			}
		},
		effect: func() uint64 { return count },
	}
}
