// Package journal keeps pools of libpmemobj on ordinary disks, at the speed of a
// database that appends to a log.
//
//	pool, err := libpmemobj.OpenOrCreate("users.pool", "users", journal.With(journal.Options{}))
//
// Without persistent memory, PMDK makes a change durable by an msync for each
// range that it flushes: several waits for the disk in every transaction. With
// this option the pool is mapped privately, so that the system writes nothing of
// it by itself. What PMDK flushes is captured in the order in which it does, and
// appended to a file beside the pool, the journal; one fdatasync serves everybody
// who waits at that moment. Full parts of the journal are brought into the pool's
// file in the background (checkpoints). After a crash, opening the pool replays
// the journal, and PMDK recovers as after any other crash. After Close, the pool
// is one like every other: for the C library, for pmempool, and for programs
// without this package.
//
// All of libpmemobj and of the containers works as it does elsewhere.
//
// # Lifetime
//
// [With] is an option of libpmemobj.Create, Open and OpenOrCreate. The journal is
// made when a pool is opened that has none: beside the pool, with its name and
// [Suffix], or where [Options.Path] says. The pool does not note where: whoever
// opens it after a crash has to say it again. All blocks of the journal are
// allocated and written at that time: a quarter of the pool's size by default, 64 to
// 512 MiB.
//
// Open brings what the journal has into the pool, if there is something; that is
// as much as the journal is large, at most. Pool.Close does the same and leaves
// a plain pool and a journal that has nothing. That one may stay, for the next
// time, be removed, or serve another pool.
//
// # Goroutines
//
// Everything may be called from any goroutine. What libpmemobj says of visibility
// stays: a change is seen by others as it is made, and that is before it is
// durable. Update, Publish and the operations of containers make their change,
// release the locks that are theirs, and wait for the disk then. What another
// goroutine has read meanwhile may be lost in a crash, though never without all
// that depends on it: changes become durable in their order.
//
// Inside the pool that does no harm. What leaves the process (an answer to a
// client, a message, a write to another file) needs one of these before:
//
//   - an operation of one's own that has changed the pool: when it returns,
//     everything that was seen before it is durable;
//   - [libpmemobj.Pool.Sync].
//
// A lock of the program that is taken before Update and released after it hides
// a change until it is durable, but it is held while the disk works: those who
// need the same lock share no wait. [libpmemobj.Pool.UpdateUnsettled] and
// PublishUnsettled leave the wait to [libpmemobj.Pool.AwaitDurable], which
// belongs after the lock is released.
//
// Committing has no goroutine of its own: the first who wants to wait writes for
// all. A pool has two goroutines for checkpoints and for changes that outgrow the
// memory set aside for them.
//
// # Durability
//
// Pool.Durability is libpmemobj.DurabilityJournal. When Update, Publish, or any
// other operation that promises durability returns without an error, its change
// is on the disk: it survives SIGKILL, a crash of the system and a power failure,
// as far as the disk keeps its own promise (System assumptions). A crash at any
// other moment leaves each change as a whole or not at all. A batch is there as a
// whole or not at all; the batches that are there are the first ones, without a
// gap.
//
// What is durable are whole lines of 64 bytes, as on persistent memory: Persist
// and its kin take along what was stored before to the same line. What is stored
// and never flushed does not get into the file, however long one waits; with
// msync or DAX it may.
//
// With [Options.NoSync] operations do not wait. A crash, and the mere end of the
// process too, loses the last of them, in the sense above: the pool is as it was
// a while before. Pool.Sync is the
// promise then, for all that was changed before it. Without Sync or Close, what
// has been changed is written when half a megabyte has gathered, and is not
// waited for; there is no clock. Trim and Close write everything.
//
// # System assumptions
//
// fdatasync returns when what was written is on the medium, and fails if it is
// not: a disk with a volatile cache has to obey the flush, and a virtual machine
// to pass it on. Writing a sector of a file does not harm others. A file that
// was allocated and written can be written again without room on the disk; file
// systems that copy on write (Btrfs, ZFS) do not promise that, and so may fail
// when full. After a crash, the file system has the files that fsync of them and
// of their folder has returned for. Locks (flock) work; on file systems without
// them, nothing keeps two programs from one pool.
//
// A sector of 512 bytes is written as a whole or not at all; nothing larger has
// to be, and the order of writes without an fdatasync between them does not
// matter.
//
// The journal is checksummed. What is wrong with it is found when it is read,
// except for its last batch: a damaged one cannot be told from one that was never
// finished. The pool is not checksummed, by PMDK nor by this package; a medium
// that returns other data than were written is beyond both.
//
// # Failures
//
// A write or fdatasync that fails, of the journal or of the pool, is the end of
// the session: what the disk has of it, and whether a later attempt would tell
// the truth, nobody knows. Nothing is tried again. From then on
//
//   - what waits for the disk returns an error that matches libpmemobj.ErrFailed,
//     [FailedError], and the cause. The change is seen in this process; whether it
//     is on the disk is open, as after a crash;
//   - what would change the pool fails with the same error before it does;
//   - reading goes on;
//   - Pool.Close returns the error, and leaves pool and journal as they are.
//
// Close the pool, see to the disk, and open the pool again: everything that was
// acknowledged is there.
//
// A full disk does not fail a commit, because the journal has its blocks, and so
// does the pool: Open fills its holes. It may fail making a journal, which
// leaves the pool as it was, or growing a pool, which PMDK reports as always.
//
// Opening fails, and changes nothing, with [ErrMissing] if the pool needs its
// journal and there is none; with [ErrForeign] if the two do not belong together;
// with a [DamagedError] if the journal lacks something that it is known to have
// had, which no crash does but a bad disk or another program; with [ErrVersion]
// and [ErrNotJournal] if it is something else; and with unix.EAGAIN if pool or
// journal are in use.
//
// # Memory
//
// A page of the pool that was written to is a private copy from then on, memory
// of the process, also after a checkpoint has brought it into the file. Pages
// that are only read are shared with the system's cache. A process that changes
// all of a large pool comes to need memory for all of it; [Trim] gives back what
// equals the file. It wants the pool for itself for a moment. A pool may be larger than
// the memory, except where the system was told never to promise more than it has
// (vm.overcommit_memory 2).
//
// Beside that an open pool takes up to 3 MB for what was captured, as much again
// to write it, and some 1.4 times the size of a segment while one is checkpointed.
// [StatsOf] tells what the journal does.
//
// A child made by fork (in C; starting a program is no such thing) has a copy of
// the pool as it was. Its changes are its own and are lost. It must not close the
// pool or open it.
//
// # The interlock
//
// A pool whose journal may have something for it has a mark in its header, from
// Open to Close, and so after a crash. Nobody opens it without this package:
//
//   - PMDK's libpmemobj, in pmemobj_open and pmemobj_check: "unsafe to continue due
//     to unknown incompat features: 0x80000000"
//   - pmempool check, with -r or without: "incorrect pool header", "not
//     consistent", and "the repair of pmemobj pools is not supported". It changes
//     nothing.
//   - pmempool info: "invalid checksum"; pmempool feature fails without a word
//   - libpmemobj of this module without the option, and libpmempool: ErrUnreplayed,
//     "the pool has changes in its journal"
//
// Only pmempool rm, which removes what it is told to, removes such a pool; the
// journal stays, and a new pool of that name is refused until it is removed too.
//
// The pool is not damaged then. Open it with [With], call [Replay], or run
// `pmempool journal replay FILE` of this module's examples; each leaves, after
// Close, a pool that everybody opens. [ReadStatus] and `pmempool journal status`
// tell what a journal has.
//
// Which file belongs where: the mark names the journal's session, a random number
// that is new each time the pool is opened, and how far checkpoints have come. So
// another pool's journal, or a copy of either from another time, is found out
// and refused; not in every case, if files are copied while they are in use.
// Where they lie does not matter.
//
//   - To move, rename, copy or back up a pool, close it. Then the pool's files
//     are all there is. Without Close, call Replay first.
//   - Never copy a pool, a journal, or both while a program has them open. A
//     snapshot of the file system that takes both files at one moment is like a
//     power failure, and may be opened like that.
//   - A pool that was not closed moves together with its journal. A renamed pool
//     looks for a journal of its new name.
//   - To go back to a backup that was made after Close, put it in place of the
//     pool: it has no mark, so what a journal beside it has is not taken for
//     its own, and is thrown away.
//   - If the journal is lost, the pool's newest changes are. What its file holds
//     is a state of no particular moment, and nothing here pretends otherwise.
//
// # Format
//
// Version 1. Numbers are little-endian, in the order and at the offsets given, in
// bytes; what is not named is 0. CRC is CRC-32C (Castagnoli).
//
// The file begins with two slots of 4096 bytes. The header was last written to
// slot generation mod 2; the valid one with the higher generation counts. A slot
// with a right checksum and another version makes the whole journal one of an
// unknown version.
//
//	  0   8  "PMGOJRNL"
//	  8   4  version
//	 12   4  state: 1 clean, 2 dirty
//	 16   8  segment size: a multiple of 4096, 64 KiB to 1 GiB
//	 24   8  number of segments: 2 to 2^20
//	 32  16  UUID of the pool set, as in the pool's header at offset 24
//	 48  16  session
//	 64   8  tail: the sequence number of the first segment that counts
//	 72   8  the number of the first batch in that segment
//	 80   8  checksum of the pool's header without the mark
//	 88   8  generation
//	508   4  CRC of the 508 bytes before
//
// Segments follow. Their sequence numbers begin with 1 in each session; segment s
// is at 8192 + (s mod segments) · segment size. It begins with
//
//	 0   8  "PMGOSEGM"
//	 8   8  sequence number
//	16   8  salt: the first 8 bytes of SHA-256 of session and sequence number
//	24   8  the number of its first batch
//	32  16  session
//	48   8  the last batch that was known to be durable at that time
//	60   4  CRC of the 60 bytes before
//
// and batches follow, one behind the other, numbered from 1 in each session:
//
//	 0   4  "BCH\xa7"
//	 4   4  CRC of the salt and everything from offset 8 to the payload's end
//	 8   4  length of the payload, a multiple of 8, not 0
//	16   8  number
//	24   8  the last batch that was known to be durable at that time
//	32      payload
//
// The salt is what tells batches from those that an earlier use of the segment
// has left. A payload is a row of records. A record is a number of 8 bytes, the
// line shifted left by 8 and a mask of its 8 words, and the words of which the
// mask has bits, lowest first. Line n is 64 bytes at offset 64n of the pool as it
// is mapped: in a pool set one part follows the other, without the headers of all
// but the first. Lines below 64, the pool's header, do not occur, nor does a line
// twice in a payload: within a batch only the last content counts.
//
// The mark is in the pool's header: bit 31 of the incompatible features (4 bytes
// at offset 16), and at offset 448
//
//	 0   8  "PMGOMARK"
//	 8   4  version: 1
//	16  16  session
//	32   8  tail
//	40   8  the number of the first batch in that segment
//	48   8  checksum of the pool's header without the mark
//	60   4  CRC of the 60 bytes before
//
// All that is in the header's first 512 bytes. The header's own checksum, at
// offset 4088, is left as it was without the mark, and so is wrong meanwhile.
//
// A session begins when the header is written to both slots, as dirty, with a new
// session and tail 1, then synced, and then the pool is marked. A segment that was
// brought into the pool is free after these, each synced before the next: the
// pool's data; the mark with the new tail; the header with the new tail. A
// session ends in the same order, with a header of the pool that has no mark and
// a header of the journal that is clean.
//
// Recovery: a pool without a mark, whose header's checksum is right, is complete,
// whatever the journal says. (The exception is a dirty journal of another pool,
// which is not written over.) A pool with a mark wants a dirty journal of the
// same UUID and session, whose tail is that of the mark or the one before. A
// header that is torn between the two states is known by its checksum, once the
// mark is taken out of it and the checksum of the journal's header is put in; then
// the journal's tail counts. From the tail on, segments with the right session,
// sequence number and salt are read while each begins with the batch that is next,
// and in them batches while their numbers follow one another and their checksums
// are right. The first that is not valid is the end. If anything behind it, in
// a segment of this session or a batch with the right salt, says that the missing
// batch was durable, the journal is damaged. Otherwise what was read is written
// to the journal once more and synced (after a mere end of the process it may be
// in the system's memory alone), then to the pool, and the session ends.
// All of that may be broken off and repeated.
//
// # Caveats
//
//   - One copy: pool sets with replicas are refused. Device DAX is, as everywhere in
//     libpmemobj.
//   - Programs built with the tag pmdk_dynamic have no journal: With says so when a
//     pool is opened.
//   - 64 pools with a journal can be open in a process at a time, each of 8 TiB at
//     most.
//   - Short operations, which on persistent memory enter C without telling Go's
//     scheduler, are ordinary cgo calls here, because they may have to wait.
//   - Lines are written whole: a changed word costs 72 bytes of journal, until
//     batches share it.
//   - A batch with more than 16,384 lines, 1 MiB of changes, is split: that is seen by
//     nobody, as recovery is PMDK's. Transactions may be of any size; those that
//     are larger than the journal wait for checkpoints.
//   - A program that imports this package carries wrappers of libpmem's functions
//     for flushing. Its pools without a journal notice a comparison.
package journal
