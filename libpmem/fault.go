package libpmem

import (
	"fmt"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// memoryFault is what the runtime panics with under SetPanicOnFault.
type memoryFault interface {
	error
	Addr() uintptr
}

// copyCatching is copy(dst, src) with a fault in a mapping as an error: the
// file was truncated, or its media failed. How much was copied is unknown
// then.
func copyCatching(op string, dst, src []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer catchFault(op, &err)
	copy(dst, src)
	return nil
}

// fillCatching sets all of dst to c, with faults as errors.
func fillCatching(op string, dst []byte, c byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer catchFault(op, &err)
	dst[0] = c
	for done := 1; done < len(dst); done *= 2 {
		copy(dst[done:], dst[:done])
	}
	return nil
}

// catchFault is deferred. Faults elsewhere, in a slice of the caller's for
// one, are not the mapping's to explain and go on as panics.
func catchFault(op string, err *error) {
	v := recover()
	if v == nil {
		return
	}
	fault, ok := v.(memoryFault)
	if !ok {
		panic(v)
	}
	addr := fault.Addr()
	r := regionOf(addr, 1)
	if r == nil {
		panic(v)
	}
	*err = &Error{Op: op, Path: r.path, Errno: unix.EIO, Msg: fmt.Sprintf(
		"memory fault at offset %d: the file was truncated under the mapping, or its media failed", addr-uintptr(r.base))}
}
