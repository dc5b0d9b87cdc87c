// Package medium is what libpmemobj and a package that keeps pools on something
// else than persistent memory agree on. libpmemobj does not import such a
// package: a program that does passes a Medium to Open or Create, inside an
// option, and only that program carries what it needs.
package medium

import (
	"context"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Pool is what a pool consists of, in the order in which it is mapped, as
// libpmemobj found it. Offsets are those of the mapping. The files are open for
// reading and writing.
type Pool interface {
	// Path is what the pool was opened with: its file, or its pool set file.
	Path() string

	// Size is how far the parts reach. Refresh looks for parts that were added
	// since, so that it may rise.
	Size() int64
	Refresh() error

	ReadAt(p []byte, off int64) (n int, err error)
	WriteAt(p []byte, off int64) (n int, err error)

	// Sync makes what was written durable.
	Sync() error

	// Close ends the use of the files, not of the pool.
	Close() error
}

// Medium opens what it keeps beside a pool.
type Medium interface {
	// Durability is what the pool reports.
	Durability() cgoutil.Durability

	// Prepare brings the files into a state that PMDK can open, and keeps
	// everybody else out. It owns the pool from then on, if it does not fail.
	Prepare(op string, p Pool) (Keeper, error)
}

// Keeper keeps an open pool. Its calls come in this order: Arm, Disarm, Start,
// then any number of the others from any goroutine, Close. Abandon takes the
// place of Close if PMDK did not open the pool; what was found stays as it is.
type Keeper interface {
	// Between Arm and Disarm the calling goroutine, which is locked to its
	// thread, has PMDK map the pool: span bytes of addresses at most.
	Arm(span int64)
	Disarm()

	// Start is told where PMDK has mapped the pool.
	Start(base unsafe.Pointer, size, span int64) error

	// Err is nil until the medium fails, and the same error from then on.
	Err() error

	// Await returns when everything that the calling goroutine has flushed is
	// durable, or at once if the program wants it so.
	Await() error

	// Sync returns when everything that was flushed before the call is durable.
	Sync(ctx context.Context) error

	// Close is called when PMDK has unmapped the pool.
	Close() error
	Abandon() error
}
