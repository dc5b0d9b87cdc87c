package main

import (
	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmemobj"
)

const (
	allocsPerTx = 16
	maxAllocTxs = 8 // before their objects are freed again
)

// leaf has 64 bytes.
type leaf [8]uint64

func (leaf) PmemType() uint64 { return 1 }

// classCase compares a class made for a Go type with the class that C takes by
// itself.
func (b *bench) classCase() *pair {
	class, err := libpmemobj.ClassFor[leaf](b.pools[0], libpmemobj.HeaderNone)
	must(err)
	offs := make([]uint64, 0, 2*allocsPerTx*maxAllocTxs)
	return &pair{
		name: "alloc16/classfor", target: 0.65,
		inGo: func(n int) {
			for range n {
				must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
					for range allocsPerTx {
						p, err := class.New(tx)
						if err != nil {
							return err
						}
						offs = append(offs, p.OID().Off)
					}
					return nil
				}))
			}
		},
		inC: func(n int) {
			at := len(offs)
			offs = offs[:at+n*allocsPerTx]
			cbaseline.TxAllocs(&b.root.word[0], len(leaf{})*8, allocsPerTx, offs[at:], n)
		},
		batch: maxAllocTxs, reset: func() {
			b.free(offs)
			offs = offs[:0]
		},
		effect: func() (n uint64) {
			for range b.pools[0].Objects() {
				n++
			}
			return n
		},
	}
}

// free frees objects in the first pool.
func (b *bench) free(offs []uint64) {
	pool := b.pools[0]
	must(pool.Update(func(tx *libpmemobj.Tx) error {
		for _, off := range offs {
			if err := tx.Free(libpmemobj.OID{Pool: pool.UUID(), Off: off}); err != nil {
				return err
			}
		}
		return nil
	}))
}
