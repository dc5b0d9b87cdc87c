package libpmemobj_test

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// ctlNodes are the nodes of pmemobj_ctl_get(3), with a text that each can be
// set to and its value as a number, unless it cannot be set.
var ctlNodes = []struct {
	name, text string
	number     int64
	global     bool
}{
	{"prefault.at_create", "y", 1, true},
	{"prefault.at_open", "y", 1, true},
	{"sds.at_create", "n", 0, true},
	{"copy_on_write.at_open", "", 0, true},
	{"heap.arenas_assignment_type", "global", 1, true},
	{"heap.arenas_default_max", "5", 5, true},
	{"tx.debug.skip_expensive_checks", "y", 1, false},
	{"tx.debug.verify_user_buffers", "y", 1, false},
	{"tx.cache.size", "65536", 65536, false},
	{"tx.cache.threshold", "100", 0, false}, // deprecated, as the next three
	{"tx.post_commit.queue_depth", "100", 0, false},
	{"tx.post_commit.worker", "", 0, false},
	{"tx.post_commit.stop", "", 0, false},
	{"heap.narenas.automatic", "", 2, false},
	{"heap.narenas.total", "", 2, false},
	{"heap.narenas.max", "2000", 2000, false},
	{"heap.arena.1.size", "", 0, false},
	{"heap.arena.1.automatic", "n", 0, false},
	{"heap.thread.arena_id", "", 0, false},
	{"heap.size.granularity", "4194304", 4194304, false},
	{"stats.enabled", "persistent", 2, false},
	{"stats.heap.curr_allocated", "", 0, false},
	{"stats.heap.run_allocated", "", 0, false},
	{"stats.heap.run_active", "", 0, false},
	{"debug.heap.alloc_pattern", "171", 171, false},
}

// Ensure that each node can be read and, where PMDK allows it, set, both as a
// number and as PMDK's configuration writes it.
func TestCtlNodes(t *testing.T) {
	p := testpool.New(t, WithArenas(2))
	for _, c := range ctlNodes {
		t.Run(c.name, func(t *testing.T) {
			n := p.Ctl(c.name)
			require.Equal(t, c.name, n.Name())
			before, err := n.Int()
			require.NoError(t, err)
			text, err := n.Text()
			require.NoError(t, err)
			if c.text == "" {
				require.ErrorIs(t, n.SetInt(1), unix.EINVAL)
				require.ErrorIs(t, n.SetText("1"), unix.EINVAL)
				return
			}
			if c.global {
				g := Ctl(c.name)
				require.NoError(t, g.SetText(c.text))
				defer func() { require.NoError(t, g.SetInt(before)) }()
			} else {
				require.NoError(t, n.SetText(c.text))
				_, err := Ctl(c.name).Int()
				require.ErrorContains(t, err, "see Pool.Ctl")
			}
			v, err := n.Int()
			require.NoError(t, err)
			require.Equal(t, c.number, v)
			if v != 0 {
				now, err := n.Text()
				require.NoError(t, err)
				require.Equal(t, c.text, now)
			}
			if c.name != "heap.narenas.max" { // which never shrinks
				require.NoError(t, n.SetText(text))
			}
			for _, bad := range []int64{math.MinInt64, -2, math.MaxInt64} {
				require.ErrorIs(t, n.SetInt(bad), unix.EINVAL, bad)
			}
			for _, bad := range []string{"", "maybe", "1x", " 1", "99999999999999999999"} {
				require.ErrorIs(t, n.SetText(bad), unix.EINVAL, bad)
			}
		})
	}
}

// Ensure that what a node does not do is refused, and the executable ones run.
func TestCtlExec(t *testing.T) {
	p := testpool.New(t, WithArenas(1))
	id, err := p.Ctl("heap.arena.create").Exec(0)
	require.NoError(t, err)
	require.EqualValues(t, 2, id)
	_, err = p.Ctl("heap.size.extend").Exec(2<<20 - 1)
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = p.Ctl("heap.size.extend").Exec(4 << 20)
	require.ErrorIs(t, err, unix.ENOTSUP)
	_, err = p.Ctl("stats.enabled").Exec(1)
	require.ErrorContains(t, err, "cannot be run")
	_, err = p.Ctl("heap.arena.create").Int()
	require.ErrorContains(t, err, "cannot be read")
	require.ErrorContains(t, p.Ctl("heap.size.extend").SetInt(1), "cannot be set")
	require.ErrorContains(t, p.Ctl("heap.thread.arena_id").SetInt(1), "WithArena")
	require.ErrorContains(t, Ctl("copy_on_write.at_open").SetInt(1), "WithCopyOnWrite")
	_, err = CtlNode{}.Int()
	require.ErrorIs(t, err, ErrNull)
	var none *Pool
	_, err = none.Ctl("stats.enabled").Int()
	require.ErrorIs(t, err, ErrNull)
	require.NoError(t, p.Close())
	_, err = p.Ctl("stats.enabled").Int()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, p.Ctl("stats.enabled").SetInt(1), ErrClosed)
	require.ErrorIs(t, p.Ctl("tx.cache.size").SetInt(1), ErrClosed)
}

// Ensure that allocation classes can be made and read as text.
func TestCtlClasses(t *testing.T) {
	p := testpool.New(t)
	require.NoError(t, p.Ctl("heap.alloc_class.130.desc").SetText("512,0,1000,compact"))
	text, err := p.Ctl("heap.alloc_class.130.desc").Text()
	require.NoError(t, err)
	c, err := p.Class(130)
	require.NoError(t, err)
	require.EqualValues(t, 512, c.Desc().UnitSize)
	require.Equal(t, fmt.Sprintf("512,0,%d,compact", c.Desc().UnitsPerBlock), text)
	require.NoError(t, p.Ctl("heap.alloc_class.new.desc").SetText("64,64,1000,none"))
	_, err = p.Ctl("heap.alloc_class.new.desc").Text()
	require.ErrorContains(t, err, "cannot be read")
	_, err = p.Ctl("heap.alloc_class.130.desc").Int()
	require.ErrorContains(t, err, "use Text")
	require.ErrorContains(t, p.Ctl("heap.alloc_class.131.desc").SetInt(1), "use SetText")
	_, err = p.Ctl("heap.alloc_class.131.desc").Text()
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, bad := range []string{"", "1", "512,0,1000", "512,0,1000,fat", "x,0,1000,none", "512,0,99999999999,none",
		"0,0,0,none", "500,0,1000,compact", "512,3,1000,compact", "-512,0,1000,compact", "512,0,1000,compact,"} {
		require.ErrorIs(t, p.Ctl("heap.alloc_class.new.desc").SetText(bad), unix.EINVAL, bad)
	}
}

// Ensure that a name that is no node never reaches C, which faults at some.
func TestCtlNames(t *testing.T) {
	p := testpool.New(t)
	for _, name := range []string{
		"", ".", "heap", "heap.", "heap..narenas", "nosuch", "stats.heap.curr_allocated.x", "stats.heap.curr_allocated.",
		"stats.enabled.x", "heap.arena", "heap.arena.", "heap.arena..size", "heap.arena.1", "heap.arena.*.size",
		"heap.arena.-1.size", "heap.arena.+1.size", "heap.arena.01.size", "heap.arena.1x.size", "heap.arena. 1.size",
		"heap.arena.0x1.size", "heap.arena.4294967297.size", "heap.arena.99999999999999999999.size",
		"heap.alloc_class.x.desc", "heap.alloc_class.new", "heap.alloc_class.*.desc", "STATS.ENABLED", "stats.enabled\x00", "stats.enabled=1",
		strings.Repeat("a", 5000), strings.Repeat(".", 5000), strings.Repeat("heap.", 1000),
	} {
		for _, n := range []CtlNode{p.Ctl(name), Ctl(name)} {
			_, err := n.Int()
			require.Error(t, err, "%.40q", name)
			_, err = n.Text()
			require.Error(t, err)
			require.Error(t, n.SetInt(1))
			require.Error(t, n.SetText("1"))
			_, err = n.Exec(1)
			require.Error(t, err)
		}
	}
	for _, i := range []int{0, 3000, 65535} {
		for _, leaf := range []string{"size", "automatic"} {
			n := p.Ctl("heap.arena." + strconv.Itoa(i) + "." + leaf)
			_, err := n.Int()
			require.ErrorContains(t, err, "the pool has arenas")
			require.Error(t, n.SetInt(1))
		}
	}
	for _, i := range []int{0, 255, 256, 65535} {
		n := p.Ctl("heap.alloc_class." + strconv.Itoa(i) + ".desc")
		_, err := n.Text()
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, n.SetText("512,0,1000,compact"), unix.EINVAL)
	}
}

// Ensure that settings that C reads without a lock are refused while somebody
// is inside, and wait for nobody to begin.
func TestSettingsAlone(t *testing.T) {
	p := testpool.New(t)
	settings := map[string]func() error{
		"cache":  func() error { return p.SetTxCacheSize(100_000) },
		"arenas": func() error { return p.SetMaxArenas(2000) },
		"verify": func() error { return p.SetVerifyLogBuffers(true) },
		"ctl":    func() error { return p.Ctl("tx.cache.size").SetInt(1) },
	}
	for name, set := range settings {
		require.NoError(t, p.Update(func(tx *Tx) error {
			require.ErrorIs(t, set(), ErrPoolBusy, name)
			return nil
		}))
		require.NoError(t, p.Publish(func(a *Actions) error {
			require.ErrorIs(t, set(), ErrPoolBusy, name)
			return nil
		}))
		inside, done := make(chan struct{}), make(chan error)
		go func() {
			done <- p.Update(func(tx *Tx) error { close(inside); return <-done })
		}()
		<-inside
		require.ErrorIs(t, set(), ErrPoolBusy, name)
		done <- nil
		require.NoError(t, <-done)
		require.NoError(t, set(), name)
	}

	// Under load, it works or is refused, and nobody else fails.
	root := rootOf(t, p)
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for range 200 {
				err := p.Update(func(tx *Tx) error {
					MutAt(tx, &root.Get().Words[g*16])
					_, err := New[node](tx)
					return err
				})
				if err == nil {
					_, err = p.Alloc(nil, 50, 1)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			if err := p.SetTxCacheSize(int64(i * 1000)); err != nil {
				require.ErrorIs(t, err, ErrPoolBusy)
			}
		}
	})
	wg.Wait()
}

// Ensure that the other settings do what they say and refuse nonsense.
func TestSettings(t *testing.T) {
	p := testpool.New(t)
	size, err := p.TxCacheSize()
	require.NoError(t, err)
	require.EqualValues(t, 32<<10, size)
	require.NoError(t, p.SetTxCacheSize(1<<17))
	size, err = p.TxCacheSize()
	require.NoError(t, err)
	require.EqualValues(t, 1<<17, size)
	for _, n := range []int64{-1, MaxAlloc, math.MaxInt64, math.MinInt64} {
		require.ErrorIs(t, p.SetTxCacheSize(n), unix.EINVAL)
	}

	pattern, err := p.AllocPattern()
	require.NoError(t, err)
	require.Equal(t, NoPattern, pattern)
	require.NoError(t, p.SetAllocPattern(0xA5))
	oid, err := p.Alloc(nil, 100, 1)
	require.NoError(t, err)
	for _, b := range view(t, p, oid, 100) {
		require.EqualValues(t, 0xA5, b)
	}
	for _, n := range []int{-2, 256, 1 << 40} {
		require.ErrorIs(t, p.SetAllocPattern(n), unix.EINVAL)
	}
	require.NoError(t, p.SetAllocPattern(NoPattern))

	require.NoError(t, p.SetSkipExpensiveChecks(true))
	skip, err := p.SkipExpensiveChecks()
	require.NoError(t, err)
	require.True(t, skip)
	require.NoError(t, p.SetVerifyLogBuffers(true))
	verify, err := p.VerifyLogBuffers()
	require.NoError(t, err)
	require.True(t, verify)

	granularity, err := p.Granularity()
	require.NoError(t, err)
	require.EqualValues(t, 128<<20, granularity)
	for _, n := range []uint64{1, 2<<20 - 1, 2<<20 + 1, MaxStep + 1, 3 << 30, 4 << 30, math.MaxUint64, 1 << 63} {
		require.ErrorIs(t, p.SetGranularity(n), unix.EINVAL)
	}
	for _, n := range []uint64{0, 2 << 20, 1 << 30} {
		require.NoError(t, p.SetGranularity(n))
		granularity, err = p.Granularity()
		require.NoError(t, err)
		require.Equal(t, n, granularity)
	}
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.SetTxCacheSize(1), ErrClosed)
}
