// Package trace is what a recording of a workload consists of: the file as it
// was in the beginning, and everything that happened to it since, in one order.
package trace

// Line is the size of a cache line, Page that of what the kernel writes back,
// in bytes.
const (
	Line = 64
	Page = 4096
)

// Kind is what an Event is about.
type Kind uint8

// The kinds of events, and the fields of Event they use beside Thread and Stack.
const (
	// Store: the line at Off holds Data now; the words in Words changed.
	// Stores are noticed before the next event of another kind, those to one
	// line since the event before as one. Thread and Stack are those of the
	// first store to the page of the line since it was last looked at.
	Store Kind = iota + 1
	// Flush: the lines that overlap [Off, Off+Len) were handed to the medium.
	// What they hold now is durable with the next Fence of the same thread.
	Flush
	// Fence: what the thread flushed before is durable.
	Fence
	// Sync: the pages that overlap [Off, Off+Len) are durable, as they are
	// now: an msync that has returned. A crash point lies before it.
	Sync
	// Mark: the program has acknowledged N, as Worker.
	Mark
	// Pause and Resume: no crash point lies between them.
	Pause
	Resume
	// TxBegin and TxEnd: a transaction of the thread; they nest. N of TxEnd is
	// 1 if it was committed.
	TxBegin
	TxEnd
	// Snapshot: the thread's transaction keeps what [Off, Off+Len) holds.
	Snapshot
	// Alloc: [Off, Off+Len) is a new object of the thread's transaction.
	Alloc
)

// Event is one entry of a trace. Offsets and lengths are bytes in the file.
type Event struct {
	Kind   Kind
	Words  uint8 // Store: bit i is the 8-byte word i of the line
	Thread int32 // of the operating system
	Stack  int32 // index in Trace.Stacks; 0 is unknown
	Worker int32 // Mark
	Off    uint64
	Len    uint64
	N      int64
	Data   *[Line]byte // Store
}

// Trace is a recording.
type Trace struct {
	Base   []byte // the file when the recording began: all of it is durable
	Events []Event
	Stacks [][]uintptr // return addresses in Go, innermost first; Stacks[0] is empty

	// Pages says that the medium is an ordinary file: what can be lost is a
	// page, torn at Sector, rather than a line, torn at a word.
	Pages bool
}

// Sector is the part of a page that a disk writes as a whole, in bytes.
const Sector = 512
