// Package radix keeps ordered maps of byte strings in a libpmemobj pool: [Map],
// and [Of] for values of one fixed type. Each has a name in the pool's
// directory:
//
//	m, err := radix.Open(pool, "events")
//	err = m.Put(radix.AppendInt64(nil, when), []byte("what"))
//	for key, value := range m.Range(from, to) {
//
// Keys are ordered byte by byte. [AppendUint64], [AppendInt64],
// [AppendFloat64], [AppendString] and their like make keys of numbers, strings
// and several parts one after the other, in the order of what they encode.
//
// Every operation by itself is atomic and durable when it returns. Several, on
// one map or more, are made one by [Map.In] inside Pool.Update.
//
// # Goroutines
//
// All methods may be called from any goroutine. Operations on single keys are
// linearizable, and what a reader has seen is durable when it returns.
//
// Readers take no locks. They look at leaves that may change, and look again if
// somebody has given up a slot of that leaf or has replaced it meanwhile, which
// means that another operation has succeeded. A reader never waits for another
// operation, with one exception: while a transaction has the map, all others
// wait.
//
// A Get usually is too short to count itself in. It stays on its processor,
// which keeps Close out, reads memory that may be in other use by now, and finds
// out at the end from two counters whether it was. If so, or if the tree changes
// its shape at that moment, if the entry is not inline, or if a separator begins
// with the same 8 bytes as the key, it counts itself in like all others: then
// what is taken out of the tree stays as it was until no operation is left that
// might be looking at it.
//
// Writers lock the leaf that they change, and so work in parallel where they
// touch different leaves. Splits and merges, of which there is one in some 30
// new keys or 20 deletions, are made by one goroutine at a time, while others
// go on in other leaves.
//
// [Map.Range] says what loops see of changes.
//
// # Durability and fences
//
// A fence, the wait until flushed lines have reached the medium, takes more
// time than anything else. An inline entry is one whose key and value fit into
// a slot; see [WithInline].
//
//	operation                        fences   least
//	Get, Has, Range, Min, …          0 *      0
//	Put of an inline entry           2        2: the entry, then the word that takes it in
//	PutIfAbsent of a key that is     0        0
//	Delete of an inline entry        1        1
//	Put of another entry             5        3: its object, the allocator's log, the change
//	the same, for one of that kind   6        3
//	Delete of another entry          5        2
//	split, once in some 30 new keys  5 more   3: the new nodes, the log, the change
//	merge, once in some 20 deletions 5 more   3
//	freeing, once in 16 objects      4 more   2
//	Clear                            2 fences, and one publication for 12 objects that are freed
//
// * One, if the reader meets a change of its leaf that is not durable yet. It
// then flushes the line by itself, and does not wait for the writer to do so.
//
// # Structure
//
// The map is a B+-tree with separators that are as short as they can be and
// compared by numbers. It has leaves of 48 slots in no order, with a bitmap and
// a fingerprint of each key in one cache line. Splits replace inner nodes, which
// never change. A radix tree over the keys' bytes, ART, was the other
// candidate: with leaves large enough to be cheap to flush, its nodes split
// into 256 parts at once, most of them nearly empty for random keys and
// unbalanced for others. Separators split where half of the keys are, whatever
// they look like, and reach a leaf among 200,000 keys in two nodes, both in the
// processor's cache. A Get still is shorter without them: for a tree with two
// levels of inner nodes, a table of 256 KiB outside the pool, the guide, says in
// which leaf keys were put or found, by the 15 bits in which keys differ first.
// Where keys are spread evenly over their range it is right for nine in ten;
// elsewhere Get loses some nanoseconds to a wrong guess. The guide is empty when
// a map is opened.
//
// # Layout
//
// Version 1. All numbers are little-endian, offsets are relative to the pool,
// and 0 is no offset. The header is an object with type number
// 0x58444152_4f474d50 ("PMGORADX"):
//
//	  0  char[8]   "PMGORADX"
//	  8  uint32    version: 1
//	 12  uint32    bytes of a slot: a multiple of 8
//	 16  uint32    slots in a leaf: 48
//	 20  uint32    bytes of each value; 2³²-1 if they differ
//	 24  uint64[5] 0
//	 64  uint64    topmost node: its offset, and its height in the low 4 bits;
//	               0 if there are no leaves
//	 72  uint64    the same of a tree that Clear has taken away and not freed yet
//	 80  uint64[6] 0
//	128  uint64[5][2] chains of objects that wait to be freed
//
// A node of height 0 is a leaf. Leaves are allocated from a class without
// headers, aligned to 64 bytes, or to 4096 if they are nearly as large:
//
//	 0  uint64     next in a chain; means nothing while the leaf is in use
//	 8  uint64     bitmap: bit i is set if slot i is in use; the 16 highest are 0
//	16  uint8[48]  fingerprints of the keys in the slots
//	64  slots
//
// A slot is
//
//	0  uint16  length of the key
//	2  uint16  1 if the entry is in a record, else 0
//	4  uint32  length of the value
//	8  the key and then the value, each padded with zeros to a multiple of 8
//	   bytes; or the offset of the record
//
// and a record, an object with the header's type number + 2,
//
//	 0  uint64  next in a chain
//	 8  uint16  length of the key
//	10  uint16  0
//	12  uint32  length of the value
//	16  the key, padded with zeros to a multiple of 8 bytes, and the value
//
// The fingerprint is the high byte of h, which starts as the key's length; for
// each 8 bytes w of the key, the last ones padded with zeros, h becomes
// (h ^ w) · 0x9e3779b97f4a7c15 and then h ^ (h >> 32).
//
// A node of greater height is inner, an object with the header's type number
// + 1. Its n children have heights one less; between neighbours stands a
// separator, a key that is above all keys on its left and not above those on
// its right. Separators are stored without the prefix that all of them have,
// as their rests:
//
//	 0  uint64  next in a chain
//	 8  uint16  n
//	10  uint16  length of the prefix
//	12  uint32  bytes of the node in use, these included
//	16  uint64[n-1]  the first 8 bytes of each rest, padded with zeros, as a
//	            number whose highest byte is the first one
//	    uint64[n]    offsets of the children
//	    uint32[n-1]  ends of the rests, counted from the end of the prefix
//	    the prefix, then the rests
//
// What always holds, also after a crash: the keys in a leaf are different, and
// between the separators on their way; each node and record is referred to
// once, by the tree or by a chain; in a tree that Clear has taken away,
// offsets may be 0 where a node was freed already.
//
// # Caveats
//
// Entries that are larger than a slot take an object each, and a publication
// to be put or deleted. A leaf takes its memory as a whole, so a map of a few
// entries has 4 KiB. Of a map that was large, leaves with at least a quarter of
// their entries stay; Clear frees everything.
package radix
