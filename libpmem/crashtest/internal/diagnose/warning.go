package diagnose

import (
	"fmt"
	"strings"
)

// Kind is what a Warning is about.
type Kind uint8

// The kinds of warnings, the worst first.
const (
	// NotSnapshotted: a transaction ended with bytes changed that were neither
	// snapshotted nor part of a new object, and that nobody flushed either.
	NotSnapshotted Kind = iota + 1
	// LateSnapshot: a transaction changed bytes and took the snapshot of them
	// afterwards.
	LateSnapshot
	// NeverFlushed: what was stored had not been flushed when the recording
	// ended.
	NeverFlushed
	// Unfenced: what was flushed still waited for a fence when the recording
	// ended.
	Unfenced
	// CleanFlush: each time the program came there, it flushed what had not
	// changed since it was last flushed.
	CleanFlush
	// RedundantSnapshot: each time the program came there, it took a snapshot
	// of what its transaction had a snapshot of, or had allocated.
	RedundantSnapshot
)

var kinds = [...]string{"", "not snapshotted", "late snapshot", "never flushed", "unfenced", "clean flush", "redundant snapshot"}

// String names the kind.
func (k Kind) String() string {
	if int(k) >= len(kinds) || k == 0 {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kinds[k]
}

// A Warning is a line of the program that looks wrong, though no crash has
// shown that it is.
type Warning struct {
	Kind    Kind
	Message string // without the place; about the first time
	Place   Place
	Count   int // how often it happened at this line
}

// String returns the warning as one line.
func (w Warning) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", w.Place, w.Message)
	if w.Count > 1 {
		fmt.Fprintf(&b, " (%d times)", w.Count)
	}
	return b.String()
}

// Options are what a trace does not know about the file. The zero Options are
// right for most.
type Options struct {
	// Ignore reports whether what [off, off+n) of the file holds means
	// nothing after a crash, so that nobody needs to flush or to snapshot it.
	// It may be nil. The locks of PMDK are such bytes; those that the recording
	// shows to be used are known without it.
	Ignore func(off, n uint64) bool
}
