package diagnose_test

import (
	"encoding/binary"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// builder makes a trace whose stacks are those of the calls of its methods, as
// if they were what their names say.
type builder struct {
	trace  trace.Trace
	now    []byte
	thread int32
	inside []uintptr // return addresses of the libraries, innermost first
	inC    bool
	// outside are return addresses behind that of the test's own line.
	outside []uintptr
}

func newBuilder() *builder {
	b := &builder{now: make([]byte, 4*trace.Page), thread: 1}
	b.trace.Base = slices.Clone(b.now)
	b.trace.Stacks = [][]uintptr{nil}
	return b
}

// on sets the thread of what follows.
func (b *builder) on(thread int32) *builder {
	b.thread = thread
	return b
}

// in does what follows in functions of the libraries, the innermost first.
func (b *builder) in(functions ...any) *builder {
	b.inside = nil
	for _, f := range functions {
		b.inside = append(b.inside, pc(f))
	}
	return b
}

// pc is a return address in a function.
func pc(function any) uintptr { return reflect.ValueOf(function).Pointer() + 1 }

// c does the next store in C.
func (b *builder) c() *builder {
	b.inC = true
	return b
}

// add appends an event with the stack of whoever called its caller.
func (b *builder) add(e trace.Event) {
	pcs := make([]uintptr, 32)
	pcs = pcs[:runtime.Callers(3, pcs)]
	stack := append(slices.Clone(b.inside), pcs[0])
	stack = append(append(stack, b.outside...), pcs[1:]...)
	switch {
	case e.Kind == trace.Store && b.inC:
		stack = append([]uintptr{1}, stack...)
	case e.Kind == trace.Store:
		stack[0]--
	}
	b.inC = false
	e.Thread = b.thread
	known := slices.IndexFunc(b.trace.Stacks, func(s []uintptr) bool { return slices.Equal(s, stack) })
	if known < 0 {
		known = len(b.trace.Stacks)
		b.trace.Stacks = append(b.trace.Stacks, stack)
	}
	e.Stack = int32(known)
	b.trace.Events = append(b.trace.Events, e)
}

func (b *builder) write(off uint64, words []uint64) trace.Event {
	line := off &^ (trace.Line - 1)
	data := b.now[line : line+trace.Line]
	var changed uint8
	for i, w := range words {
		at := off - line + uint64(i)*8
		if binary.LittleEndian.Uint64(data[at:]) != w {
			changed |= 1 << (at / 8)
		}
		binary.LittleEndian.PutUint64(data[at:], w)
	}
	e := trace.Event{Kind: trace.Store, Off: line, Words: changed, Data: new([trace.Line]byte)}
	copy(e.Data[:], data)
	return e
}

// store stores words, all in one line.
//
//go:noinline
func (b *builder) store(off uint64, words ...uint64) *builder {
	b.add(b.write(off, words))
	return b
}

// half stores 4 bytes.
//
//go:noinline
func (b *builder) half(off uint64, v uint32) *builder {
	word := binary.LittleEndian.Uint64(b.now[off&^7:])
	shift := off & 4 * 8
	b.add(b.write(off&^7, []uint64{word&^(0xffffffff<<shift) | uint64(v)<<shift}))
	return b
}

//go:noinline
func (b *builder) flush(off, n uint64) *builder {
	b.add(trace.Event{Kind: trace.Flush, Off: off, Len: n})
	return b
}

//go:noinline
func (b *builder) fence() *builder {
	b.add(trace.Event{Kind: trace.Fence})
	return b
}

//go:noinline
func (b *builder) sync(off, n uint64) *builder {
	b.add(trace.Event{Kind: trace.Sync, Off: off, Len: n})
	return b
}

//go:noinline
func (b *builder) persist(off, n uint64) *builder {
	was := b.inside
	b.in((*libpmem.Mapping).Persist)
	b.add(trace.Event{Kind: trace.Flush, Off: off, Len: n})
	b.add(trace.Event{Kind: trace.Fence})
	b.inside = was
	return b
}

//go:noinline
func (b *builder) mark(worker int32, n int64) *builder {
	b.add(trace.Event{Kind: trace.Mark, Worker: worker, N: n})
	return b
}

//go:noinline
func (b *builder) begin() *builder {
	b.add(trace.Event{Kind: trace.TxBegin})
	return b
}

//go:noinline
func (b *builder) end(committed int64) *builder {
	b.add(trace.Event{Kind: trace.TxEnd, N: committed})
	return b
}

//go:noinline
func (b *builder) snapshot(off, n uint64) *builder {
	was := b.inside
	b.in((*libpmemobj.Tx).Snapshot)
	b.add(trace.Event{Kind: trace.Snapshot, Off: off, Len: n})
	b.inside = was
	return b
}

//go:noinline
func (b *builder) snapshotHere(off, n uint64) *builder {
	b.add(trace.Event{Kind: trace.Snapshot, Off: off, Len: n})
	return b
}

//go:noinline
func (b *builder) alloc(off, n uint64) *builder {
	b.add(trace.Event{Kind: trace.Alloc, Off: off, Len: n})
	return b
}

// commit flushes ranges as libpmemobj does, and ends the transaction.
//
//go:noinline
func (b *builder) commit(ranges ...[2]uint64) *builder {
	was := b.inside
	b.in((*libpmemobj.Pool).Update)
	for _, r := range ranges {
		b.add(trace.Event{Kind: trace.Flush, Off: r[0], Len: r[1]})
	}
	b.add(trace.Event{Kind: trace.Fence})
	b.add(trace.Event{Kind: trace.TxEnd, N: 1})
	b.inside = was
	return b
}

// masked replaces line numbers by their rank: ":L1" is the first line of all.
func masked(text string) string {
	lines := regexp.MustCompile(`\.go:(\d+)`)
	var all []int
	for _, m := range lines.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		all = append(all, n)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return strings.TrimSpace(lines.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(s[len(".go:"):])
		return ".go:L" + strconv.Itoa(slices.Index(all, n)+1)
	}))
}
