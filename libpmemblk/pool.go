package libpmemblk

// #include "shim.h"
import "C"

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/plainpool"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Pool is an open pool: an array of blocks of one size, each of which changes
// as a whole or not at all. Its methods may be called from any goroutine.
//
// A pool that is lost without Close is reported (see
// [cgoutil.SetLeakReporter]) and closed.
type Pool struct {
	_ cgoutil.NoCopy
	*pool
	watch *cgoutil.Watcher
}

// pool is what a Pool stands for; it stays when the Pool is lost, until it is
// released.
type pool struct {
	guard  cgoutil.Guard
	handle C.pmemgo_blk
	base   unsafe.Pointer // the same address

	path       string
	blockSize  int
	blocks     int64
	durability Durability

	// leaf says that an operation takes no longer than copying and flushing a
	// block: flushing waits for no disk, the block is not large, and there is
	// nothing to be laid out first.
	leaf   atomic.Bool
	direct bool // what leaf becomes when the pool is laid out

	edges   edges
	scratch sync.Pool // of *[]byte, one block each

	file *os.File // the file that Create made; nil after Open
}

// maxLeaf is the most bytes that a leaf call handles: the garbage collector
// may have to wait for it. It may also have to wait for one of libpmemblk's
// locks; whoever holds it is inside C and needs nothing of Go to leave.
const maxLeaf = 32 << 10

// newPool wraps what C opened, if it did. The caller is between poolfile's Enter
// and Leave.
func newPool(pbp *C.PMEMblkpool, path string, laidOut bool, c *plainpool.Call) *Pool {
	if pbp == nil {
		return nil
	}
	d := c.Durability()
	p := &pool{
		handle:     C.pmemgo_blk(uintptr(unsafe.Pointer(pbp))),
		base:       unsafe.Pointer(pbp),
		path:       path,
		blockSize:  int(C.pmemblk_bsize(pbp)),
		blocks:     int64(C.pmemblk_nblock(pbp)),
		durability: d,
		file:       c.File,
	}
	p.direct = (d == DurabilityDAX || d == DurabilityProcessCrash) && p.blockSize <= maxLeaf
	p.leaf.Store(p.direct && laidOut)
	p.scratch.New = func() any { b := make([]byte, p.blockSize); return &b }
	openPools++
	wrapped := &Pool{pool: p}
	wrapped.watch = cgoutil.WatchAndRelease(wrapped, "libpmemblk pool", path, p.release)
	return wrapped
}

// openPools is how many are open in this process, under poolfile's lock.
var openPools int

// Close unmaps the pool. Closing again does nothing. While another operation
// is under way, Close returns ErrBusy and the pool stays open.
//
// Implements: pmemblk_close(3)
func (p *Pool) Close() error {
	err := p.close()
	if err == nil {
		p.watch.Stop()
	}
	return err
}

func (p *pool) close() error {
	return p.guard.Close(func() error {
		poolfile.Enter()
		defer poolfile.Leave()
		C.pmemblk_close((*C.PMEMblkpool)(p.base))
		openPools--
		if p.file != nil {
			return p.file.Close()
		}
		return nil
	})
}

// release is what closes a lost pool.
func (p *pool) release() {
	for errors.Is(p.close(), ErrBusy) { // its last method is not over yet
		time.Sleep(time.Millisecond)
	}
}

// Path is the path that the pool was opened with.
func (p *Pool) Path() string { return p.path }

// Durability is what a write survives.
func (p *Pool) Durability() Durability { return p.durability }

// BlockSize is how many bytes a block has.
//
// Implements: pmemblk_bsize(3)
func (p *Pool) BlockSize() int { return p.blockSize }

// Blocks is how many blocks there are.
//
// Implements: pmemblk_nblock(3)
func (p *Pool) Blocks() int64 { return p.blocks }

// Size is how many bytes all blocks have together.
func (p *Pool) Size() int64 { return p.blocks * int64(p.blockSize) }

// enter admits an operation until guard.Exit.
func (p *Pool) enter(op string) error {
	if _, err := p.guard.Enter(); err != nil {
		return p.wrap(op, ErrClosed)
	}
	return nil
}
