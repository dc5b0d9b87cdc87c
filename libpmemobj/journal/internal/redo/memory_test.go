package redo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

type killed struct{}

// disk is a memory of files, which knows what of them is durable, and which can
// fail and stop. Every operation that changes something, or syncs, is counted.
type disk struct {
	mu     sync.Mutex
	names  map[string]*node // as processes see them
	stable map[string]*node // as they are after a power failure
	nodes  []*node

	ops    int
	failAt int    // the operation that fails; -1 is none
	fault  fault  // how
	stop   int    // the operation before which the power goes; -1 is never
	image  *disk  // what is left then
	onStop func() // is called then
	killAt int    // the operation before which the process is killed; -1 is none
	rnd    *rand.Rand
}

type fault struct {
	err   error
	short bool // half of a write is done
}

var errInjected = errors.New("injected")

type node struct {
	data    []byte // as processes see it
	durable []byte
	dirty   map[int64]bool // sectors that are not durable
	locked  bool
}

func newDisk() *disk {
	return &disk{names: map[string]*node{}, stable: map[string]*node{}, failAt: -1, stop: -1, killAt: -1, rnd: rand.New(rand.NewPCG(1, 2))}
}

const sector = 512

func (n *node) grow(size int64) {
	if int64(len(n.data)) < size {
		n.data = append(n.data, make([]byte, size-int64(len(n.data)))...)
	}
}

func (n *node) write(b []byte, off int64) {
	n.grow(off + int64(len(b)))
	copy(n.data[off:], b)
	for s := off / sector; s*sector < off+int64(len(b)); s++ {
		n.dirty[s] = true
	}
}

func (n *node) sync() {
	if len(n.durable) > len(n.data) {
		n.durable = n.durable[:len(n.data)]
	}
	n.durable = append(n.durable, make([]byte, len(n.data)-len(n.durable))...)
	for s := range n.dirty {
		end := min((s+1)*sector, int64(len(n.data)))
		if s*sector < end {
			copy(n.durable[s*sector:end], n.data[s*sector:end])
		}
	}
	n.dirty = map[int64]bool{}
}

// crash is what is left of a file: of what is not durable, each sector may be
// there or not.
func (n *node) crash(rnd *rand.Rand, keep float64) *node {
	c := &node{durable: append([]byte(nil), n.durable...), dirty: map[int64]bool{}}
	if len(n.data) > len(c.durable) && rnd.Float64() < keep {
		c.durable = append(c.durable, make([]byte, len(n.data)-len(c.durable))...)
	}
	for s := int64(0); s*sector < int64(len(c.durable)); s++ {
		if end := min((s+1)*sector, int64(len(n.data)), int64(len(c.durable))); n.dirty[s] && s*sector < end && rnd.Float64() < keep {
			copy(c.durable[s*sector:end], n.data[s*sector:end])
		}
	}
	c.data = append([]byte(nil), c.durable...)
	return c
}

// crash is the disk after a power failure.
func (d *disk) crash(keep float64) *disk {
	c := newDisk()
	c.rnd = rand.New(rand.NewPCG(d.rnd.Uint64(), 1))
	names := d.stable
	if d.rnd.IntN(2) == 0 {
		names = d.names
	}
	done := map[*node]*node{}
	for name, n := range names {
		if done[n] == nil {
			done[n] = n.crash(d.rnd, keep)
			c.nodes = append(c.nodes, done[n])
		}
		c.names[name], c.stable[name] = done[n], done[n]
	}
	return c
}

// kill is the disk after its processes were killed.
func (d *disk) kill() {
	for _, n := range d.nodes {
		n.locked = false
	}
}

// op counts an operation, and says how it fails. The caller has the lock.
func (d *disk) op() (fault, bool) {
	if d.ops == d.stop {
		keep := []float64{0, 0.5, 1, 0.1, 0.9}[d.rnd.IntN(5)]
		d.image = d.crash(keep)
		if d.onStop != nil {
			d.onStop()
		}
	}
	if d.ops == d.killAt {
		panic(killed{})
	}
	i := d.ops
	d.ops++
	return d.fault, i == d.failAt
}

func (d *disk) Open(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[path]
	if n == nil {
		return nil, fmt.Errorf("open %s: %w", path, fs.ErrNotExist)
	}
	return &handle{d: d, n: n}, nil
}

func (d *disk) Create(path string, _ fs.FileMode) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f, failed := d.op(); failed {
		return nil, f.err
	}
	if d.names[path] == nil {
		n := &node{dirty: map[int64]bool{}}
		d.names[path] = n
		d.nodes = append(d.nodes, n)
	}
	return &handle{d: d, n: d.names[path]}, nil
}

func (d *disk) Is(f File, path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[path] == f.(*handle).n
}

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f, failed := d.op(); failed {
		return f.err
	}
	d.names[to] = d.names[from]
	delete(d.names, from)
	return nil
}

func (d *disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, path)
	return nil
}

func (d *disk) SyncFolder(string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f, failed := d.op(); failed {
		return f.err
	}
	d.stable = map[string]*node{}
	for name, n := range d.names {
		d.stable[name] = n
	}
	return nil
}

type handle struct {
	d    *disk
	n    *node
	lock bool
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if off >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	f, failed := h.d.op()
	if failed {
		if f.short {
			h.n.write(b[:len(b)/2], off)
			return len(b) / 2, f.err
		}
		return 0, f.err
	}
	h.n.write(b, off)
	return len(b), nil
}

func (h *handle) Datasync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if f, failed := h.d.op(); failed {
		if f.err == nil {
			f.err = errInjected
		}
		// As Linux has it: what could not be written counts as written.
		h.n.dirty = map[int64]bool{}
		return f.err
	}
	h.n.sync()
	return nil
}

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.n.data)), nil
}

func (h *handle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if f, failed := h.d.op(); failed {
		return f.err
	}
	h.n.data = h.n.data[:min(size, int64(len(h.n.data)))]
	h.n.grow(size)
	return nil
}

func (h *handle) Allocate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if f, failed := h.d.op(); failed {
		return f.err
	}
	h.n.grow(size)
	return nil
}

func (h *handle) Lock() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.n.locked {
		return unix.EAGAIN
	}
	h.n.locked, h.lock = true, true
	return nil
}

func (h *handle) Close() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.lock {
		h.n.locked = false
	}
	return nil
}

// memoryPool is a pool on a disk.
type memoryPool struct {
	*handle
	path string
	size int64
}

func (p *memoryPool) Path() string   { return p.path }
func (p *memoryPool) Size() int64    { return p.size }
func (p *memoryPool) Refresh() error { p.size, _ = p.handle.Size(); return nil }
func (p *memoryPool) Sync() error    { return p.Datasync() }

const poolSize = 32 << 10

// newPool puts a pool on the disk.
func (d *disk) newPool(path string, uuid byte) *memoryPool {
	b := make([]byte, poolSize)
	copy(b, "PMEMOBJ\x00")
	le.PutUint32(b[8:], 6)
	le.PutUint32(b[16:], poolheader.FeatureChecksum2K|poolheader.FeatureShutdownState)
	for i := range 6 * 16 {
		b[24+i] = uuid
	}
	le.PutUint64(b[checksumOff:], poolheader.HeaderChecksum(b))
	n := &node{data: b, durable: append([]byte(nil), b...), dirty: map[int64]bool{}}
	d.names[path], d.stable[path] = n, n
	d.nodes = append(d.nodes, n)
	return d.pool(path)
}

func (d *disk) pool(path string) *memoryPool {
	n := d.names[path]
	return &memoryPool{handle: &handle{d: d, n: n}, path: path, size: int64(len(n.data))}
}
