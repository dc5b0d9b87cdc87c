package main

import (
	"math/bits"

	"github.com/pmem/pmdk-go/libpmemblk"
)

// device is a pool as an NBD server needs it. Everything that was written is
// durable when the write returns, so that there is nothing to flush.
type device struct{ *libpmemblk.Pool }

func (device) Flush() error { return nil }

// Size leaves out what is less than a sector of 512 bytes, where the size of
// blocks is odd: qemu would wait for the rest of it for ever.
func (d device) Size() int64 { return d.Pool.Size() &^ 511 }

// Zero marks whole blocks as zero, which is faster than writing them, and
// writes zeros to the parts of blocks at the ends.
func (d device) Zero(off, n int64) error {
	size := int64(d.BlockSize())
	if head := min((size-off%size)%size, n); head > 0 {
		if err := d.writeZeros(off, head); err != nil {
			return err
		}
		off, n = off+head, n-head
	}
	for ; n >= size; off, n = off+size, n-size {
		if err := d.SetZero(off / size); err != nil {
			return err
		}
	}
	return d.writeZeros(off, n)
}

// writeZeros writes to a part of a block.
func (d device) writeZeros(off, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := d.WriteAt(make([]byte, n), off)
	return err
}

// Trim drops whole blocks, which read as zeros then. Parts of blocks keep what
// they hold.
func (d device) Trim(off, n int64) error {
	size := int64(d.BlockSize())
	first, end := (off+size-1)/size, (off+n)/size
	for block := first; block < end; block++ {
		if err := d.SetZero(block); err != nil {
			return err
		}
	}
	return nil
}

// preferred is the size of writes that clients are advised to make: a block, or
// if that is no power of two, the next larger one that is allowed.
func (d device) preferred() uint32 {
	size := uint32(max(512, min(d.BlockSize(), 1<<20)))
	return 1 << bits.Len32(size-1)
}
