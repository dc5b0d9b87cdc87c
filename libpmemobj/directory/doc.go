// Package directory gives the objects of a pool names: the persistent
// containers are found by it. A program uses it to see what a pool holds
// ([List]), to remove a container ([Remove]), and, with [Embed], to keep a root
// object of its own beside it. Containers use [Open].
//
// # Layout
//
// All numbers are little-endian; offsets are relative to the pool. The root
// object begins with 64 bytes:
//
//	 0  uint64  magic: "PMGODIR1"
//	 8  uint32  version: 1
//	12  uint32  0
//	16  uint64  offset of the first chunk of the table, 0 if nothing has a name
//	24  uint64[5]  0
//
// A chunk of the table has 64 bytes of header and 20 entries of 192 bytes:
//
//	 0  uint64  magic: "PMGODIRC"
//	 8  uint64  offset of the next chunk, 0 in the last
//	16  uint64[6]  0
//	64  entries
//
// and an entry is
//
//	  0  uint64  offset of the object; 0 if the entry is free
//	  8  uint64  parameter of the kind
//	 16  uint32  version of the kind
//	 20  uint8   length of the name
//	 21  uint8   length of the kind's name
//	 22  uint8   length of the description of the types
//	 23  uint8[9]  0
//	 32  char[64]  the name, then zeros
//	 96  char[32]  the kind's name, then zeros
//	128  char[64]  the types, for people, cut off at 64 bytes, then zeros
//
// Entries change in transactions. No two that are in use have the same name.
//
// # Goroutines
//
// All functions may be called from any goroutine. Finding a name that exists
// reads the table from its start, some ten nanoseconds a name.
//
// # Caveats
//
// What lies behind an entry is the container's own: [libpmemobj.Pool.Walk] and
// [libpmemobj.Pool.Leaks] do not follow it.
package directory
