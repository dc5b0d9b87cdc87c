//go:build !amd64 && !arm64

package goroutine

import "golang.org/x/sys/unix"

// ID returns the number of the calling thread. It tells goroutines apart
// only while they are locked to their threads, which is all the callers need.
func ID() uintptr { return uintptr(unix.Gettid()) }
