package libpmem

import (
	"slices"
	"sync"
	"sync/atomic"
)

// span is an open region's place in the address space.
type span struct {
	base, end uintptr
	r         *region
}

// spanTable is the open regions in order of address, and the bounds of all.
type spanTable struct {
	base, size uintptr
	list       []span
}

// spans is replaced as a whole by writers; readers take it by one load.
var (
	spans   atomic.Pointer[spanTable]
	spansMu sync.Mutex // writers
)

func init() { spans.Store(new(spanTable)) }

// outside says that addr is below or above all open regions, as the Go heap
// is.
func outside(addr uintptr) bool {
	t := spans.Load()
	return addr-t.base >= t.size
}

// regionOf finds the open region that holds all n bytes at addr, or nil.
func regionOf(addr uintptr, n int) *region {
	list := spans.Load().list
	low, high := 0, len(list)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if list[mid].end <= addr {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == len(list) {
		return nil
	}
	s := &list[low]
	if addr < s.base || uintptr(n) > s.end-addr {
		return nil
	}
	return s.r
}

func remember(r *region) {
	changeSpans(func(list []span) []span {
		base := uintptr(r.base)
		list = append(list, span{base: base, end: base + uintptr(r.len), r: r})
		slices.SortFunc(list, func(a, b span) int {
			if a.base < b.base {
				return -1
			}
			return 1
		})
		return list
	})
}

func forget(r *region) {
	changeSpans(func(list []span) []span {
		return slices.DeleteFunc(list, func(s span) bool { return s.r == r })
	})
}

func changeSpans(change func(clone []span) []span) {
	spansMu.Lock()
	defer spansMu.Unlock()
	t := &spanTable{list: change(slices.Clone(spans.Load().list))}
	if n := len(t.list); n > 0 {
		t.base = t.list[0].base
		t.size = t.list[n-1].end - t.base
	}
	spans.Store(t)
}
