package main

import (
	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// block is what reservePublish makes: 128 bytes.
type block [16]uint64

func (block) PmemType() uint64 { return 4 }

// reservePublish is the two-phase allocation of an object, by a Reservation
// that is used again and again.
func (b *bench) reservePublish() *pair {
	pool := b.pools[0]
	r, err := libpmemobj.NewReservation[block](pool)
	must(err)
	must(r.Cancel())
	return &pair{
		name: "reserve-publish/128", target: 1.10,
		inGo: func(n int) {
			for range n {
				must(r.Renew())
				*r.Value() = b.block
				must(pool.PublishActions(r))
			}
		},
		inC: func(n int) {
			cbaseline.ReservePublish(&b.root.word[0], b.block[:], block{}.PmemType(), n)
		},
		batch: maxPushes, reset: b.freeBlocks,
		effect: func() (count uint64) {
			for range libpmemobj.ObjectsOf[block](pool) {
				count++
			}
			return count
		},
	}
}

// freeBlocks frees what reservePublish made.
func (b *bench) freeBlocks() {
	for p := range libpmemobj.ObjectsOf[block](b.pools[0]) {
		must(b.pools[0].Free(p.Ref()))
	}
}
