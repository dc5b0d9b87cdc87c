// Package container is what the persistent containers have in common beside
// the directory: their state in ordinary memory, one for each open pool and
// object ([Of]), and the locks that keep single operations, transactions and
// Close apart ([Lock]).
//
// A container's state embeds a Lock. An operation by itself holds it shared,
// next to other operations; what these need among themselves, such as a lock
// for a key or a segment, is the container's own affair:
//
//	h, err := s.Shared("put")
//	if err != nil {
//		return err
//	}
//	defer h.Release()
//
// An operation in a transaction first makes the Lock the transaction's, which
// then has the container to itself until its end:
//
//	if err := s.InTx("put", tx); err != nil {
//		return err
//	}
//
// One transaction at a time may have containers of a pool, so that two never
// wait for each other. Operations by themselves wait for it, except those of
// its own goroutine, which are errors.
package container
