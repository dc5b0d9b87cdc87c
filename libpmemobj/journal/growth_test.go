package journal_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/medium"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

const mib = 1 << 20

var growing = []libpmemobj.Option{libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithGrowth(96*mib, 4*mib)}

// step is change n, and an allocation that makes the pool grow before long.
func step(p *libpmemobj.Pool, w *work, n uint64) error {
	if err := w.change(0, n); err != nil {
		return err
	}
	if n%4 != 0 {
		return nil
	}
	_, err := p.ConstructBytes(nil, 200_000, 9, func(b []byte) error {
		binary.LittleEndian.PutUint64(b[len(b)-8:], n)
		return nil
	})
	return err
}

func init() {
	testchild.Register("grow", func(args []string) error {
		p, err := libpmemobj.OpenOrCreate(args[0], layout, append(growing, journal.With(tiny()))...)
		if err != nil {
			return err
		}
		w, err := openWork(p)
		if err != nil {
			return err
		}
		for n := w.root.Accounts[0].Done + 1; err == nil; n++ {
			if p.Size() >= 80*mib {
				testchild.Wait()
			}
			if err = step(p, w, n); err == nil {
				fmt.Println(n)
			}
		}
		return err
	})
}

// Ensure that a pool that grows while it is written to, and is killed, has all
// that was acknowledged, in the parts that are new too.
func TestCrashGrowth(t *testing.T) {
	t.Parallel()
	effective(t)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 0))
	path := filepath.Join(testpool.Dir(t), "db.set")
	done, grown, lives := uint64(0), 0, 0
	for size := int64(libpmemobj.MinPool); size < 48*mib || lives < 2; lives++ {
		c := testchild.Start(t, "grow", path)
		c.KillAtRandom(t, rnd, 150*time.Millisecond, func(line string) {
			n, err := strconv.ParseUint(line, 10, 64)
			require.NoError(t, err)
			done = n
		})
		p, err := libpmemobj.OpenOrCreate(path, layout, append(growing, journal.With(small), libpmemobj.WithVerify())...)
		require.NoError(t, err)
		w, err := openWork(p)
		require.NoError(t, err)
		got, err := w.check(0, done)
		require.NoError(t, err)
		seen := map[uint64]bool{}
		for oid := range p.Objects() {
			if n, err := p.TypeNum(oid); err != nil || n != 9 {
				require.NoError(t, err)
				continue
			}
			b, err := p.Bytes(oid, 200_000-8, 8)
			require.NoError(t, err)
			seen[binary.LittleEndian.Uint64(b)] = true
		}
		for n := uint64(4); n <= done; n += 4 {
			require.True(t, seen[n], "object %d of %d is missing", n, done)
		}
		if p.Size() > size {
			grown++
		}
		size = p.Size()
		// What a change was to be followed by may be missing.
		if !seen[got] && got%4 == 0 {
			_, err := p.ConstructBytes(nil, 200_000, 9, func(b []byte) error {
				binary.LittleEndian.PutUint64(b[len(b)-8:], got)
				return nil
			})
			require.NoError(t, err)
		}
		require.NoError(t, step(p, w, got+1))
		done = got + 1
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	}
	t.Logf("crashtest: %d kills, %d changes; it has grown in %d of the lives", lives, done, grown)
	require.NotZero(t, grown)
}

// order watches that the journal has no record of what is not durable.
type order struct {
	t       *testing.T
	mu      sync.Mutex
	durable int64 // the size of the parts that are
	beyond  int64 // how far records went
}

type orderedPool struct {
	medium.Pool
	o *order
}

func (p orderedPool) Refresh() error {
	err := p.Pool.Refresh()
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	p.o.durable = p.Pool.Size()
	return err
}

type orderedFS struct {
	redo.FS
	o *order
}

func (s orderedFS) Open(path string) (redo.File, error) {
	f, err := s.FS.Open(path)
	return orderedFile{f, s.o}, err
}

func (s orderedFS) Create(path string, mode fs.FileMode) (redo.File, error) {
	f, err := s.FS.Create(path, mode)
	return orderedFile{f, s.o}, err
}

func (s orderedFS) Is(f redo.File, path string) bool { return s.FS.Is(f.(orderedFile).File, path) }

type orderedFile struct {
	redo.File
	o *order
}

// WriteAt looks at the records of a batch, which may follow the header of a
// segment.
func (f orderedFile) WriteAt(p []byte, off int64) (int, error) {
	b := p
	if string(b[:8]) == "PMGOSEGM" {
		b = b[64:]
	}
	if off >= 8192 && string(b[:3]) == "BCH" {
		f.o.mu.Lock()
		for b = b[32:]; len(b) > 0; {
			key := binary.LittleEndian.Uint64(b)
			f.o.beyond = max(f.o.beyond, int64(key>>8)*64)
			b = b[8+8*bits.OnesCount8(uint8(key)):]
		}
		if f.o.beyond >= f.o.durable {
			f.o.t.Errorf("a record of offset %d, and only %d bytes of parts are durable", f.o.beyond, f.o.durable)
		}
		f.o.mu.Unlock()
	}
	return f.File.WriteAt(p, off)
}

// Ensure that a part that the pool has grown by is durable before the journal
// has anything about it.
func TestGrowthOrder(t *testing.T) {
	t.Parallel()
	effective(t)
	path := filepath.Join(testpool.Dir(t), "db.set")
	p, err := libpmemobj.Create(path, layout, append(growing, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))...)
	require.NoError(t, err)
	o := &order{t: t, durable: p.Size()}
	require.NoError(t, p.Close())
	o8 := journal.Tiny(orderedFS{redo.System, o}, func(p medium.Pool) medium.Pool { return orderedPool{p, o} })
	o8.Segments = 8
	p, err = libpmemobj.Open(path, layout, journal.With(o8))
	require.NoError(t, err)
	before := p.Size()
	w, err := openWork(p)
	require.NoError(t, err)
	n := uint64(0)
	for p.Size() < before+10*mib {
		n++
		require.NoError(t, step(p, w, n))
	}
	require.NoError(t, p.Close())
	require.Greater(t, o.beyond, before, "nothing of what has grown was written")

	p, err = libpmemobj.Open(path, layout, libpmemobj.WithVerify())
	require.NoError(t, err)
	w, err = openWork(p)
	require.NoError(t, err)
	_, err = w.check(0, n)
	require.NoError(t, err)
	require.NoError(t, p.Close())
}
