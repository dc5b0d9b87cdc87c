package record

import (
	"bytes"
	"runtime"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// decode copies a recording out of C's memory.
func decode(base []byte, stacks []stack, log []byte) *trace.Trace {
	t := &trace.Trace{Base: bytes.Clone(base), Stacks: make([][]uintptr, len(stacks))}
	exact := make([]bool, len(stacks)) // stacks of stores
	for len(log) > 0 {
		e := (*entry)(unsafe.Pointer(&log[0]))
		log = log[unsafe.Sizeof(*e):]
		ev := trace.Event{
			Kind: trace.Kind(e.kind), Words: e.words, Thread: e.thread, Stack: e.stack,
			Worker: e.worker, Off: e.off, Len: e.len, N: e.n,
		}
		if ev.Kind == trace.Store {
			ev.Data = new([trace.Line]byte)
			copy(ev.Data[:], log)
			log = log[trace.Line:]
			exact[e.stack] = true
		}
		t.Events = append(t.Events, ev)
	}
	for i, s := range stacks {
		t.Stacks[i] = addresses(&s, exact[i])
	}
	return t
}

// addresses of a stack. In one of a store the second is the word on top of the
// goroutine's stack: who called, if the function has no frame of its own.
func addresses(s *stack, store bool) []uintptr {
	pcs := s.pc[:s.n]
	if store && len(pcs) > 1 && !(afterCall(pcs[1]) && frameless(pcs[0])) {
		pcs = append(pcs[:1:1], pcs[2:]...)
	}
	return append([]uintptr(nil), pcs...)
}

// prologue is how a function of Go makes its frame on amd64.
var prologue = []byte{0x55, 0x48, 0x89, 0xe5} // PUSHQ BP; MOVQ SP, BP

// frameless says whether the function around pc has no frame, as some of
// runtime's in assembler and small ones that call nothing.
func frameless(pc uintptr) bool {
	f := runtime.FuncForPC(pc)
	return f != nil && !bytes.Contains(text(f.Entry(), pc), prologue)
}

// afterCall says whether pc follows a call.
func afterCall(pc uintptr) bool {
	f := runtime.FuncForPC(pc)
	if f == nil || pc-f.Entry() < 5 {
		return false
	}
	before := text(pc-5, pc)
	return before[0] == 0xe8 || before[2] == 0xff || before[3] == 0xff
}

// text is the machine code between two addresses in one function.
func text(from, to uintptr) []byte {
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&from)), int(to-from))
}
