package index

import (
	"errors"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// layout names the pool's format; libpmemobj refuses a pool with another one.
const layout = "codeindex-2"

// Index is an open pool with an index in it.
type Index struct {
	pool     *libpmemobj.Pool
	files    *vector.Vector[file] // by id
	paths    *vector.Vector[byte] // of the files
	segments *vector.Vector[link] // oldest first
}

// Create makes a pool of size bytes at path, which must not exist, with an empty
// index. how says how commits are made durable, and so for the others: it is
// libpmemobj.WithDurability or journal.With.
func Create(path string, size int64, how libpmemobj.Option) (*Index, error) {
	return opened(libpmemobj.Create(path, layout, libpmemobj.WithSize(size), how))
}

// Open opens the index at path.
func Open(path string, how libpmemobj.Option) (*Index, error) {
	return opened(libpmemobj.Open(path, layout, how))
}

// OpenVerified is Open after a walk over the pool's whole heap, which Verify
// takes for granted.
func OpenVerified(path string, how libpmemobj.Option) (*Index, error) {
	return opened(libpmemobj.Open(path, layout, how, libpmemobj.WithVerify()))
}

func opened(pool *libpmemobj.Pool, err error) (*Index, error) {
	if err != nil {
		return nil, err
	}
	x, err := in(pool)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return x, nil
}

// in opens the containers of a pool. Those that a new pool lacks, or one whose
// process died meanwhile, are made.
func in(pool *libpmemobj.Pool) (*Index, error) {
	files, err := vector.Open[file](pool, "files")
	if err != nil {
		return nil, err
	}
	paths, err := vector.Open[byte](pool, "paths")
	if err != nil {
		return nil, err
	}
	segments, err := vector.Open[link](pool, "segments")
	if err != nil {
		return nil, err
	}
	return &Index{pool, files, paths, segments}, nil
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
