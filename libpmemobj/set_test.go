package libpmemobj_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

const setMiB = 1 << 20

// setBlock is an element of a list that fills pool sets.
type setBlock struct {
	Next   Ptr[setBlock]
	Number uint64
	Data   [60_000]byte
}

type setRoot struct {
	Head  Ptr[setBlock]
	Count uint64
	Slots [64]OID
}

// setPush adds a block to the list.
// setParallel is t.Parallel where no child of another test can inherit the
// parts of a pool that grows: shared libraries open them without O_CLOEXEC.
func setParallel(t *testing.T) {
	t.Helper()
	if interpose.Effective {
		t.Parallel()
	}
}

func setPush(p *Pool, root Ptr[setRoot]) error {
	return p.Update(func(tx *Tx) error {
		b, err := New[setBlock](tx)
		if err != nil {
			return err
		}
		r := root.Get()
		if err := tx.Snapshot(RangeOf(&r.Head), RangeOf(&r.Count)); err != nil {
			return err
		}
		v := b.Get()
		v.Next, v.Number = r.Head, r.Count
		fill(v.Data[:], r.Count)
		r.Head = b
		r.Count++
		return nil
	})
}

// setVerify checks the list: its length, and every byte.
func setVerify(t *testing.T, root Ptr[setRoot]) {
	t.Helper()
	want := make([]byte, len(setBlock{}.Data))
	n := root.Get().Count
	for b := root.Get().Head; !b.IsNull(); b = b.Get().Next {
		n--
		require.Equal(t, n, b.Get().Number)
		fill(want, n)
		require.Equal(t, want, b.Get().Data[:], "block %d", n)
	}
	require.Zero(t, n, "the list has an end too soon")
}

// setFill pushes until the pool is full, and returns why it is.
func setFill(t *testing.T, p *Pool, root Ptr[setRoot]) error {
	t.Helper()
	for {
		if err := setPush(p, root); err != nil {
			require.ErrorIs(t, err, ErrOutOfSpace)
			return err
		}
	}
}

func setRootOf(t *testing.T, p *Pool) Ptr[setRoot] {
	t.Helper()
	root, err := Root[setRoot](p)
	require.NoError(t, err)
	return root
}

// setPath is a path for a pool set file.
func setPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(testpool.Dir(t), "db.set")
}

// setSizes are the sizes of the parts in some folders, in MiB, in the order of
// their numbers.
func setSizes(t *testing.T, folders ...string) (sizes []float64) {
	t.Helper()
	var total int
	for _, f := range folders {
		entries, err := os.ReadDir(f)
		require.NoError(t, err)
		total += len(entries)
	}
	for n := range total {
		found := false
		for _, f := range folders {
			st, err := os.Stat(filepath.Join(f, fmt.Sprintf("%06d.pmem", n)))
			if err == nil {
				sizes = append(sizes, float64(st.Size())/setMiB)
				found = true
			}
		}
		require.True(t, found, "part %d is missing, or there are other files", n)
	}
	return sizes
}

// Ensure that a pool grows by its step when it is full, up to its limit, that
// nothing is lost on the way, and that it goes on growing after it was opened
// again, with the step that it was created with.
func TestGrowth(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(20*setMiB, 4*setMiB))
	require.EqualValues(t, 20*setMiB, p.Limit())
	require.EqualValues(t, MinPool, p.Size())
	root := setRootOf(t, p)
	for p.Size() == MinPool {
		require.NoError(t, setPush(p, root))
	}
	require.EqualValues(t, 12*setMiB, p.Size())
	require.Equal(t, []float64{8, 4}, setSizes(t, path+".parts"))
	setVerify(t, root)

	p = testpool.Reopen(t, p)
	root = setRootOf(t, p)
	require.EqualValues(t, 12*setMiB, p.Size())
	setVerify(t, root)
	err := setFill(t, p, root)
	require.ErrorIs(t, err, unix.ENOMEM)
	require.ErrorContains(t, err, "it has grown to its limit of 20971520 bytes")
	require.ErrorContains(t, err, path)
	require.Equal(t, []float64{8, 4, 4, 4}, setSizes(t, path+".parts"))
	require.EqualValues(t, 20*setMiB, p.Size())
	setVerify(t, root)

	// The text raises the limit.
	require.NoError(t, p.Close())
	require.EqualValues(t, 20*setMiB, p.Size(), "after Close")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "20MiB", "22MiB", 1)), 0o600))
	p = testpool.Open(t, path)
	root = setRootOf(t, p)
	require.EqualValues(t, 22*setMiB, p.Limit())
	require.Error(t, setFill(t, p, root))
	require.Equal(t, []float64{8, 4, 4, 4, 2}, setSizes(t, path+".parts"), "the last step is what is left")
	p = testpool.Reopen(t, p)
	setVerify(t, setRootOf(t, p))
	require.NoError(t, p.Close())

	// Lowered, it is refused.
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "20MiB", "18MiB", 1)), 0o600))
	_, err = Open(path, "")
	require.ErrorContains(t, err, "its parts have 23068672 bytes, more than the 18874368")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), "20MiB", "22MiB", 1)), 0o600))
}

// Ensure that every way to allocate grows the pool, and can be used at once.
func TestGrowthByEveryAllocation(t *testing.T) {
	setParallel(t)
	const size = 6 * setMiB // more than is free before
	ways := map[string]func(p *Pool, root Ptr[setRoot]) (OID, error){
		"Alloc":          func(p *Pool, _ Ptr[setRoot]) (OID, error) { return p.Alloc(nil, size, 1) },
		"Alloc in place": func(p *Pool, r Ptr[setRoot]) (OID, error) { return p.Alloc(&r.Get().Slots[0], size, 1) },
		"Zalloc":         func(p *Pool, _ Ptr[setRoot]) (OID, error) { return p.Zalloc(nil, size, 1) },
		"Strdup": func(p *Pool, _ Ptr[setRoot]) (OID, error) {
			return p.Strdup(nil, strings.Repeat("x", size-1), 1)
		},
		"Realloc": func(p *Pool, r Ptr[setRoot]) (OID, error) {
			oid := &r.Get().Slots[1]
			if _, err := p.Alloc(oid, 100, 1); err != nil {
				return OID{}, err
			}
			return *oid, p.Realloc(oid, size, 1)
		},
		"Update": func(p *Pool, _ Ptr[setRoot]) (oid OID, err error) {
			err = p.Update(func(tx *Tx) error {
				var b []byte
				oid, b, err = NewBytes(tx, size, 1)
				if err == nil {
					b[len(b)-1] = 1
				}
				return err
			})
			return oid, err
		},
		"Publish": func(p *Pool, _ Ptr[setRoot]) (oid OID, err error) {
			err = p.Publish(func(a *Actions) error {
				var b []byte
				oid, b, err = a.ReserveBytes(size, 1)
				if err == nil {
					b[len(b)-1] = 1
				}
				return err
			})
			return oid, err
		},
		"Snapshot": func(p *Pool, _ Ptr[setRoot]) (oid OID, err error) {
			if oid, err = p.Alloc(nil, 3*setMiB, 1); err != nil {
				return oid, err
			}
			b, err := p.Bytes(oid, 0, 3*setMiB)
			if err != nil {
				return oid, err
			}
			err = p.Update(func(tx *Tx) error { return tx.Snapshot(RangeOfSlice(b)) })
			return oid, err
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			setParallel(t)
			p := testpool.Create(t, setPath(t), WithSize(MinPool), WithGrowth(32*setMiB, 8*setMiB))
			root := setRootOf(t, p)
			_, err := way(p, root)
			require.NoError(t, err)
			require.Greater(t, p.Size(), int64(MinPool))
			for oid := range p.Objects() {
				usable, err := p.UsableSize(oid)
				require.NoError(t, err)
				b, err := p.Bytes(oid, 0, usable)
				require.NoError(t, err)
				b[len(b)-1] = 7
				require.NoError(t, p.Persist(RangeOfSlice(b)))
				require.NoError(t, p.Free(&oid))
			}
			require.Empty(t, objectsIn(p))
		})
	}
}

// Ensure that Extend makes one part of the size asked for, of whole pages, and
// says why it does not.
func TestExtend(t *testing.T) {
	setParallel(t)
	path := setPath(t)
	p := testpool.Create(t, path, WithSize(MinPool), WithGrowth(24*setMiB, 4*setMiB))
	require.NoError(t, p.Extend(3*setMiB+1))
	require.EqualValues(t, 11*setMiB+4096, p.Size())
	err := p.Extend(MinPart - 1)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "at least 2097152 (MinPart)")
	for _, bytes := range []int64{0, -1, -1 << 63} {
		require.ErrorIs(t, p.Extend(bytes), unix.EINVAL)
	}
	for _, bytes := range []int64{13 * setMiB, 1 << 62, 1<<63 - 1} {
		err = p.Extend(bytes)
		require.ErrorIs(t, err, ErrOutOfSpace)
		require.ErrorContains(t, err, "the limit of 25165824 leaves 13627392")
	}
	require.Equal(t, []float64{8, 3 + 1./256}, setSizes(t, path+".parts"))
	p = testpool.Reopen(t, p)
	require.ErrorIs(t, p.Update(func(tx *Tx) error {
		if _, _, err := NewBytes(tx, 1000, 1); err != nil {
			return err
		}
		return errors.Join(p.Extend(12*setMiB), errStop)
	}), errStop)
	require.EqualValues(t, 23*setMiB+4096, p.Size())
	root := setRootOf(t, p)
	require.Error(t, setFill(t, p, root))
	p = testpool.Reopen(t, p)
	setVerify(t, setRootOf(t, p))
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Extend(MinPart), ErrClosed)

	fixed := testpool.New(t)
	err = fixed.Extend(MinPart)
	require.ErrorIs(t, err, unix.ENOTSUP)
	require.ErrorContains(t, err, "only a pool set of folders can grow")
	require.Equal(t, fixed.Size(), fixed.Limit())
}

// Ensure that a pool is created as large as WithSize says, in several folders
// too, which fill evenly, with the permissions asked for.
func TestCreateGrowing(t *testing.T) {
	setParallel(t)
	dir := testpool.Dir(t)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.Mkdir(b, 0o700))
	path := filepath.Join(dir, "db.set")
	p := testpool.Create(t, path, WithSize(11*setMiB), WithMode(0o640), WithFolders(a, b), WithGrowth(33*setMiB+8191, 3*setMiB-1))
	require.EqualValues(t, 11*setMiB, p.Size())
	require.EqualValues(t, 33*setMiB, p.Limit())
	require.Equal(t, path, p.Path())
	require.Equal(t, testpool.Layout, p.Layout())
	require.Equal(t, DurabilityProcessCrash, p.Durability())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "PMEMPOOLSET\n# pmdk-go: growth step 3MiB\nOPTION SINGLEHDR\n"+
		"16896KiB "+a+"\n16896KiB "+b+"\n# the pool's parts lie in these folders\n", string(text))
	root := setRootOf(t, p)
	require.Error(t, setFill(t, p, root))
	require.Equal(t, []float64{8, 3, 3, 3, 3, 3, 3, 3, 3}, setSizes(t, a, b)[:9])
	for _, folder := range []string{a, b} {
		parts, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.InDelta(t, 5, len(parts), 1, "%s: %v", folder, parts)
	}
	st, err := os.Stat(filepath.Join(a, "000000.pmem"))
	require.NoError(t, err)
	assert.EqualValues(t, 0o640, st.Mode().Perm())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3, "%v", left)
	p = testpool.Reopen(t, p)
	setVerify(t, setRootOf(t, p))
}
