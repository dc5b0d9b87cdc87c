// Package hashmap keeps maps in a pool of libpmemobj: [Map] with keys and values
// of fixed size, and [Bytes] of byte strings.
//
//	users, err := hashmap.Open[uint64, User](pool, "users")
//	…
//	err = users.Put(17, User{Age: 36})
//	u, found, err := users.Get(17)
//
// Maps are opened by a name in the pool's directory (package directory), which
// is also how they are listed and removed.
//
// # Lifetime
//
// Handles need no closing. They end with the pool: operations after Close
// return libpmemobj.ErrClosed. Any number of handles of one map share its state
// in memory, of some 32 KiB. Opening a map checks its header and its directory,
// of a few bytes for each page, and rebuilds nothing.
//
// # Goroutines
//
// All methods may be called from any goroutine, but those of [MapTx] and
// [BytesTx] from the transaction's. Every operation takes effect at one moment
// between its call and its return. Readers take no locks and write nothing that
// others read. Writers exclude one another where they change the same page, of
// up to 56 entries. The map grows page by page: who waits for that is who needs
// the page. While the directory doubles, about as often as the map does, those
// wait who want to split a page.
//
// Loops see the map as it changes; see [Map.All]. A transaction has the map to
// itself from its first operation on; readers that need nothing that it has
// changed go on.
//
// # Durability
//
// An operation by itself is durable when it returns, and happens as a whole or
// not at all whatever happens to the process or the machine, as far as
// [libpmemobj.Pool.Durability] goes. Readers see nothing that is not durable. In a
// transaction the same holds for all of it together.
//
// Fences are what operations wait for. The table counts those of an entry that
// lies in its page, and the fewest that would do in any design without
// checksums to be verified after a crash:
//
//	                              fences   at least
//	Get, Has, Len, All               0        0
//	Put, Update of a new key         2        2   the entry, then its bit
//	Put, Update of a key             2        2   the new value, then both bits
//	the same, value of one word      1        1   in place
//	Delete                           1        1   the bit
//	PutIfAbsent, Delete: no change   0        0
//
// (Entries that carry a checksum need one fence, and a look at every entry of
// a page when it is first used after a crash.) An entry of Bytes in an object
// of its own takes 5 fences to put and 4 to delete, most of them in PMDK's
// publication. A split takes five or six, for half as many keys as a page has.
// Nothing is allocated but in these cases.
//
// # Caveats
//
// Deleting frees no pages; Clear does. A page takes all its slots but one, which
// is for new versions of values: replacing and deleting need no memory, and so
// work in a full pool. Clear, which is one transaction, does need some.
//
// Keys are compared, and found, by their bytes. The hash function is seeded for
// each map, so that nobody who does not know the seed can make keys collide.
//
// Each size of pages is an allocation class of the pool, of which there are not
// many: see [libpmemobj.Pool.NewClass].
//
// # Layout
//
// All numbers are little-endian words of 8 bytes unless said otherwise, and
// offsets are relative to the pool. The map's object has 128 bytes:
//
//	 0  magic: "PMGOHMAP"
//	 8  uint32  version: 1
//	12  uint32  kind: 1 for Map, 2 for Bytes
//	16  two words: the seed of the hash function
//	32  uint32  1: size of a key; 2: 0
//	36  uint32  1: size of a value; 2: room for a key and a value in a slot
//	40  uint32  size of a slot in bytes, a multiple of 8
//	44  uint32  slots in a page
//	48  offset of the directory
//	56  offset of a former directory, to be freed; or 0
//	64  zeros
//
// The directory is a word with its depth, d, followed by 2^d entries. (Its
// object may be larger.) The page of a key whose hash is h is the one of entry
// h >> (64 - d), which is 0 if d is; the lowest 6 bits of the entry are the page's
// own depth, and the others its offset. All keys of a page of depth p have the first p bits
// of their hashes in common, and all entries of the directory with these bits
// name the page.
//
// A page lies at a multiple of 64 and begins with
//
//	 0  bits: bit i is 1 if slot i is in use; bits 56 to 63 are 0
//	 8  uint8[56]  prints: the lowest byte of the hash of the key in each slot
//	64  slots
//
// A slot of kind 1 is a key and a value, each followed by zeros up to a multiple
// of 8. One of kind 2 is
//
//	 0  the hash of the key
//	 8  length of the key in bits 0 to 30, and of the value in bits 31 to 61; bit
//	    63 says that they lie in an object
//	16  the offset of that object; or the key, followed by zeros up to a multiple
//	    of 8, and the value, likewise
//
// and an object outside holds the key, followed by zeros up to a multiple of 8,
// and the value. What a slot that is not in use holds, and its print, has no
// meaning. No key is in two slots in use.
//
// An entry comes into being, changes, or goes by one store of a page's bits: a
// new version is written into a free slot, flushed, and then one bit is set and
// another one cleared at the same time. A print lies on the same cache line as
// the bits, and is stored before them.
//
// The slots form groups of 8. A new entry goes into the group
//
//	((h >> 8 & 0xffffffff) * number of groups) >> 32
//
// if there is a free slot, which makes it easier to find, else anywhere.
//
// The hash of a key of n bytes is, with 64-bit arithmetic, s0 and s1 being the
// seed, and rotl a rotation to the left:
//
//	x = n * 0xa0761d6478bd642f
//	while more than 8 bytes are left:
//		hi, lo = the 128-bit product of (x ^ s1 ^ 0xa0761d6478bd642f) and (the next 8 bytes ^ s0)
//		x = x ^ hi ^ rotl(lo, 32)
//	x = x ^ (the 1 to 8 last bytes, as a number; 0 if there are none) ^ s0
//	x = x ^ rotl(x, 49) ^ rotl(x, 24)
//	x = x * 0x9fb21c651e98df25 ^ s1
//	x = x ^ ((x >> 35) + 8)
//	x = x * 0x9fb21c651e98df25
//	h = x ^ (x >> 28)
//
// # Other designs
//
// Extendible hashing with pages that commit by their bits is that of CCEH (FAST
// '19) and Dash (VLDB '20); like Dash, pages have fingerprints, and readers take
// no locks. Unlike there, neither locks nor versions lie in the pool, a page is
// split without its neighbours, and a split is one publication, so that there is
// nothing to recover.
package hashmap
