//go:build !amd64 && !arm64

package goroutine

import "golang.org/x/sys/unix"

// Stable says whether a goroutine's ID stays the same while it is not locked
// to its thread.
const Stable = false

// ID returns the number of the calling thread. It is a goroutine's own while
// that is locked to the thread: no other runs there.
func ID() uintptr { return uintptr(unix.Gettid()) }
