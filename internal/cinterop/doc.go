// Package cinterop holds tests only: C programs and Go programs that work on
// the same pools.
//
// The C programs are PMDK's own examples, as the package libpmemobj-dev
// installs them, built unchanged when the tests run. The Go side describes the
// same data as Go structs. Where the examples are not installed, the tests are
// skipped and say so. Package containers has a program of ours, which reads the
// persistent containers.
package cinterop
