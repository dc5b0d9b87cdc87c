package crashtest

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Store is what can be tested: a pool of one of the libraries in a single
// file, or a mapped file.
type Store interface {
	*libpmemobj.Pool | *libpmemlog.Log | *libpmemblk.Pool | *libpmem.Mapping
}

// closer is any Store.
type closer interface{ Close() error }

// kind is how stores of one type are handled.
type kind struct {
	name    string
	minSize int64
	create  func(path string, c *Config) (closer, error)
	// open opens a store to change it.
	open func(path string, c *Config) (closer, error)
	// inspect opens what a crash has left, having looked closely.
	inspect func(path string, c *Config) (closer, error)
	// check asks PMDK for its opinion of what is not open; nil if it has none.
	check func(path string, c *Config) error
	// keep notes what inspect may write to the file in spite of the private
	// mapping, and returns what takes it back; nil if there is nothing.
	keep func(image []byte) (restore func())
}

const minMapping = 64 << 10

// kindOf is the kind of S.
func kindOf[S Store]() *kind {
	var s S
	switch any(s).(type) {
	case *libpmemobj.Pool:
		return &kindObj
	case *libpmemlog.Log:
		return &kindLog
	case *libpmemblk.Pool:
		return &kindBlk
	case *libpmem.Mapping:
		return &kindMapping
	}
	panic(fmt.Sprintf("crashtest: no such store: %T", s))
}

var kindObj = kind{
	name:    "libpmemobj pool",
	minSize: libpmemobj.MinPool,
	create: func(path string, c *Config) (closer, error) {
		return libpmemobj.Create(path, c.Layout, libpmemobj.WithSize(c.Size), libpmemobj.WithDurability(c.Durability))
	},
	open: func(path string, c *Config) (closer, error) {
		if len(c.Options) > 0 {
			return libpmemobj.Open(path, c.Layout, c.Options...)
		}
		return libpmemobj.Open(path, c.Layout, libpmemobj.WithDurability(c.Durability))
	},
	inspect: func(path string, c *Config) (closer, error) {
		return libpmemobj.Open(path, c.Layout, libpmemobj.WithDurability(DurabilityProcessCrash),
			libpmemobj.WithVerify(), libpmemobj.WithArenas(1))
	},
	check: func(path string, c *Config) error { return libpmemobj.Check(path, c.Layout) },
	keep:  objheap.KeepLinks,
}

var kindLog = kind{
	name:    "libpmemlog log",
	minSize: libpmemlog.MinPool,
	create: func(path string, c *Config) (closer, error) {
		return libpmemlog.Create(path, libpmemlog.WithSize(c.Size), libpmemlog.WithDurability(c.Durability))
	},
	open: func(path string, c *Config) (closer, error) {
		return libpmemlog.Open(path, libpmemlog.WithDurability(c.Durability))
	},
	inspect: func(path string, _ *Config) (closer, error) {
		return libpmemlog.Open(path, libpmemlog.WithDurability(DurabilityProcessCrash))
	},
	check: func(path string, _ *Config) error { return libpmemlog.Check(path) },
}

var kindBlk = kind{
	name:    "libpmemblk pool",
	minSize: libpmemblk.MinPool,
	create: func(path string, c *Config) (closer, error) {
		return libpmemblk.Create(path, c.BlockSize, libpmemblk.WithSize(c.Size), libpmemblk.WithDurability(c.Durability))
	},
	open: func(path string, c *Config) (closer, error) {
		return libpmemblk.Open(path, libpmemblk.WithDurability(c.Durability))
	},
	inspect: func(path string, _ *Config) (closer, error) {
		return libpmemblk.Open(path, libpmemblk.WithDurability(DurabilityProcessCrash))
	},
	check: func(path string, _ *Config) error { return libpmemblk.Check(path) },
}

var kindMapping = kind{
	name:    "mapping",
	minSize: minMapping,
	create: func(path string, c *Config) (closer, error) {
		return libpmem.Map(path, libpmem.Create(c.Size, 0o600), libpmem.Excl())
	},
	open:    func(path string, _ *Config) (closer, error) { return libpmem.Map(path) },
	inspect: func(path string, _ *Config) (closer, error) { return libpmem.Map(path) },
}
