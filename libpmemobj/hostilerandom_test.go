package libpmemobj_test

import (
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

var (
	hostileSeed = flag.Uint64("libpmemobj.hostile.seed", rand.Uint64(), "seed of TestHostileRandom")
	hostileOps  = flag.Int("libpmemobj.hostile.n", 100_000, "calls that TestHostileRandom makes (-short: a tenth)")
)

// hostile calls a pool with OIDs and addresses of all kinds and knows which of
// them are objects.
type hostile struct {
	*testing.T
	rnd   *rand.Rand
	pool  *Pool
	base  unsafe.Pointer
	live  map[uint64]uint64 // offset → usable size; the root is not among them
	offs  []uint64          // every offset that ever was an object's
	root  uint64
	rootN uint64
}

// Ensure that whatever OIDs and addresses are passed, what names a live object
// is done, anything else is refused, and the pool stays sound. A wrong one that
// came through would take the process down from C sooner or later.
func TestHostileRandom(t *testing.T) {
	t.Logf("-libpmemobj.hostile.seed=%d", *hostileSeed)
	p := testpool.New(t)
	root := rootOf(t, p)
	h := &hostile{
		T:    t,
		rnd:  rand.New(rand.NewPCG(*hostileSeed, 0)),
		pool: p,
		base: unsafe.Add(unsafe.Pointer(root.Get()), -int(root.OID().Off)),
		live: map[uint64]uint64{},
		root: root.OID().Off,
	}
	var err error
	h.rootN, err = p.UsableSize(root.OID())
	require.NoError(t, err)
	n := *hostileOps
	if testing.Short() {
		n /= 10
	}
	for range n {
		h.step()
	}
	for oid := range p.Objects() {
		require.Contains(t, h.live, oid.Off)
		delete(h.live, oid.Off)
	}
	require.Empty(t, h.live, "objects are missing")
}

func (h *hostile) step() {
	switch h.rnd.IntN(10) {
	case 0, 1:
		h.alloc()
	case 2:
		oid := h.oid()
		was := oid
		h.freed(was, h.pool.Free(&oid))
	case 3:
		oid := h.oid()
		h.freed(oid, h.pool.Update(func(tx *Tx) error { return tx.Free(oid) }))
	case 4:
		oid := h.oid()
		h.freed(oid, h.pool.Publish(func(a *Actions) error { a.Free(oid); return nil }))
	case 5:
		h.realloc()
	case 6:
		oid := h.oid()
		n, err := h.pool.UsableSize(oid)
		require.Equal(h, h.is(oid) || h.isRoot(oid), err == nil, "usable size of %v: %v", oid, err)
		if h.is(oid) {
			require.Equal(h, h.live[oid.Off], n)
		}
		_, err = h.pool.TypeNum(oid)
		require.Equal(h, h.is(oid) || h.isRoot(oid), err == nil, "type number of %v: %v", oid, err)
	case 7:
		off, n := h.place()
		err := h.pool.Update(func(tx *Tx) error { return tx.Snapshot(RangeOfSlice(h.bytes(off, n))) })
		if errors.Is(err, ErrOutOfSpace) { // for the log
			require.True(h, h.holds(off, n))
			return
		}
		require.Equal(h, n == 0 || h.holds(off, n), err == nil, "snapshot of %d bytes at %#x: %v", n, off, err)
	case 8:
		off, _ := h.place()
		word := (*uint64)(unsafe.Add(h.base, off&^7))
		err := h.pool.Publish(func(a *Actions) error {
			Store(a, word, 7)
			return errors.New("not this time")
		})
		require.ErrorContains(h, err, "not this time")
		if h.holds(off&^7, 8) {
			require.NoError(h, h.pool.Publish(func(a *Actions) error { Store(a, word, 7); return nil }))
		} else {
			require.Error(h, h.pool.Publish(func(a *Actions) error { Store(a, word, 7); return nil }))
		}
	case 9:
		off, n := h.place()
		err := h.pool.Memset(h.bytes(off, n), 0x55, 0)
		require.Equal(h, n == 0 || h.holds(off, n), err == nil, "memset of %d bytes at %#x: %v", n, off, err)
	}
}

func (h *hostile) alloc() {
	size := 1 + h.rnd.Uint64N(3000)
	if h.rnd.IntN(50) == 0 {
		size = 200_000 + h.rnd.Uint64N(400_000)
	}
	oid, err := h.pool.Alloc(nil, size, h.rnd.Uint64N(3))
	if errors.Is(err, ErrOutOfSpace) {
		h.freeSome()
		return
	}
	require.NoError(h, err)
	h.born(oid.Off)
}

func (h *hostile) born(off uint64) {
	usable, err := h.pool.UsableSize(OID{h.pool.UUID(), off})
	require.NoError(h, err)
	require.NotContains(h, h.live, off)
	h.live[off] = usable
	h.offs = append(h.offs, off)
}

func (h *hostile) freeSome() {
	for off := range h.live {
		oid := OID{h.pool.UUID(), off}
		require.NoError(h, h.pool.Free(&oid))
		delete(h.live, off)
		if h.rnd.IntN(100) == 0 {
			return
		}
	}
}

// freed checks the result of freeing oid.
func (h *hostile) freed(oid OID, err error) {
	want := h.is(oid) || oid.IsNull()
	require.Equal(h, want, err == nil, "free of %v: %v", oid, err)
	if want {
		delete(h.live, oid.Off)
	}
}

func (h *hostile) realloc() {
	oid := h.oid()
	off, ok := oid.Off, h.is(oid)
	if oid.IsNull() {
		return
	}
	var err error
	size := 1 + h.rnd.Uint64N(3000)
	if h.rnd.IntN(2) == 0 {
		err = h.pool.Realloc(&oid, size, 1)
	} else {
		err = h.pool.Update(func(tx *Tx) error {
			var err error
			oid, err = tx.Realloc(oid, size, 1)
			return err
		})
	}
	if errors.Is(err, ErrOutOfSpace) {
		return
	}
	require.Equal(h, ok, err == nil, "realloc of %#x: %v", off, err)
	if ok {
		delete(h.live, off)
		h.born(oid.Off)
	}
}

// oid is any OID: of an object, of one that was, near one, or made up.
func (h *hostile) oid() OID {
	uuid := h.pool.UUID()
	if h.rnd.IntN(20) == 0 {
		uuid = h.rnd.Uint64()
	}
	return OID{uuid, h.off()}
}

func (h *hostile) off() uint64 {
	size := uint64(h.pool.Size())
	if len(h.offs) == 0 {
		return h.rnd.Uint64N(size)
	}
	was := h.offs[h.rnd.IntN(len(h.offs))]
	switch h.rnd.IntN(8) {
	case 0, 1:
		return was
	case 2:
		for off := range h.live {
			return off
		}
		return 0
	case 3:
		return was + h.rnd.Uint64N(300)
	case 4:
		return was - 16 + h.rnd.Uint64N(32)
	case 5:
		return h.rnd.Uint64N(size) &^ 15
	case 6:
		return h.rnd.Uint64()
	}
	return h.root
}

// place is a stretch of memory inside the pool.
func (h *hostile) place() (off, n uint64) {
	size := uint64(h.pool.Size())
	off = h.off() % size
	n = h.rnd.Uint64N(200)
	if h.rnd.IntN(10) == 0 {
		n = h.rnd.Uint64N(100_000)
	}
	return off, min(n, size-off)
}

func (h *hostile) bytes(off, n uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(h.base, off)), n)
}

func (h *hostile) is(oid OID) bool {
	_, ok := h.live[oid.Off]
	return ok && oid.Pool == h.pool.UUID()
}

func (h *hostile) isRoot(oid OID) bool {
	return oid == OID{h.pool.UUID(), h.root}
}

// holds says whether n bytes at off lie inside one object.
func (h *hostile) holds(off, n uint64) bool {
	inside := func(start, size uint64) bool { return off >= start && off-start+n <= size }
	for start, size := range h.live {
		if inside(start, size) {
			return true
		}
	}
	return inside(h.root, h.rootN)
}
