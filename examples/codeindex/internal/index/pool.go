package index

import (
	"unsafe"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/segment"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// layout names the pool's format; libpmemobj refuses a pool with another one.
const layout = "codeindex-1"

const (
	fanout = 16 // segments that a level holds before they become one of the next
	levels = 7  // 16^7 files, more than file ids can tell apart
)

// root is the pool's root object: the newest segment of every level.
type root struct {
	Heads [levels]libpmemobj.Off[object]
}

// object is a segment in the pool. The body stands right behind it, in the same
// allocation.
type object struct {
	Next   libpmemobj.Off[object] // the segment before it on the same level
	Header segment.Header
}

const objectSize = uint64(unsafe.Sizeof(object{}))

// Index is an open pool with an index in it.
type Index struct {
	pool *libpmemobj.Pool
	root libpmemobj.Ptr[root]
}

// Create makes a pool of size bytes at path, which must not exist, with an empty index.
func Create(path string, size int64, durability libpmemobj.Durability) (*Index, error) {
	return opened(libpmemobj.Create(path, layout, libpmemobj.WithSize(size), libpmemobj.WithDurability(durability)))
}

// Open opens the index at path.
func Open(path string, durability libpmemobj.Durability) (*Index, error) {
	return opened(libpmemobj.Open(path, layout, libpmemobj.WithDurability(durability)))
}

// OpenVerified is Open after a walk over the pool's whole heap, which Verify
// takes for granted.
func OpenVerified(path string, durability libpmemobj.Durability) (*Index, error) {
	return opened(libpmemobj.Open(path, layout, libpmemobj.WithDurability(durability), libpmemobj.WithVerify()))
}

func opened(pool *libpmemobj.Pool, err error) (*Index, error) {
	if err != nil {
		return nil, err
	}
	r, err := libpmemobj.Root[root](pool)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &Index{pool: pool, root: r}, nil
}

// Close closes the pool. Views are invalid from then on.
func (x *Index) Close() error { return x.pool.Close() }

// Durability is what the pool's commits survive.
func (x *Index) Durability() libpmemobj.Durability { return x.pool.Durability() }

// Size is the size of the pool in bytes.
func (x *Index) Size() int64 { return x.pool.Size() }

// SizeFor estimates the pool that sources of so many bytes need, generously: the
// index of ordinary Go code comes to a fifth of its size, a merge needs room for
// the old and the new at once, and the code will grow.
func SizeFor(sourceBytes int64) int64 {
	const step = 16 << 20
	return (sourceBytes/step + 3) * step
}
