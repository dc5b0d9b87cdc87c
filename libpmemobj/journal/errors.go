package journal

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// FailedError says that writing the journal or the pool has failed. From then
// on nothing that is changed becomes durable, and the pool says so: whatever
// changes it fails with this error, which matches libpmemobj.ErrFailed and its
// cause. What was durable stays so, and is there when the pool is opened again.
type FailedError struct {
	Doing string // what failed: "append", "sync", "checkpoint", …
	Err   error
}

// Error says what failed, and why.
func (e *FailedError) Error() string {
	return fmt.Sprintf("the journal has failed (%s): %v; close the pool and open it again: what was durable is there", e.Doing, e.Err)
}

// Unwrap gives the cause, and libpmemobj.ErrFailed.
func (e *FailedError) Unwrap() []error { return []error{libpmemobj.ErrFailed, e.Err} }
