package container

import (
	"runtime"

	"github.com/pmem/pmdk-go/internal/percpu"
)

// Pin admits a reader that is done in some hundred nanoseconds and finds out by
// itself whether what it read was changed meanwhile, by an operation or a
// transaction. It keeps Close and the removal of the container out until
// Unpin, as Read does, but counts nothing: locked instructions would keep the
// processor from starting the next reads early. The price is paid by Close, for
// which the world must stop once: that waits for all who are pinned.
//
// The rules of [percpu.Pin] hold. Pin is followed by Unpin in any case. If it
// returns false, the container must not be touched between the two, and the
// reader takes the way of Shared or Read, which says why.
func (l *Lock) Pin() bool {
	percpu.Pin()
	return l.state.Load()&stateUnpinned == 0
}

// PinShared is Pin for readers that a transaction keeps out, as it does those of
// Shared: it returns false while one has the container.
func (l *Lock) PinShared() bool {
	percpu.Pin()
	return l.state.Load()&^stateJoined == 0
}

// Unpin is the end of Pin and of PinShared.
func (l *Lock) Unpin() { percpu.Unpin() }

// stateUnpinned are the states in which nobody may be pinned.
const stateUnpinned = stateClosing | stateClosed | stateRemoving | stateRemoved

// awaitPinned returns when everybody has left who was pinned when it was
// called. States that keep others out are set before.
func awaitPinned() {
	// It stops the world, and so waits until every processor can be preempted.
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
}
