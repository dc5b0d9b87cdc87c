package journal

import (
	"errors"
	"unsafe"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// With makes Open, Create and OpenOrCreate keep a journal for the pool.
func With(o Options) libpmemobj.Option { return libpmemobj.WithMedium(journaled{o}) }

// Errors of opening a pool and its journal.
var (
	// ErrMissing says that a pool was not closed properly, and that the journal,
	// which has the newest of its data, is not where it should be.
	ErrMissing = redo.ErrMissing

	// ErrForeign says that the pool and the journal do not belong together: one
	// of them is another pool's, or a copy from another time.
	ErrForeign = redo.ErrForeign

	// ErrVersion says that the journal has a format that this package does not
	// know.
	ErrVersion = redo.ErrVersion

	// ErrNotJournal says that there is something else where the journal should
	// be.
	ErrNotJournal = redo.ErrNotJournal
)

// DamagedError says that a journal lacks what it is known to have had, which no
// crash does. Nothing was written to the pool.
type DamagedError = redo.DamagedError

// Status is what a journal holds.
type Status = redo.Status

// State is what a journal says of its pool.
type State = redo.State

// The states of a journal.
const (
	Clean = redo.Clean // the pool's file has everything
	Dirty = redo.Dirty // the journal may have what the pool's file lacks
)

// ReadStatus reads the journal at path, without locking it and without changing
// it. While a program has the pool open, it tells of a moment not long ago, or
// fails.
func ReadStatus(path string) (Status, error) { return redo.ReadStatus(path) }

// Replay brings into the pool at path what its journal has, and makes it a pool
// that any program opens. It opens the pool and closes it, and so makes a journal
// if there is none.
func Replay(path string, o Options) error {
	p, err := libpmemobj.Open(path, "", With(o))
	if err != nil {
		return err
	}
	return p.Close()
}

// Stats is what a journal has done since the pool was opened.
type Stats = redo.Stats

// StatsOf tells of an open pool's journal. It may be called from any goroutine,
// not after Close.
func StatsOf(p *libpmemobj.Pool) (Stats, error) {
	k, ok := p.Keeper().(*keeper)
	if !ok {
		return Stats{}, errNoJournal
	}
	return k.log.Stats(), nil
}

var errNoJournal = errors.New("the pool has no journal")

// Trim gives memory back: what a program writes to is private to it, a copy of
// the pool file's pages, and stays so when a checkpoint has brought it into the
// file. Trim brings everything into the file and drops the copies that equal
// it; the next access reads them again. It returns how many pages it has
// dropped.
//
// No operation may be under way, else the error matches
// libpmemobj.ErrPoolBusy; what wants to begin meanwhile waits. And nobody may be
// writing to the pool outside of transactions at that moment: that is for the
// caller to see to, and such writes could be lost.
func Trim(p *libpmemobj.Pool) (pages int, err error) {
	k, ok := p.Keeper().(*keeper)
	if !ok {
		return 0, errNoJournal
	}
	err = p.Quiescent(func(base unsafe.Pointer, size int64) error {
		if err := k.await(); err != nil {
			return err
		}
		if err := k.settle(); err != nil {
			return err
		}
		pages, err = dropCopies(base, size, k.pool)
		return err
	})
	return pages, err
}
