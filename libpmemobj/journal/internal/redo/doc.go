// Package redo is the file of a journal: its format, writing, replay and
// checkpoints.
//
// A journal is a row of batches, each of which says how some lines of a pool
// change. All batches up to any one of them, brought into the pool file as it was
// at the beginning, make a pool as a crash could have left it, which
// libpmemobj's own recovery opens.
//
// # Format
//
// All numbers are little-endian and unsigned. Checksums are CRC-32C (Castagnoli,
// as in iSCSI). A file has 8192 bytes of headers, and then segments of equal size:
//
//	0                            slot 0
//	4096                         slot 1
//	8192 + i * segment size      segment i, for i < segments
//
// The two slots hold versions of the header. The one that is valid and has the
// higher generation counts; the header of generation g stands in slot g mod 2:
//
//	  0   8  "PMGOJRNL"
//	  8   4  version: 1
//	 12   4  state: 1 clean, 2 dirty
//	 16   8  segment size: a multiple of 4096
//	 24   8  segments
//	 32  16  UUID of the pool (set), as it stands in the pool's header
//	 48  16  session: random bytes, others each time that the pool is opened
//	 64   8  tail: sequence number of the first segment not known to be in the pool
//	 72   8  number of the first batch in that segment
//	 80   8  checksum of the pool's header
//	 88   8  generation
//	 96      zeros
//	508   4  checksum of the bytes 0 to 507
//	512      zeros
//
// A later version has another number at 8, and the same magic and checksum.
//
// In a session, segments are numbered from 1; segment n stands at i = n mod
// segments, over an older one that is in the pool by then. It begins with
//
//	 0   8  "PMGOSEGM"
//	 8   8  sequence number
//	16   8  salt: the first 8 bytes of SHA-256(session, sequence number)
//	24   8  number of the first batch
//	32  16  session
//	48   8  the last batch known to be durable when this was written
//	56   4  zero
//	60   4  checksum of the bytes 0 to 59
//
// and batches follow without gaps. They are numbered from 1 on in a session, over
// the ends of segments:
//
//	 0   4  "BCH" and the byte 0xa7
//	 4   4  checksum of the segment's salt, as 8 bytes, and the bytes from 8 on,
//	        payload included
//	 8   4  length of the payload: a multiple of 8, not 0
//	12   4  zero
//	16   8  number
//	24   8  the last batch known to be durable when this was written
//	32      payload
//
// What follows the last batch is what was there before. It may be a batch of an
// earlier use of the place, whose checksum fails because of the salt.
//
// A payload is a row of records. A record has a word of 8 bytes, line << 8 | mask,
// and then as many words as the mask has ones: the words of the 64 bytes at 64 *
// line of the pool, as PMDK maps it, whose bits are set, the lowest first. Of a
// line that is there twice the later words count. Lines 0 to 63, the header of
// the pool, never occur.
//
// # The mark
//
// From Begin to Finish, the journal may have what the pool's file lacks. Then
// bit 31 of the incompatible features (offset 16 of the pool's header) is set, and
// there is, where other pools have zeros:
//
//	448   8  "PMGOMARK"
//	456   4  version: 1
//	460   4  zero
//	464  16  session of the journal
//	480   8  tail
//	488   8  number of the first batch in that segment
//	496   8  checksum of the header without the mark
//	504   4  zero
//	508   4  checksum of the bytes 448 to 507
//
// The checksum of the header, at 4088, stays what it was and so is wrong. The
// library libpmemobj refuses such a pool because of the feature ("unsafe to
// continue due to unknown incompat features: 0x80000000"). pmempool does not look
// at features, but refuses it because of the checksum ("incorrect pool header",
// "invalid checksum"), and pmempool check -r changes nothing: it says that it
// cannot repair pools of libpmemobj. To take the mark away by hand is to lose
// what the journal has.
//
// # Replay
//
// If the pool has no mark, it has everything, and what the journal says does not
// matter. If it has one, the header's UUID and session must be those of the
// journal, and its tail that of the journal or the next one. Otherwise one of
// the two is another pool's, or a copy from another time. (Not every old copy is
// noticed: a journal and its pool are copied together, and while nobody has them
// open.)
//
// From the mark's tail on, segments follow one another as long as they have the
// next sequence number, the session, and the next batch number; and batches as
// long as they are valid. The first one that is not ends the journal: a crash
// has cut it, or what comes after was written and it was not. But if anything
// that is valid and comes after, a batch in the rest of the segment (at any
// multiple of 8) or in a later one, or the beginning of a later segment, says that
// this batch was durable, then the journal is damaged, and nothing is written. A
// damaged batch that is not followed by such a witness, the last one in
// general, is taken for one that was never finished; nothing can tell them apart.
//
// # Order
//
// A disk may write what was not synced in any order, but writes each sector of
// 512 bytes as a whole or not at all. Nothing else is relied on:
//
//   - A batch becomes valid as a whole, by its checksum, and is looked at only if
//     all before it are valid. So any subset of sectors that a crash leaves is a
//     row of batches from the first one on. Batches before the last Datasync
//     are in it. A sector that two batches share has the first one in it
//     whichever of its versions is there.
//   - A new journal is written under another name, and renamed when it is durable.
//     It is locked from the beginning.
//   - Begin: the header, dirty, with the new session, durable in both slots;
//     then the mark, durable; then the first batch. So a mark always leads to its
//     session. Before the mark the pool is whole without the journal.
//   - Checkpoint: only segments all batches of which are durable: what is in the
//     pool is in the journal. The pool's data, durable; then the mark with
//     the next tail, durable; then the journal's header with that tail, durable;
//     then the segment may be written over. So everything from the smaller of the
//     two tails on is there, and the mark is never more than one ahead.
//   - To bring a batch into the pool twice, or some of it, changes nothing if all
//     that follow it up to what was ever brought there are brought there again,
//     and they are: they are durable.
//   - Replay: what was read may be in the kernel's memory alone, after a kill, and
//     may count as written after a failed write-back. It is written again, and
//     synced, before the pool changes. Then everything from the tail on goes into
//     the pool, durable; then the mark goes, durable; then the header says clean.
//     Finish does the same with what is left.
//   - That there is no mark may, too, be in the kernel's memory alone. If the
//     journal's header is dirty all the same, the pool's is written once more and
//     synced, before a session begins.
//   - The mark, and the feature, are in one sector; the rest of the pool's header
//     does not change.
//   - What fails to be written or synced is never tried again by the same process,
//     because the kernel reports a failed write-back once and then takes the data
//     for written. The header is written through another descriptor than the
//     segments for this reason: the kernel reports to each.
package redo
