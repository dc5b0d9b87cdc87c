package libpmemlog

import (
	"fmt"
	"math"
)

// FullError says how much room was missing. It matches ErrFull.
type FullError struct {
	Op   string
	Path string
	Want int   // bytes that were to be appended, or as many as were found to be too many
	Free int64 // bytes that there is room for

	Rest []byte // what ReadFrom had read and could not append
}

// Error gives both numbers.
func (e *FullError) Error() string {
	return fmt.Sprintf("%s %s: the log is full: %d bytes to append, room for %d; rewind it, or use a larger one", e.Op, e.Path, e.Want, e.Free)
}

// Unwrap returns ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }

func (l *Log) full(op string, want int) error {
	if want < 0 { // a sum that wrapped
		want = math.MaxInt
	}
	return &FullError{Op: op, Path: l.path, Want: want, Free: l.cap - l.len()}
}
