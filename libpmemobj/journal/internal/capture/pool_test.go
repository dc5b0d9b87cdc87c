package capture_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

type root struct {
	Count uint64
	Sum   uint64
	Slots [32]libpmemobj.Ptr[item]
}

type item struct {
	Number uint64
	Data   [5000]byte
}

// opened is a pool whose files do not change.
func opened(t testing.TB, path string, span int64, lines int) (*libpmemobj.Pool, *capture.Capture) {
	t.Helper()
	c := newCapture(t, lines)
	var p *libpmemobj.Pool
	armed(t, c, span, func() {
		p = testpool.Open(t, path, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	})
	require.NotNil(t, c.Base())
	return p, c
}

// step commits a transaction that allocates, frees and counts.
func step(t testing.TB, p *libpmemobj.Pool, r libpmemobj.Ptr[root], n uint64) error {
	t.Helper()
	return p.Update(func(tx *libpmemobj.Tx) error {
		i, err := libpmemobj.New[item](tx)
		if err != nil {
			return err
		}
		i.Get().Number = n
		for j := range i.Get().Data {
			i.Get().Data[j] = byte(n)
		}
		at := r.Mut(tx)
		slot := &at.Slots[n%32]
		if !slot.IsNull() {
			if err := tx.Free(slot.OID()); err != nil {
				return err
			}
		}
		*slot = i
		at.Count++
		at.Sum += n
		return nil
	})
}

// requireSteps asserts that a closed pool has had n steps.
func requireSteps(t testing.TB, path string, n uint64) {
	t.Helper()
	p := testpool.Open(t, path)
	r, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	require.Equal(t, n, r.Get().Count)
	require.Equal(t, n*(n+1)/2, r.Get().Sum)
	for i := n; i > 0 && i+32 > n; i-- {
		at := r.Get().Slots[i%32].Get()
		require.Equal(t, i, at.Number)
		require.Equal(t, bytes.Repeat([]byte{byte(i)}, len(at.Data)), at.Data[:])
	}
	require.NoError(t, p.Close())
}

// Ensure that a captured pool's file stays as it is, and that what was captured
// makes of it, at any time, a pool with all that was committed.
func TestPool(t *testing.T) {
	effective(t)
	p := testpool.New(t)
	_, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	path := p.Path()

	p, c := opened(t, path, 0, capture.DefaultLines)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	before := bytes.Clone(image)
	r, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	dir := testpool.Dir(t)
	for n := range uint64(100) {
		require.NoError(t, step(t, p, r, n+1))
		if n%25 == 24 {
			drain(t, c, image)
			crashed := filepath.Join(dir, "crashed")
			require.NoError(t, os.WriteFile(crashed, image, 0o600))
			// It has the UUID of the pool that is open: another process has to look.
			require.NoError(t, libpmemobj.Check(crashed, ""))
			require.NoError(t, testpool.PmempoolCheck(t, crashed))
		}
	}
	require.NoError(t, p.Close())
	require.EqualValues(t, c.Appended(), drain(t, c, image))
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, now), "the file has changed")
	require.NoError(t, os.WriteFile(path, image, 0o600))
	requireSteps(t, path, 100)
	testpool.Check(t, path)
}

// Ensure that recovery, when a pool is opened, is captured like the rest.
func TestRecovery(t *testing.T) {
	effective(t)
	p := testpool.New(t)
	r, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	require.NoError(t, step(t, p, r, 1))
	require.NoError(t, p.Close())
	path := p.Path()
	image, err := os.ReadFile(path)
	require.NoError(t, err)

	p, c := opened(t, path, 0, capture.DefaultLines)
	r, err = libpmemobj.Root[root](p)
	require.NoError(t, err)
	// What is captured within a transaction is a crash in it.
	err = p.Update(func(tx *libpmemobj.Tx) error {
		at := r.Mut(tx)
		at.Count = 77
		b := unsafe.Slice((*byte)(unsafe.Pointer(at)), 16)
		flushlog.Persist(b)
		drain(t, c, image)
		require.EqualValues(t, 77, image[uintptr(unsafe.Pointer(at))-uintptr(c.Base())])
		return errors.New("roll back")
	})
	require.ErrorContains(t, err, "roll back")
	require.NoError(t, p.Close())
	require.NoError(t, os.WriteFile(path, image, 0o600))

	p, c = opened(t, path, 0, capture.DefaultLines)
	require.NotZero(t, c.Appended())
	require.NoError(t, p.Close())
	drain(t, c, image)
	require.NoError(t, os.WriteFile(path, image, 0o600))
	requireSteps(t, path, 1)
}

// parts are the files of a pool set, in order.
func parts(t *testing.T, path string) (names []string) {
	t.Helper()
	names, err := filepath.Glob(path + ".parts/*.pmem")
	require.NoError(t, err)
	slices.Sort(names)
	return names
}

// Ensure that parts by which a pool grows are private and captured as well.
func TestGrowth(t *testing.T) {
	effective(t)
	const mib = 1 << 20
	path := filepath.Join(testpool.Dir(t), "db.set")
	p := testpool.Create(t, path, libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithGrowth(64*mib, 4*mib))
	_, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.Len(t, parts(t, path), 1)

	p, c := opened(t, path, 64*mib, 256<<10)
	image, err := os.ReadFile(parts(t, path)[0])
	require.NoError(t, err)
	before := bytes.Clone(image)
	image = append(image, make([]byte, 64*mib)...)
	r, err := libpmemobj.Root[root](p)
	require.NoError(t, err)
	steps := uint64(0)
	for ; p.Size() < 16*mib; steps++ {
		require.NoError(t, step(t, p, r, steps+1))
		_, err := p.Alloc(nil, 300_000, 9)
		require.NoError(t, err)
		drain(t, c, image)
	}
	size := p.Size()
	require.NoError(t, p.Close())
	drain(t, c, image)

	off := 0
	for i, name := range parts(t, path) {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		if i == 0 {
			require.True(t, bytes.Equal(before, content), "the first part has changed")
		} else {
			require.True(t, bytes.Equal(make([]byte, len(content)), content), "part %d has changed: %v", i, name)
		}
		require.NoError(t, os.WriteFile(name, image[off:off+len(content)], 0o600))
		off += len(content)
	}
	require.EqualValues(t, size, off)
	require.Greater(t, len(parts(t, path)), 2)
	requireSteps(t, path, steps)
}

// Ensure that a pool is watched no longer than it is open: there is a limit.
func TestManyPools(t *testing.T) {
	effective(t)
	path := filepath.Join(testpool.Dir(t), "db.set")
	p := testpool.Create(t, path, libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithGrowth(libpmemobj.MinPool*2, 0))
	require.NoError(t, p.Close())
	p = testpool.New(t, libpmemobj.WithSize(libpmemobj.MinPool))
	require.NoError(t, p.Close())
	for range 33 {
		for _, path := range []string{path, p.Path()} {
			p, _ := opened(t, path, libpmemobj.MinPool*2, capture.DefaultLines)
			require.NoError(t, p.Close())
		}
	}
}
