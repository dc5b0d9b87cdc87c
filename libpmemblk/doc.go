// Package libpmemblk keeps an array of blocks in a file that is mapped into
// memory. Each block changes as a whole: after a crash it holds what it held
// before a write or what the write brought, never a mixture. It binds the
// libpmemblk library of PMDK 1.12; pools are shared with C programs.
//
//	pool, err := libpmemblk.OpenOrCreate("accounts.blk", 4096)
//	err = pool.WriteBlock(7, account)
//	err = pool.ReadBlock(7, account)
//
// [Pool.ReadAt] and [Pool.WriteAt] see the blocks as one row of bytes.
//
// # Lifetime
//
// A pool is open from [Create] or [Open] to [Pool.Close]. Everything that is
// read is copied, so nothing dies with it. A pool that is lost without Close is
// reported and closed.
//
// # Goroutines
//
// Every method may be called from any goroutine. Two operations for each
// processor run at the same time; libpmemblk makes others wait. Readers see
// whole blocks. Close returns ErrBusy while another operation is under way.
//
// Operations on blocks of up to 32 KiB on persistent memory enter C without
// telling the Go scheduler; a garbage collection that begins meanwhile waits
// for them, for some microseconds. The build tag pmdk_noleaf makes ordinary cgo
// calls of them.
//
// # Durability
//
// A write is durable when it returns, to the degree that [Pool.Durability]
// names: on DAX, caches are flushed to persistent memory; elsewhere each write
// is several msyncs; and DurabilityProcessCrash flushes caches of an ordinary
// file, which survives the process but not the machine.
//
// # Caveats
//
// Only a block is atomic. A WriteAt that covers several may be cut short by a
// crash between any two of them, and one that covers parts of blocks reads them
// first.
//
// A new pool has no layout until the first write, which makes it. PMDK cannot
// tell a pool whose layout is damaged from a new one: it would read zeros, find
// nothing wrong, and lay it out again at the next write. Open and Check look
// for signs of former writes, and refuse such a pool as long as it can be
// repaired. Where another program lets PMDK open it and write, it is lost.
//
// There is no checksum of what blocks hold.
//
// Files are read in Go before C maps them, because C takes the process down, or
// loses blocks, where they are wrong. What cannot be checked is a file that
// another program truncates or damages while it is mapped.
package libpmemblk
