// Package libpmem maps files on persistent memory and makes stores to them
// durable: the Go form of libpmem(7).
//
// Map opens or creates a file and gives a [Mapping]. Its bytes are changed in
// place, through [Mapping.Bytes], and made durable by [Mapping.Persist]; or
// they are written by [Mapping.WriteAt] and [Mapping.CopyAt], which do both.
// The package's functions, from [Persist] to [MemsetNodrain], do the same for
// slices of a mapping.
//
// There are no transactions here: a store of more than eight aligned bytes
// may be torn by a crash. Package libpmemobj is for data structures.
//
// # Lifetime
//
// A mapping lives from Map to Close. Close is idempotent; afterwards every
// method returns ErrClosed, and the package's functions return ErrNotMapped
// for slices of what was the mapping, until another mapping takes its place
// in the address space. While another goroutine is inside a
// method that takes long, Close returns ErrBusy and the mapping stays open;
// it waits for those that don't.
//
// The slices that Bytes returned must not be touched after Close: a Go load
// or store there is a fault that ends the program, and so is passing one as
// the source of a copy. That is why a mapping that is lost without Close is
// only reported (see cgoutil.SetLeakReporter) and never unmapped.
//
// # Goroutines
//
// All methods and functions may be called from any number of goroutines, and
// Close from any of them. Goroutines that write the same bytes need a lock of
// their own. The race detector doesn't see what C does: it reports no races
// of CopyAt, MoveAt, SetAt and the Mem functions with anything.
//
// Drain waits for what its own thread flushed: call Flush (or a function with
// NoDrain) and Drain on one goroutine. If that moves to another thread in
// between, nothing is lost on x86-64, since the instructions that Go moves a
// goroutine with order flushes too; elsewhere, call runtime.LockOSThread.
// Persist has no such condition.
//
// # Durability
//
// On persistent memory (IsPmem reports true) the processor's caches are
// flushed; on an ordinary file the same methods and functions call msync. A
// program is correct on both: what returned without an error survives a power
// failure, as far as the storage keeps its promises.
//
//	                        persistent memory        ordinary file
//	Persist, WriteAt, Sync  flush and drain          msync
//	CopyAt, Mem…            copy, flush, drain       copy, msync
//	with NoDrain, Flush     up to Drain not durable  msync at once
//	with NoFlush            not durable              not durable
//	DeepPersist             past the write queues    msync
//
// An msync costs a hundred microseconds and more on a disk. It may write more
// than was asked for, never less.
//
// PMEM_IS_PMEM_FORCE=1 in the environment makes every mapping count as
// persistent memory. On a file system without DAX it trades durability for
// speed: the data survive the process, but not a power failure. It is read at
// the first Map, once for the process.
//
// # Caveats
//
// A file that another program truncates under a mapping, or whose media
// fails, faults where it is read or written. ReadAt and WriteAt, and on
// ordinary files CopyAt, MoveAt, SetAt and the Mem functions, return an
// error; a Go access through Bytes can be caught with debug.SetPanicOnFault.
// On persistent memory a fault inside the other functions happens in C and
// ends the program: don't truncate files that are mapped.
//
// Create on an existing file sets its size to the one given, which cuts off
// data where it is smaller. Use Excl where the file must be new.
//
// The functions use the thread without telling Go's scheduler as long as they
// handle no more than 32 KiB, which is what makes them as fast as in C. The
// build tag pmdk_noleaf turns that off.
//
// Of C's environment variables, libpmem(7) has the list; those that
// choose instructions (PMEM_NO_CLWB and so on) are read when the program
// starts.
package libpmem
