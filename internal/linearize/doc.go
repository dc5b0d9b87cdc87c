// Package linearize checks that what goroutines do to a container side by side
// could have happened one after the other: each operation at one moment between
// its call and its return.
//
// The race detector does not see the memory of pools. Here, goroutines record
// what they did and what came of it, with the moments of both, as a [History].
// A search then looks for an order that a model of the container, in plain Go,
// can go through. Where there is none, somebody has seen what cannot be.
//
// Transactions are operations of several steps that happen together or, if they
// are rolled back, not at all.
//
// It is a module of its own because the search, porcupine, is a dependency that
// users of the containers have no part in.
package linearize
