// Package cbaseline is what a C programmer would write for the work that
// internal/benchratio does in Go. Each function runs a whole loop, so that
// entering C costs nothing per operation.
//
// Transactions are written with libpmemobj's own macros, setjmp included, and
// objects are reached through the header's inline pmemobj_direct. Addresses
// that a C program would keep in a variable are arguments, which favours C.
// An operation that fails ends the process: a measurement of it is worthless.
package cbaseline
