package main

import (
	"path/filepath"
	"reflect"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmemblk"
)

const (
	blkSize  = 4096
	blkCount = 64 // blocks that are written, and as many more that are read
)

// blkBench is what the cases of libpmemblk work on.
type blkBench struct {
	pool  *libpmemblk.Pool
	inC   cbaseline.BlkPool // the same
	words []uint64          // one block
	buf   []byte            // the same
	sum   uint64
}

func (b *blkBench) open(dir string) (err error) {
	b.words = make([]uint64, blkSize/8)
	b.buf = unsafe.Slice((*byte)(unsafe.Pointer(&b.words[0])), blkSize)
	b.pool, err = libpmemblk.Create(filepath.Join(dir, "blk"), blkSize,
		libpmemblk.WithSize(32<<20), libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	if err != nil {
		return err
	}
	for n := range int64(2 * blkCount) {
		b.words[0] = uint64(n)
		if err := b.pool.WriteBlock(n, b.buf); err != nil {
			return err
		}
	}
	// A pool cannot be opened twice, and nobody else needs the handle.
	b.inC = cbaseline.BlkPool(reflect.ValueOf(b.pool).Elem().FieldByName("pool").Elem().FieldByName("handle").Uint())
	return nil
}

func (b *blkBench) close() {
	if b.pool != nil {
		must(b.pool.Close())
	}
}

func (b *blkBench) cases() []*pair {
	return []*pair{
		{
			name: "blk-write/4096", target: 1.05,
			inGo:   b.write,
			inC:    func(n int) { b.inC.Write(b.words, 0, blkCount, n) },
			effect: func() uint64 { return b.words[0] },
		},
		{
			name: "blk-read/4096", target: 1.25,
			inGo:   b.read,
			inC:    func(n int) { b.sum += b.inC.Read(b.words, blkCount, blkCount, n) },
			effect: func() uint64 { return b.sum },
		},
	}
}

func (b *blkBench) write(n int) {
	for i := range n {
		b.words[0]++
		must(b.pool.WriteBlock(int64(i%blkCount), b.buf))
	}
}

func (b *blkBench) read(n int) {
	for i := range n {
		must(b.pool.ReadBlock(int64(blkCount+i%blkCount), b.buf))
		b.sum += b.words[0]
	}
}
