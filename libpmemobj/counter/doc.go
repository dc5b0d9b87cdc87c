// Package counter keeps numbers in a pool that many goroutines add to:
// [Sharded] spreads the additions over cells, one for each processor, so that
// they do not wait for each other.
//
//	hits, err := counter.Open(pool, "hits")
//	err = hits.Add(1)
//	n, err := hits.Load()
//
// # Durability
//
// Every operation is atomic, and durable when it returns. Fences that operations
// wait for, and the fewest that would do:
//
//	Add    1  1
//	Store  1  1
//	Load   0
//
// In a transaction ([Sharded.In]), all additions to one counter change one word,
// which is saved once: with begin and commit, that is 5 fences.
//
// # Goroutines
//
// All methods may be called from any goroutine. Additions go on while a
// transaction adds to the same counter.
//
// # Layout
//
// All numbers are little-endian. The counter's object, in the directory as kind
// "counter.Sharded" version 1:
//
//	  0  uint64  magic: "PMGOCNT1"
//	  8  uint32  version: 1
//	 12  uint32  number of cells, N: a power of two, and one more
//	 16  uint64[14]  0
//	128  cells, of 128 bytes each: an int64, then zeros
//
// The counter's value is the sum of all cells, modulo 2^64. Transactions and
// Store change the first cell, the others are for additions by themselves; any
// of them will do.
package counter
