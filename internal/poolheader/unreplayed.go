package poolheader

import "errors"

// Unreplayed says whether a sound header with these incompatible features is
// that of a pool whose journal holds changes.
func Unreplayed(incompat uint32) bool { return incompat&FeatureJournal != 0 }

// Unreplayed says whether the header is that of a pool whose journal holds
// changes: it has the journal's mark, or is sound and has the feature.
func (h *Header) Unreplayed() bool {
	return h.Kind == Obj && (h.Marked || h.Checksum == h.Computed && Unreplayed(h.Incompat))
}

// ErrUnreplayed is the error of opening a pool without the journal that holds
// changes of its. The packages of pools have it under the same name.
var ErrUnreplayed = errors.New("the pool has changes in its journal")

// ReplayHint says what to do about ErrUnreplayed.
const ReplayHint = "open it with the option of package libpmemobj/journal, or replay the journal, with journal.Replay or pmempool journal replay of the examples"
