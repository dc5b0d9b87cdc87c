// Package leafcall calls short C functions at the price of a C call.
//
// A cgo call tells the scheduler that the thread may be gone for long. That
// bookkeeping is a few tens of nanoseconds of atomic operations, and they
// wait for the stores before them: around a flush of one cache line they
// cost a third of the flush. A leaf call does what cgo does otherwise, the
// switch to the thread's own stack, without the bookkeeping.
//
// The price: until the function returns, its thread can't be preempted, and
// a garbage collection that wants to stop the world waits for it. So a leaf
// function runs for microseconds at most, makes no system call that may
// sleep, and never calls back into Go.
//
// Available says whether leaf calls exist in this build. They rest on
// runtime.asmcgocall, which is no public interface: releases of Go that they
// were not tested with, other architectures and the build tag pmdk_noleaf
// have none, and callers use cgo instead.
package leafcall
