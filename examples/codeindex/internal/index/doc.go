// Package index keeps the code index in a pool of persistent memory.
//
// # What is in the pool
//
// Segments (package segment), one object each, never changed once written, and
// a root that links them into levels, as an LSM tree does:
//
//	root ─ level 0 ─→ segment ─→ segment ─→ …    one file each, newest first
//	     ─ level 1 ─→ segment ─→ …               16 files each
//	     ─ level 2 ─→ …                          256 files each
//
// A file is committed by one publication: a segment is reserved, written and
// linked by a single 8-byte store to its level's head. Whenever a level holds
// 16 segments, one more publication allocates their union, links it a level
// higher, clears the level and frees the sixteen. So a query looks into a few
// dozen segments at most, by binary search, and everything is written only
// about four times over.
//
// # What is not in DRAM
//
// Nothing has to be rebuilt when a pool is opened: the segments are used where
// they lie, and the head of a level is all the state there is.
//
// # What a crash leaves
//
// Publications happen wholly or not at all, so the pool always holds complete
// files. What was reserved but not published is free space again at the next open.
//
// # Goroutines
//
// One goroutine at a time may use an Index that is being changed. Without
// changes, any number may read.
package index
