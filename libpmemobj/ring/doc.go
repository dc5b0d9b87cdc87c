// Package ring keeps byte records in a ring of fixed size in a pool: as a [Log],
// which is read by sequence number and cut at both ends, and as a [Queue], whose
// messages are handed to consumers and stay until these commit them.
//
//	log, err := ring.OpenLog(pool, "raft", ring.WithCapacity(64<<20))
//	seq, err := log.Append(a, b, c)
//	for rec, err := range log.From(seq) {
//
//	q, err := ring.OpenQueue(pool, "mail")
//	err = q.Enqueue(ctx, letter)
//	m, err := q.Dequeue(ctx)
//	err = send(m.View())
//	err = m.Commit()
//
// # Durability
//
// Every operation is atomic, and durable when it returns; a batch is there as a
// whole after a crash, or not at all. What cannot be seen in the pool but by its
// effect, the delivery of a message, does not outlive the process: messages
// that were not committed are delivered again. Fences that operations wait for,
// and the fewest that would do:
//
//	Append, Enqueue, of any number of records       1  1
//	Commit                                          1  1
//	TruncateFront, TruncateBack, Reset              1  1
//	Read, Dequeue, Rollback                         0
//
// The first change after the pool was opened takes one fence more, and so does a
// queue's Enqueue now and then, when it needs the room of committed messages
// (once a round, or about every time that the queue runs full). Records are not
// allocated: the ring is written once when it is made, so that the file system
// has provided for all of it. In a transaction, the first Append, Enqueue or
// CommitIn costs 5 fences, begin and commit included.
//
// # Goroutines
//
// All methods may be called from any goroutine. Records of several goroutines
// are written and flushed side by side; each is told of its own when those before
// it are durable too, because nothing is found behind a gap.
//
// # Layout
//
// All numbers are little-endian. Positions count the bytes that were ever given
// to records; byte number n lies at n modulo the capacity in the ring. The object,
// in the directory as kind "ring.Log" or "ring.Queue" version 1:
//
//	  0  uint64  magic: "PMGOLOG1" or "PMGOQUE1"
//	  8  uint32  version: 1
//	 12  uint32  0
//	 16  uint64  capacity in bytes, a multiple of 8
//	 24  uint64[5]  0
//	 64  two slots, of 64 bytes each
//	192  the ring
//
// A slot is
//
//	 0  uint64  generation
//	 8  uint64  epoch
//	16  uint64  cut: a sequence number
//	24  uint64  position of the first record
//	32  uint64  sequence number of the first record
//	40  uint64  2^32 + CRC-32C of the 40 bytes before
//	48  uint64[2]  0
//
// and the one with the higher generation counts, of those whose checksum is
// right. A record begins at a multiple of 8:
//
//	 0  uint32  CRC-32C of the bytes from 8 on, data included
//	 4  uint32  1 when a queue's message is committed, else 0
//	 8  uint32  bytes of data
//	12  uint32  how many records of the same batch follow
//	16  uint64  epoch
//	24  uint64  sequence number
//	32  the data, and up to 7 bytes that mean nothing
//
// A record does not cross the end of the ring. Where one would, there is a record
// without data whose size is 2^32-1 and whose sequence number is that of the
// next one, sound like any other but in no batch, or nothing if less than 32 bytes
// are left; the next record is at the beginning of the ring.
//
// The records are those that are found from the first one on, one behind the
// other: with the right checksum, the next sequence number, an epoch that is
// neither lower than that of the record before nor higher than the slot's, and
// equal to that if the sequence number is not below the cut; and, not below the
// cut, with all of their batch, each of which has one less to follow it. A crash
// leaves records behind the last one that were not durable as a whole, and cutting
// the end leaves those that were removed. The epoch, which rises before anything
// is written over them, keeps them from coming back.
//
// Opening reads all records, and keeps 16 bytes for each in memory.
package ring
