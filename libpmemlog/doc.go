// Package libpmemlog keeps an append-only log in a file that is mapped into
// memory: what was appended is there after a crash, whole, and in order. It
// binds the libpmemlog library of PMDK 1.12; logs are shared with C programs.
//
// [Log] is the log as C has it: bytes, added by [Log.Append], read by
// [Log.ReadAt], [Log.WriteTo] or chunk by chunk, and dropped all together by
// [Log.Rewind]. It has no notion of where one append ended and the next began.
// [Records] has: each record is found again, and checked.
//
//	log, err := libpmemlog.OpenOrCreate("events.log")
//	records, err := libpmemlog.OpenRecords(log)
//	pos, err := records.Append([]byte("something happened"))
//	for pos, data := range records.All() {
//		...
//	}
//
// # Lifetime
//
// A log is open from [Create] or [Open] to [Log.Close]. Everything that is
// read is copied, so nothing dies with it. A log that is lost without Close is
// reported and closed.
//
// # Goroutines
//
// Every method of Log and Records may be called from any goroutine; appends
// follow one another. A [Scanner] belongs to one goroutine at a time. Readers
// see whole appends only. Close returns ErrBusy while another operation is
// under way.
//
// Records of one log may be used side by side. A Scanner waits for records that
// this process appends; no other can, as a log is open in one process only.
//
// Short operations on persistent memory enter C without telling the Go
// scheduler; a garbage collection that begins meanwhile waits for them, for
// some ten microseconds. The build tag pmdk_noleaf makes ordinary cgo calls of
// them.
//
// # Durability
//
// An append is durable when it returns, to the degree that [Log.Durability]
// names: on DAX, caches are flushed to persistent memory; elsewhere each append
// is two msyncs; and DurabilityProcessCrash flushes caches of an ordinary file,
// which survives the process but not the machine.
//
// # Caveats
//
// A log does not grow. When it is full, appends fail with [ErrFull] and change
// nothing; rewind it once what it holds is no longer needed.
//
// PMDK keeps no checksum of the content. A log whose header was repaired may
// end later than it should: in zeros, or in what stood there before a rewind.
// Records notices both, but for a log that was empty after a rewind: its old
// records are there again.
//
// Files are read in Go before C maps them, because C takes the process down
// where they are wrong. What cannot be checked is a file that another program
// truncates or damages while it is mapped.
package libpmemlog
