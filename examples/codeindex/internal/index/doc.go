// Package index keeps the code index in a pool of persistent memory.
//
// # What is in the pool
//
// Three vectors, found by their names, and segments (package segment), one
// object each, never changed once written:
//
//	files     size, time, and place of the path; a file's index is its id
//	paths     the bytes of all paths
//	segments  offsets and levels, oldest first
//
// As in an LSM tree, a new file is a segment of level 0, and whenever there are
// 16 segments of a level in a row, their union on the next one takes their place.
// So a query looks into a few dozen segments at most, by binary search, and
// everything is written only about four times over. A file that was replaced or
// deleted is dead: its id stays, segments hold it until they are merged.
//
// A commit is one transaction, which changes the vectors and allocates the
// segment: all of a file or nothing. A merge is another, which frees the segments
// that it replaces.
//
// # What is not in a container
//
// Terms. A hashmap.Bytes with just the 252,814 terms of the standard library,
// and a place for the head of a list each, takes 26 MiB, where the segments take
// 15 with all postings; and it would give no prefixes, and no order. An ordered
// map could hold them.
//
// Totals. They cost nothing to count: what stats asks for, the number of
// different terms, needs a walk over all segments anyway. A counter is for
// goroutines that add at the same time; here is only one.
//
// # What is not in DRAM
//
// Nothing has to be rebuilt when a pool is opened: vectors and segments are used
// where they lie.
//
// # What a crash leaves
//
// Transactions happen wholly or not at all, so the pool always holds complete
// files.
//
// # Goroutines
//
// One goroutine at a time may use an Index that is being changed. Without
// changes, any number may read.
package index
