package libpmemblk

import (
	"fmt"
	"io"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/plainpool"
)

// edges keep those who write a part of a block, and so read it first, apart
// from all who change it meanwhile. Many blocks share a lock.
type edges [64]struct {
	sync.RWMutex
	_ [64 - 24]byte // to the next cache line
}

func (e *edges) of(block int64) *sync.RWMutex { return &e[block%int64(len(e))].RWMutex }

// ReadAt reads the blocks as one row of bytes, from byte off on; it is an
// io.ReaderAt, and returns io.EOF at the end of the last block. Each block is
// whole, but others may change between one and the next. A bad block gives a
// [*BadBlockError]; n counts what comes before it.
//
// Implements: pmemblk_read(3)
func (p *Pool) ReadAt(b []byte, off int64) (n int, err error) {
	const op = "read"
	if off < 0 {
		return 0, plainpool.BadArgument(op, p.path, "offset %d is negative", off)
	}
	if err := p.enter(op); err != nil {
		return 0, err
	}
	defer p.guard.Exit()
	if off >= p.Size() {
		if len(b) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	if rest := p.Size() - off; int64(len(b)) > rest {
		b, err = b[:rest], io.EOF
	}
	failed := p.pieces(b, off, func(block int64, from int, piece []byte) error {
		if err := p.readPiece(op, block, from, piece); err != nil {
			return err
		}
		n += len(piece)
		return nil
	})
	if failed != nil {
		return n, failed
	}
	return n, err
}

// WriteAt writes to the blocks as to one row of bytes, from byte off on; it is
// an io.WriterAt. What was written is durable when WriteAt returns, as far as
// [Pool.Durability] goes.
//
// Only a block is atomic. A crash, or an error, in a write to several leaves
// the first ones new and the rest old; n counts the bytes of the new ones. Of
// the blocks at both ends that are written in part, the rest is read first, and
// the block written whole; whoever writes to another part of it at the same
// time waits, so that nothing is lost. If such a block is bad, that is a
// [*BadBlockError]: what is not written anew cannot be known.
//
// What does not fit between byte 0 and [Pool.Size] is an error that matches
// unix.ENOSPC, and nothing is written.
//
// Implements: pmemblk_write(3)
func (p *Pool) WriteAt(b []byte, off int64) (n int, err error) {
	const op = "write"
	if off < 0 {
		return 0, plainpool.BadArgument(op, p.path, "offset %d is negative", off)
	}
	if err := p.enter(op); err != nil {
		return 0, err
	}
	defer p.guard.Exit()
	if off > p.Size() || int64(len(b)) > p.Size()-off {
		return 0, &Error{Op: op, Path: p.path, Errno: unix.ENOSPC, Msg: fmt.Sprintf("%d bytes at %d, but the blocks end at %d", len(b), off, p.Size())}
	}
	err = p.pieces(b, off, func(block int64, from int, piece []byte) error {
		if err := p.writePiece(op, block, from, piece); err != nil {
			return err
		}
		n += len(piece)
		return nil
	})
	return n, err
}

// pieces cuts b, which lies at off, at the ends of blocks.
func (p *pool) pieces(b []byte, off int64, fn func(block int64, from int, piece []byte) error) error {
	block, from := off/int64(p.blockSize), int(off%int64(p.blockSize))
	for len(b) > 0 {
		piece := b[:min(len(b), p.blockSize-from)]
		if err := fn(block, from, piece); err != nil {
			return err
		}
		b = b[len(piece):]
		block, from = block+1, 0
	}
	return nil
}

func (p *pool) readPiece(op string, block int64, from int, piece []byte) error {
	if len(piece) == p.blockSize {
		if errno := p.read(block, piece); errno != 0 {
			return p.failed(op, block, errno)
		}
		return nil
	}
	whole := p.scratch.Get().(*[]byte)
	defer p.scratch.Put(whole)
	if errno := p.read(block, *whole); errno != 0 {
		return p.failed(op, block, errno)
	}
	copy(piece, (*whole)[from:])
	return nil
}

func (p *pool) writePiece(op string, block int64, from int, piece []byte) error {
	edge := p.edges.of(block)
	if len(piece) == p.blockSize {
		edge.RLock()
		defer edge.RUnlock()
		if errno := p.write(block, piece); errno != 0 {
			return p.failed(op, block, errno)
		}
		return nil
	}
	whole := p.scratch.Get().(*[]byte)
	defer p.scratch.Put(whole)
	edge.Lock()
	defer edge.Unlock()
	if errno := p.read(block, *whole); errno == cEIO {
		return &BadBlockError{Op: op, Path: p.path, Block: block}
	} else if errno != 0 {
		return p.failed(op, block, errno)
	}
	copy((*whole)[from:], piece)
	if errno := p.write(block, *whole); errno != 0 {
		return p.failed(op, block, errno)
	}
	return nil
}
