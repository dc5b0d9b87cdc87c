package container

import (
	"errors"
	"fmt"
)

// ErrRemoved is the error of using a container that was removed from the
// pool's directory.
var ErrRemoved = errors.New("the container was removed from its pool")

// Error is the error of an operation on a container.
type Error struct {
	Op   string // for example "hashmap put"
	Name string // of the container; empty if it is not known
	Err  error
}

// Error names the operation and the container.
func (e *Error) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %q: %v", e.Op, e.Name, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }
