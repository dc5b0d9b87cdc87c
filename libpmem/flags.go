package libpmem

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Flags modify a copy, move or fill. 0 copies in the way that libpmem thinks
// best for the length, and makes the result durable.
//
// NonTemporal, Temporal, WriteCombine and WriteBack are hints for the
// processor. Contradictory flags, whose effect C leaves undefined, fail with
// EINVAL. Those that contradict on x86-64 alone fail everywhere, so that a
// program keeps working when it moves.
type Flags uint32

const (
	// NoDrain leaves out the wait for the stores: they are durable only
	// after Drain.
	NoDrain Flags = 1 << iota

	// NonTemporal uses stores that bypass the caches.
	// It contradicts Temporal, WriteBack and NoFlush.
	NonTemporal

	// Temporal uses ordinary stores. It contradicts NonTemporal and
	// WriteCombine.
	Temporal

	// WriteCombine uses write-combining stores. It contradicts WriteBack,
	// Temporal and NoFlush.
	WriteCombine

	// WriteBack uses stores that go through the caches; on x86-64 it is
	// Temporal. It contradicts WriteCombine and NonTemporal.
	WriteBack

	// NoFlush flushes nothing, so the result is not durable until a
	// function that flushes is called for it. It includes NoDrain.
	NoFlush

	allFlags = NoDrain | NonTemporal | Temporal | WriteCombine | WriteBack | NoFlush
)

var flagNames = [...]string{"NoDrain", "NonTemporal", "Temporal", "WriteCombine", "WriteBack", "NoFlush"}

// contradictions are the pairs that pmem_memmove(3) excludes; the last two
// follow from WriteBack being Temporal on x86-64.
var contradictions = [...]Flags{
	NonTemporal | Temporal,
	WriteCombine | WriteBack,
	NonTemporal | NoFlush,
	WriteCombine | NoFlush,
	NonTemporal | WriteBack,
	Temporal | WriteCombine,
}

// validFlags has bit f set for each valid combination f.
var validFlags = func() (set uint64) {
combination:
	for f := Flags(0); f <= allFlags; f++ {
		for _, pair := range contradictions {
			if f&pair == pair {
				continue combination
			}
		}
		set |= 1 << f
	}
	return set
}()

func (f Flags) valid() bool {
	return f <= allFlags && validFlags>>f&1 != 0
}

// String gives the flags' names joined by "|", and "0" for none.
func (f Flags) String() string {
	if f == 0 {
		return "0"
	}
	var names []string
	for i, name := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if unknown := f &^ allFlags; unknown != 0 {
		names = append(names, fmt.Sprintf("%#x", uint32(unknown)))
	}
	return strings.Join(names, "|")
}

// Check returns nil if the flags may be used together, and else an error with
// EINVAL that names two that contradict each other. The functions that take
// flags check them too.
func (f Flags) Check() error {
	if f.valid() {
		return nil
	}
	return flagsError("check flags", f)
}

// flagsError says which flags of an invalid combination are at fault.
func flagsError(op string, f Flags) error {
	if unknown := f &^ allFlags; unknown != 0 {
		return &Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf("unknown flags %v", unknown)}
	}
	for _, pair := range contradictions {
		if f&pair == pair {
			first := pair & -pair
			return &Error{Op: op, Errno: unix.EINVAL, Msg: fmt.Sprintf("flags %v and %v exclude each other", first, pair&^first)}
		}
	}
	return nil
}
