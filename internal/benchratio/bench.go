package main

import (
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmemobj"
)

const (
	blockWords = 64 / 8
	blocks     = 16
	stride     = 2 * blockWords // between blocks, so that none are adjacent
	listLen    = 1000
	copyLen    = 4096
)

// root is what the cases change. An object's data starts 16 bytes into a
// cache line, after its header; word, lines and blocks start with one.
type root struct {
	_      [6]uint64
	word   [blockWords]uint64 // of which the first is used
	lines  [4][blockWords]uint64
	blocks [blocks * stride]uint64
	head   libpmemobj.Ptr[node]
	slot   libpmemobj.OID
	off    libpmemobj.Off[offNode]

	atomicList libpmemobj.ListHead[listNode] // see listcases.go
}

// node and offNode have 64 bytes; internal/cbaseline has them in C.
type node struct {
	next  libpmemobj.Ptr[node]
	value uint64
	_     [5]uint64
}

func (node) PmemType() uint64 { return 1 }

type offNode struct {
	next  libpmemobj.Off[offNode]
	value uint64
	_     [6]uint64
}

func (offNode) PmemType() uint64 { return 2 }

// bench is what the cases work on.
type bench struct {
	dir   string
	pools [2]*libpmemobj.Pool
	root  *root
	words []*uint64 // in root.lines

	list  libpmemobj.Ptr[node] // in one pool
	cross libpmemobj.Ptr[node] // alternating between two
	sum   uint64               // of the walks

	atomicList libpmemobj.List[listNode]
	atomicNode libpmemobj.Ptr[listNode] // to be inserted

	mapping *libpmem.Mapping
	src     []uint64
	dst     []byte // in mapping
	line    *uint64

	block block // what the new objects hold

	logs logBench
	blk  blkBench
}

func newBench() (*bench, error) {
	b := &bench{}
	if err := b.open(); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) open() (err error) {
	// libpmem has no durability per mapping to ask for.
	if err := os.Setenv("PMEM_IS_PMEM_FORCE", "1"); err != nil {
		return err
	}
	parent := ""
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		parent = "/dev/shm"
	}
	if b.dir, err = os.MkdirTemp(parent, "benchratio"); err != nil {
		return err
	}
	for i := range b.pools {
		b.pools[i], err = libpmemobj.Create(filepath.Join(b.dir, fmt.Sprint("pool", i)), "benchratio",
			libpmemobj.WithSize(16<<20), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		if err != nil {
			return err
		}
	}
	if err := b.makeRoot(); err != nil {
		return err
	}
	if b.list, err = b.makeList(b.pools[0]); err != nil {
		return err
	}
	if b.cross, err = b.makeList(b.pools[0], b.pools[1]); err != nil {
		return err
	}
	if err := b.makeAtomicList(); err != nil {
		return err
	}
	if err := b.makeMapping(); err != nil {
		return err
	}
	if err := b.logs.open(b.dir); err != nil {
		return err
	}
	return b.blk.open(b.dir)
}

func (b *bench) makeRoot() error {
	r, err := libpmemobj.Root[root](b.pools[0])
	if err != nil {
		return err
	}
	b.root = r.Get()
	if addr := uintptr(unsafe.Pointer(&b.root.word)); addr%64 != 0 {
		return fmt.Errorf("%#x is not the start of a cache line", addr)
	}
	lines := &b.root.lines
	// Two on one line, but not adjacent: each needs a range of its own.
	b.words = []*uint64{&lines[0][0], &lines[0][5], &lines[1][1], &lines[2][2], &lines[3][3]}
	return nil
}

// makeList makes a list whose nodes lie in the pools in turn.
func (b *bench) makeList(pools ...*libpmemobj.Pool) (head libpmemobj.Ptr[node], err error) {
	for i := range listLen {
		oid, err := pools[i%len(pools)].Alloc(nil, uint64(unsafe.Sizeof(node{})), node{}.PmemType())
		if err != nil {
			return head, err
		}
		p := libpmemobj.PtrOf[node](oid)
		*p.Get() = node{next: head, value: uint64(i)}
		head = p
	}
	return head, nil
}

func (b *bench) makeMapping() (err error) {
	b.mapping, err = libpmem.Map(filepath.Join(b.dir, "mapping"), libpmem.Create(1<<20, 0o600))
	if err != nil {
		return err
	}
	if !b.mapping.IsPmem() {
		return fmt.Errorf("%s is not taken for persistent memory", b.mapping.Path())
	}
	bytes := b.mapping.Bytes()
	b.line = (*uint64)(unsafe.Pointer(&bytes[0]))
	b.dst = bytes[64<<10:][:copyLen]
	b.src = make([]uint64, copyLen/8)
	return nil
}

func (b *bench) close() {
	b.blk.close()
	b.logs.close()
	if b.mapping != nil {
		must(b.mapping.Close())
	}
	for _, p := range b.pools {
		if p != nil {
			must(p.Close())
		}
	}
	must(os.RemoveAll(b.dir))
}

// clear frees the nodes that the push cases made.
func (b *bench) clear() {
	must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
		r := libpmemobj.MutAt(tx, &b.root.head)
		for !r.IsNull() {
			n := *r
			*r = n.Get().next
			if err := tx.Free(n.OID()); err != nil {
				return err
			}
		}
		o := libpmemobj.MutAt(tx, &b.root.off)
		for !o.IsNull() {
			n := o.Ptr(tx.Pool())
			*o = n.Get().next
			if err := tx.Free(n.OID()); err != nil {
				return err
			}
		}
		return nil
	}))
}

// baselineOID is an OID or Ptr in a pool, for internal/cbaseline.
func baselineOID[T libpmemobj.OID | libpmemobj.Ptr[node]](oid *T) *cbaseline.OID {
	return (*cbaseline.OID)(unsafe.Pointer(oid))
}

// must is for what cannot fail: a measurement of errors is worthless.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
