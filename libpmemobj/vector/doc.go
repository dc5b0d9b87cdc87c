// Package vector keeps sequences of values of one type in a pool: [Vector]
// grows at its end, by many goroutines at once, and never moves an element.
//
//	v, err := vector.Open[Sample](pool, "samples")
//	i, err := v.Append(Sample{Time: now, Value: 3.5})
//	for i, s := range v.All() {
//
// # Durability
//
// Every operation is atomic, and durable when it returns: after a crash it has
// happened as a whole or not at all. An element is seen by others once it is
// durable. Several operations, on several containers, become one by [Vector.In].
//
// Fences that operations wait for, and the fewest that would do:
//
//	Append, AppendAll, AppendN  2  2: an element must be durable before the length counts it
//	Set, up to 8 bytes          1  1
//	Set, longer elements        5  3: a transaction with one snapshot
//	Pop                         1  1
//	At, Len, All, View, Slices  0
//
// Appends that run at the same time share the second fence: while one goroutine
// waits for it, the elements of others gather, and the next one counts all of
// them. An append allocates nothing but at a new segment, which costs a publication
// (some 9 fences more), each time the vector has doubled.
//
// In a transaction, begin, commit and the saved length cost 5 fences together;
// elements that are added need no snapshot.
//
// # Goroutines
//
// All methods may be called from any goroutine. At, Set and the appends run side
// by side; Pop, Truncate and Clear are alone. Elements that [Vector.View] and
// [Vector.Slices] show are the pool's own memory: a Set of one at the same moment
// is seen half-way.
//
// # Layout
//
// All numbers are little-endian, elements are laid out as Go and C lay out the
// struct; offsets are relative to the pool. The vector's object, in the directory
// as kind "vector.Vector" version 1:
//
//	  0  uint64  magic: "PMGOVEC1"
//	  8  uint32  version: 1
//	 12  uint32  bytes of an element
//	 16  uint64  elements in the first segment, F: a power of two
//	 24  uint64  type number of the segments
//	 32  uint64[4]  0
//	 64  uint64  length: how many elements there are
//	 72  uint64[7]  0
//	128  uint64[48]  offsets of the segments, 0 for those that are not there
//
// Segment 0 holds F elements, and segment k > 0 holds F<<(k-1), so that the first
// k+1 hold F<<k. Element i < F is at i in segment 0; any other, with k the position
// of the highest bit of i/F plus one, at i - F<<(k-1) in segment k. Segments before
// one that is there are there. What lies behind the last element is undefined.
//
// Opening a vector reads its object, whatever its length.
package vector
