package redo

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	// ErrFull says that no segment is free: wait for a checkpoint, and append
	// again. The journal is as it was before.
	ErrFull = errors.New("no segment of the journal is free")

	// ErrTooLarge says that a batch does not fit into a segment.
	ErrTooLarge = errors.New("the batch is larger than a segment of the journal")

	// ErrMissing says that a pool is marked and its journal is not there.
	ErrMissing = errors.New("the journal with the newest data of the pool is missing")

	// ErrForeign says that journal and pool do not belong together: the
	// journal is another pool's, or one of the two is a copy from another time.
	ErrForeign = errors.New("the journal does not belong to this pool, or one of the two is a copy from another time")

	// ErrVersion says that the journal, or the mark in the pool, has a format
	// that this package does not know.
	ErrVersion = errors.New("unknown version of the journal's format")

	// ErrNotJournal says that the file is something else than a journal.
	ErrNotJournal = errors.New("the file is not a journal")

	// ErrClosed is what a closed journal returns.
	ErrClosed = errors.New("the journal is closed")

	// ErrMisuse says that calls came in an order that makes no sense, or with
	// records that do not.
	ErrMisuse = errors.New("misuse of the journal")
)

// Error is an error about a file.
type Error struct {
	Path   string
	Err    error // one of the above, or the system's
	Reason string
}

func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s: %v: %s", e.Path, e.Err, e.Reason)
}

func (e *Error) Unwrap() error { return e.Err }

// inUse is EAGAIN, as for an open pool.
func inUse(path string) error {
	return &Error{path, unix.EAGAIN, "locked: the journal is open in this or another process"}
}

// DamagedError says that a journal lacks what it is known to have had: not
// because of a crash, which cuts only what nobody was promised. Nothing has been
// written to the pool.
type DamagedError struct {
	Path   string
	Offset int64 // in the file Path
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: damaged at offset %d: %s", e.Path, e.Offset, e.Reason)
}
