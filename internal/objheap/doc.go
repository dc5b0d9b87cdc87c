// Package objheap knows what the file of a libpmemobj pool looks like.
//
// libpmemobj trusts its files and its arguments: a damaged lane or chunk
// header, or the offset of something that is not an object, is a fault, an
// endless loop or a silent corruption inside C. This package answers two
// questions in Go before C is asked:
//
//   - Is this file safe to open? CheckFile reads the headers, the lanes and the
//     chunk headers; Verify reads every bitmap and object header as well. Both
//     judge the state that recovery would leave behind: a pool killed in the
//     middle of anything passes, however half-written it looks.
//   - Is this offset an object? Heap answers for a mapped pool, from the
//     allocator's own persistent metadata, without locks and without cgo.
//
// Nothing here writes to a pool.
//
// # Layout
//
// All numbers are little-endian, offsets are from the start of the pool.
//
//	0                 pool header (4096 bytes, own checksum)
//	4096              descriptor: layout name, where lanes and heap lie (checksummed),
//	                  root object and heap size (not checksummed)
//	8192              1024 lanes of 3072 bytes: two redo logs and one undo log each
//	heap offset       heap header (1024 bytes), then zones of at most 65528 chunks
//	zone              64 bytes, 65528 chunk headers of 8 bytes, chunks of 256 KiB
//
// A block is one chunk or several: free, used by one huge object, or a run,
// which a bitmap divides into units of one size. An object has a header of 16
// bytes (64 in old pools, none in classes that ask for it) that holds its size
// and type number; the offset the user knows is that of the byte after it.
package objheap
