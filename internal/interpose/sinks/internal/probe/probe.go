// Package probe is a sink for tests: it keeps what it is told.
package probe

// #cgo CFLAGS: -I${SRCDIR}/../..
// #include <stdlib.h>
// #include "probe.h"
import "C"

import (
	"unsafe"

	"golang.org/x/sys/unix"

	_ "github.com/pmem/pmdk-go/internal/interpose/sinks" // the wraps
)

// Kind is the kind of an Event.
type Kind uint32

// The kinds, as in sinks.h.
const (
	IsPmem   Kind = C.PMEMGO_EVENT_IS_PMEM
	Flush    Kind = C.PMEMGO_EVENT_FLUSH
	Drain    Kind = C.PMEMGO_EVENT_DRAIN
	Sync     Kind = C.PMEMGO_EVENT_SYNC
	Unmap    Kind = C.PMEMGO_EVENT_UNMAP
	TxBegin  Kind = C.PMEMGO_EVENT_TX_BEGIN
	TxEnd    Kind = C.PMEMGO_EVENT_TX_END
	Snapshot Kind = C.PMEMGO_EVENT_SNAPSHOT
	Alloc    Kind = C.PMEMGO_EVENT_ALLOC
)

// Event is what a sink was told; Off is from the start of the range.
type Event struct {
	Kind Kind
	Seq  uint64
	Off  int
	Len  int
}

// Range is a watched range.
type Range struct {
	base uintptr
	id   C.int
}

// Add watches the memory of b.
func Add(b []byte) (*Range, error) {
	r := &Range{base: uintptr(unsafe.Pointer(unsafe.SliceData(b)))}
	if err := C.pmemgo_range_add(unsafe.Pointer(unsafe.SliceData(b)), C.size_t(len(b)), &r.id); err != 0 {
		return nil, unix.Errno(err)
	}
	return r, nil
}

// Remove ends the watching.
func (r *Range) Remove() { C.pmemgo_range_remove(r.id) }

// Probe is a sink of a range.
type Probe struct {
	r *Range
	c *C.struct_pmemgo_probe
}

// Attach adds a probe for events of some kinds.
func (r *Range) Attach(kinds ...Kind) (*Probe, error) {
	var wants uint32
	for _, k := range kinds {
		wants |= 1 << k
	}
	p := &Probe{r, C.pmemgo_probe_new(C.uint32_t(wants))}
	if err := C.pmemgo_range_attach(r.id, &p.c.sink); err != 0 {
		C.free(unsafe.Pointer(p.c))
		return nil, unix.Errno(err)
	}
	return p, nil
}

// Detach ends the probe and returns what it was told.
func (p *Probe) Detach() (all []Event) {
	C.pmemgo_range_detach(p.r.id, &p.c.sink)
	for _, e := range p.c.events[:p.c.n] {
		ev := Event{Kind: Kind(e.kind), Seq: uint64(e.seq), Len: int(e.len)}
		if e.addr != nil {
			ev.Off = int(uintptr(unsafe.Pointer(e.addr)) - p.r.base)
		}
		all = append(all, ev)
	}
	C.free(unsafe.Pointer(p.c))
	return all
}
