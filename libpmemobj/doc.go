// Package libpmemobj keeps objects in a file that is mapped into memory, and
// changes them atomically: after a crash of the process, and with the right
// medium after a power failure, every change has happened as a whole or not at
// all. It binds the libpmemobj library of PMDK 1.12; pools are shared with C
// programs.
//
// A program describes its data as Go structs, with [Ptr] and [Off] where Go
// would have pointers, and reaches everything from one root object:
//
//	type Counter struct {
//		Hits uint64
//		Last libpmemobj.Ptr[Entry]
//	}
//
//	pool, err := libpmemobj.OpenOrCreate("hits.pool", "hits")
//	root, err := libpmemobj.Root[Counter](pool)
//	err = pool.Update(func(tx *libpmemobj.Tx) error {
//		root.Mut(tx).Hits++
//		return nil
//	})
//
// There are two ways to change data. [Pool.Update] runs a transaction: memory
// is written in place after a snapshot, and rolled back on failure.
// [Pool.Publish] collects new objects and single words and makes them happen
// at the end; for small changes it costs a fraction of a transaction. An object
// can also be made in advance, by itself, and handed to another goroutine that
// publishes it ([Reservation]). Single allocations outside both are atomic by
// themselves ([Pool.Alloc]).
//
// For what has no fixed length there are [String], [Bytes] and [Slice], which
// stand in a struct like their counterparts in Go and keep their data in
// objects of their own. They are changed by the same methods in both ways:
//
//	err = pool.Update(func(tx *libpmemobj.Tx) error {
//		return user.Name.Set(tx, "Ada")
//	})
//
// Nothing collects garbage in a pool: who removes the last pointer to an object
// frees it. [Pool.Walk] ranges over all that can be reached from the root, and
// [Pool.Leaks] finds the rest.
//
// A type whose values live in a pool holds plain data and persistent pointers
// only: no Go pointers, strings, slices, maps, channels, functions or
// interfaces, which mean nothing after a restart. That is proved by reflection
// when a type is first used; a [*TypeError] names the offending field.
//
// # Lifetime
//
// A pool is mapped from [Create] or [Open] until [Pool.Close]. What [Ptr.Get],
// Mut and the views of bytes return are addresses inside the mapping: they
// cost nothing to use and die with Close or when the object is freed. Persistent
// pointers stay valid over restarts; [Ptr.Get] panics with a readable value
// where one leads nowhere. A pool that is dropped without Close stays mapped
// and is reported.
//
// # Size
//
// A pool is a file of a fixed size, or a pool set: a text that names the files,
// or the folders for files, that make up the pool, also in several copies; see
// poolset(5). [WithGrowth] creates one that grows by itself when it is full, and
// [Pool.Extend] makes it grow. Growing moves nothing: addresses and pointers stay
// as they are. When it comes to an end, the error that matches ErrOutOfSpace
// says why: the limit is reached, or the disk is full, which matches
// unix.ENOSPC.
//
// # Goroutines
//
// Every method of Pool may be called from any goroutine. A [Tx] and an
// [Actions] belong to the goroutine that runs the closure. libpmemobj isolates
// nothing: a change is visible to other goroutines as it is made. Protect data
// with Go's locks, taken before Update or Publish and released after it. The
// race detector does not see accesses to persistent memory. [Mutex], [RWMutex]
// and [Cond] lie in the pool and are for sharing data with C code in the same
// process; a transaction takes them by [Tx.Lock].
//
// On persistent memory, short operations enter C without telling the Go
// scheduler, which would cost them a tenth of their time and more; a garbage
// collection that begins meanwhile waits for them, for some ten microseconds.
// The build tag pmdk_noleaf makes ordinary cgo calls of them.
//
// # Durability
//
// A committed change is durable when Update or Publish returns, to the degree
// that [Pool.Durability] names: on DAX, caches are flushed to persistent
// memory; elsewhere each flush is an msync, safe and slow; and
// [DurabilityProcessCrash] flushes caches of an ordinary file, which survives
// the process but not the machine. Nothing is downgraded in silence.
//
// On disks, package libpmemobj/journal does in one wait, shared by all who
// wait at that moment, what takes an msync for each flush otherwise; its option
// is the advice for machines without persistent memory. There, a change is seen
// by others before it is durable: see [Pool.Sync]. A pool that was not closed
// needs that option to be opened again: [ErrUnreplayed].
//
// # Caveats
//
// Writing to an object without a snapshot is not rolled back and not flushed.
// A layout is fixed by Go's struct layout: fields may be added at the end of
// the root object, all else needs a new type. Pools of other byte orders are
// refused by PMDK. Device DAX and replicas on other hosts cannot be opened.
//
// The heap is handed out in chunks of 256 KiB, and every size class that is in
// use holds on to runs of its own: a small pool with objects of many sizes is
// full long before its bytes are. Rounding variable sizes up helps.
//
// Files are read in Go before C maps them, and arguments are checked before C
// sees them, because C takes the process down where they are wrong. What
// cannot be checked: two goroutines freeing one object at the same moment,
// memory overwritten through Go pointers beyond an object's end, and a file
// that another program truncates or damages while it is mapped.
//
// In programs built with -tags pmdk_dynamic, a process that is started at the
// moment in which a pool set grows inherits the new part, and keeps the pool
// locked until it ends.
package libpmemobj
