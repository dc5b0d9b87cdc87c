package libpmemblk_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

func TestVersion(t *testing.T) {
	require.NoError(t, CheckVersion(MajorVersion, MinorVersion))
	err := CheckVersion(MajorVersion+1, 0)
	require.ErrorContains(t, err, "major version mismatch")
	require.ErrorIs(t, err, unix.EINVAL)
}

// Ensure that blocks of all sizes hold what was written, that others read as
// zeros, and that a closed pool has it all.
func TestBlocks(t *testing.T) {
	for _, size := range []int{1, 20, 511, 512, 513, 4096, 30000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			p := newPool(t, size)
			require.Equal(t, size, p.BlockSize())
			require.Equal(t, Capacity(MinPool, size), p.Blocks())
			require.Equal(t, p.Blocks()*int64(size), p.Size())
			require.GreaterOrEqual(t, p.Blocks(), int64(256))
			blocks := []int64{0, 1, p.Blocks() / 2, p.Blocks() - 1}
			content := func(n int64) []byte { return []byte(strings.Repeat(string(rune('a'+n%26)), size)) }
			guarded := make([]byte, size+8)
			read := func(n int64) []byte {
				for i := range guarded {
					guarded[i] = '#'
				}
				require.NoError(t, p.ReadBlock(n, guarded[:size]))
				require.Equal(t, "########", string(guarded[size:]), "bytes after the buffer changed")
				return guarded[:size]
			}
			for _, n := range blocks {
				require.Equal(t, make([]byte, size), read(n))
			}
			for _, n := range blocks {
				require.NoError(t, p.WriteBlock(n, content(n)))
			}
			for range 2 {
				for _, n := range blocks {
					require.Equal(t, content(n), read(n))
				}
				require.Equal(t, make([]byte, size), read(2))
				p = reopen(t, p)
			}
			require.NoError(t, p.SetZero(1))
			require.Equal(t, make([]byte, size), read(1))
			require.Equal(t, content(0), read(0))
		})
	}
}

// Ensure that a bad block is an error that says so, until it is written or set
// to zero, and that bad blocks stay bad when the pool is closed.
func TestBadBlock(t *testing.T) {
	const size = 512
	p := newPool(t, size)
	b := make([]byte, size)
	bad := func(n int64) {
		t.Helper()
		err := p.ReadBlock(n, b)
		var e *BadBlockError
		require.ErrorAs(t, err, &e)
		require.Equal(t, n, e.Block)
		require.Equal(t, p.Path(), e.Path)
		require.ErrorIs(t, err, unix.EIO)
		require.ErrorContains(t, err, fmt.Sprintf("block %d is marked as bad", n))
	}
	require.NoError(t, p.SetError(3)) // in a pool that was never written to
	bad(3)
	require.NoError(t, p.WriteBlock(4, block(size, 4, 1)))
	require.NoError(t, p.SetError(4))
	require.NoError(t, p.SetError(4))
	bad(4)
	p = reopen(t, p)
	bad(3)
	bad(4)

	// Reads over several blocks end before it; so do writes to a part of it,
	// but not those to all of it.
	all := make([]byte, 5*size)
	n, err := p.ReadAt(all, size)
	require.Equal(t, 2*size, n)
	require.ErrorIs(t, err, unix.EIO)
	n, err = p.WriteAt(make([]byte, size+1), 2*size)
	require.Equal(t, size, n)
	var e *BadBlockError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "write", e.Op)
	require.EqualValues(t, 3, e.Block)
	n, err = p.WriteAt(make([]byte, size), 3*size)
	require.NoError(t, err)
	require.Equal(t, size, n)
	require.NoError(t, p.ReadBlock(3, b))
	require.NoError(t, p.SetZero(4))
	require.NoError(t, p.ReadBlock(4, b))
	require.Equal(t, make([]byte, size), b)
}

// Ensure that misuse is an error with the reason in it, and changes nothing.
func TestMisuse(t *testing.T) {
	const size = 512
	p := newPool(t, size)
	last := p.Blocks() - 1
	buf := make([]byte, size)
	cases := []struct {
		name string
		do   func() error
		err  string
		is   error
	}{
		{"read, buffer too short", func() error { return p.ReadBlock(0, buf[:size-1]) }, "a buffer of 511 bytes, but blocks have 512", unix.EINVAL},
		{"read, nil buffer", func() error { return p.ReadBlock(0, nil) }, "a buffer of 0 bytes", unix.EINVAL},
		{"write, buffer too long", func() error { return p.WriteBlock(0, make([]byte, size+1)) }, "a buffer of 513 bytes", unix.EINVAL},
		{"read, negative", func() error { return p.ReadBlock(-1, buf) }, "there is no block -1", unix.EINVAL},
		{"read, behind the end", func() error { return p.ReadBlock(last+1, buf) }, fmt.Sprintf("there is no block %d: blocks are 0 to %d", last+1, last), unix.EINVAL},
		{"write, far behind the end", func() error { return p.WriteBlock(1<<62, buf) }, "there is no block", unix.EINVAL},
		{"write, the most negative", func() error { return p.WriteBlock(-1<<63, buf) }, "there is no block", unix.EINVAL},
		{"zero, negative", func() error { return p.SetZero(-7) }, "set zero " + p.Path() + ": there is no block -7", unix.EINVAL},
		{"error, behind the end", func() error { return p.SetError(last + 1) }, "set error " + p.Path() + ": there is no block", unix.EINVAL},
		{"ReadAt, negative", func() error { _, err := p.ReadAt(buf, -1); return err }, "offset -1 is negative", unix.EINVAL},
		{"ReadAt, at the end", func() error { _, err := p.ReadAt(buf, p.Size()); return err }, "EOF", io.EOF},
		{"ReadAt, far behind the end", func() error { _, err := p.ReadAt(buf, 1<<62); return err }, "EOF", io.EOF},
		{"ReadAt, over the end", func() error { _, err := p.ReadAt(buf, p.Size()-1); return err }, "EOF", io.EOF},
		{"WriteAt, negative", func() error { _, err := p.WriteAt(buf, -1); return err }, "offset -1 is negative", unix.EINVAL},
		{"WriteAt, over the end", func() error { _, err := p.WriteAt(buf, p.Size()-1); return err }, fmt.Sprintf("the blocks end at %d", p.Size()), unix.ENOSPC},
		{"WriteAt, far behind the end", func() error { _, err := p.WriteAt(buf, 1<<62); return err }, "the blocks end at", unix.ENOSPC},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			require.ErrorContains(t, err, c.err)
			require.ErrorIs(t, err, c.is)
		})
	}
	all := make([]byte, p.Size())
	n, err := p.ReadAt(all, 0)
	require.NoError(t, err)
	require.EqualValues(t, p.Size(), n)
	require.Equal(t, make([]byte, len(all)), all)
	n, err = p.ReadAt(nil, p.Size()+1)
	require.NoError(t, err)
	require.Zero(t, n)
}

// Ensure that Create and Open refuse what cannot be, with the reason.
func TestCreateMisuse(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "pool")
	create := func(blockSize int, opts ...Option) func() error {
		return func() error { p, err := Create(path, blockSize, opts...); closeIfOpen(p); return err }
	}
	open := func(path string, opts ...Option) func() error {
		return func() error { p, err := Open(path, opts...); closeIfOpen(p); return err }
	}
	cases := []struct {
		name string
		do   func() error
		err  string
	}{
		{"no block size", create(0), "blocks of 0 bytes"},
		{"negative block size", create(-512), "blocks of -512 bytes"},
		{"large blocks", create(1 << 20), "a pool of 67108864 bytes has no room for 256 blocks of 1048576 bytes"},
		{"huge blocks", create(1<<63 - 1), "has no room for 256 blocks"},
		{"small pool", create(512, WithSize(MinPool-1)), "a pool's file has at least"},
		{"negative size", create(512, WithSize(-1)), "a pool's file has at least"},
		{"mode", create(512, WithMode(fs.ModeDir|0o700)), "only permission bits"},
		{"durability", create(512, WithDurability(DurabilityNone)), "not a durability that can be asked for"},
		{"copy on write", create(512, WithCopyOnWrite()), "WithCopyOnWrite has no meaning here"},
		{"block size twice", create(512, WithBlockSize(512)), "WithBlockSize has no meaning here"},
		{"long path", func() error { _, err := Create(strings.Repeat("x", 5000), 512); return err }, "at most 4095"},
		{"no path", func() error { _, err := Create("", 512); return err }, "path is empty"},
		{"NUL", func() error { _, err := Open("a\x00b"); return err }, "NUL byte at 1"},
		{"no such folder", func() error { _, err := Create(filepath.Join(dir, "none", "x"), 512); return err }, "no such file"},
		{"nothing to open", open(path), "no such file"},
		{"a folder", open(dir), "is a directory"},
		{"a device", open("/dev/null"), "is not a regular file"},
		{"open with size", open(path, WithSize(MinPool)), "WithSize has no meaning here"},
		{"open with mode", open(path, WithMode(0o600)), "WithMode has no meaning here"},
		{"open with shutdown state", open(path, WithShutdownState(true)), "WithShutdownState has no meaning here"},
		{"open with no block size", open(path, WithBlockSize(0)), "between 1 and"},
		{"check nothing", func() error { return Check(path) }, "no such file"},
		{"open or create without block size", func() error { _, err := OpenOrCreate(path, 0); return err }, "WithBlockSize(0)"},
		{"open or create of large blocks", func() error { _, err := OpenOrCreate(path, 1<<20); return err }, "has no room for"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorContains(t, c.do(), c.err)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left, "files are left")
		})
	}
}

func closeIfOpen(p *Pool) {
	if p != nil {
		_ = p.Close()
	}
}

func TestOpenOrCreate(t *testing.T) {
	path := filepath.Join(testpool.Dir(t), "pool")
	p, err := OpenOrCreate(path, 1000, WithSize(MinPool), WithMode(0o640))
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, MinPool, st.Size())
	require.Zero(t, st.Mode().Perm()&^0o640)
	require.NoError(t, p.WriteBlock(9, block(1000, 9, 1)))

	_, err = OpenOrCreate(path, 1000)
	require.ErrorIs(t, err, unix.EAGAIN)
	require.ErrorContains(t, err, "the pool is open in this or another process")
	_, err = Open(path)
	require.ErrorIs(t, err, unix.EAGAIN)
	require.ErrorIs(t, Check(path), unix.EAGAIN)
	_, err = Create(path, 1000)
	require.ErrorIs(t, err, fs.ErrExist)
	require.NoError(t, p.Close())

	_, err = OpenOrCreate(path, 1001)
	require.ErrorContains(t, err, "its blocks are of 1000 bytes, not 1001")
	require.ErrorIs(t, err, unix.EINVAL)
	p, err = OpenOrCreate(path, 1000)
	require.NoError(t, err)
	got := make([]byte, 1000)
	require.NoError(t, p.ReadBlock(9, got))
	require.Equal(t, block(1000, 9, 1), got)
	require.NoError(t, p.Close())
}

// Ensure that a pool is of the durability asked for, and that one opened with
// copy-on-write keeps its file as it is.
func TestDurability(t *testing.T) {
	p := newPool(t, 512)
	require.Equal(t, DurabilityProcessCrash, p.Durability())
	want := block(512, 5, 1)
	require.NoError(t, p.WriteBlock(5, want))
	require.NoError(t, p.Close())
	if interpose.Effective {
		m, err := Open(p.Path(), WithDurability(DurabilityMsync), WithPrefault())
		require.NoError(t, err)
		require.Equal(t, DurabilityMsync, m.Durability())
		require.NoError(t, m.WriteBlock(6, block(512, 6, 1)))
		require.NoError(t, m.Close())
	}
	_, err := Open(p.Path(), WithDurability(DurabilityDAX))
	require.ErrorIs(t, err, ErrNotDAX)

	private := func(opts ...Option) {
		before, err := os.ReadFile(p.Path())
		require.NoError(t, err)
		c, err := Open(p.Path(), opts...)
		require.NoError(t, err)
		require.Equal(t, DurabilityNone, c.Durability())
		require.NoError(t, c.WriteBlock(5, block(512, 5, 2)))
		got := make([]byte, 512)
		require.NoError(t, c.ReadBlock(5, got))
		require.Equal(t, block(512, 5, 2), got)
		require.NoError(t, c.Close())
		after, err := os.ReadFile(p.Path())
		require.NoError(t, err)
		require.True(t, string(before) == string(after), "the file changed")
	}
	private(WithCopyOnWrite())
	require.NoError(t, CtlSet("copy_on_write.at_open", true))
	private()
	require.NoError(t, CtlSet("copy_on_write.at_open", false))
}

// Ensure that settings are read and changed, and that no other name reaches C.
func TestCtl(t *testing.T) {
	for _, name := range []string{"prefault.at_create", "prefault.at_open", "sds.at_create", "copy_on_write.at_open"} {
		before, err := CtlGet(name)
		require.NoError(t, err)
		require.Equal(t, name == "sds.at_create", before, name)
		require.NoError(t, CtlSet(name, !before))
		after, err := CtlGet(name)
		require.NoError(t, err)
		require.Equal(t, !before, after)
		require.NoError(t, CtlSet(name, before))
		require.Error(t, CtlExec(name))
	}
	for _, name := range []string{"", "prefault", "prefault.at_open\x00", strings.Repeat("x", 1<<20)} {
		_, err := CtlGet(name)
		require.ErrorIs(t, err, unix.ENOENT)
		require.ErrorContains(t, CtlSet(name, true), "there is no node")
		require.ErrorIs(t, CtlExec(name), unix.ENOENT)
	}

	// Ensure that the options last for one pool only.
	p := newPool(t, 512, WithPrefault(), WithShutdownState(false))
	require.NoError(t, p.Close())
	for name, want := range map[string]bool{"prefault.at_create": false, "sds.at_create": true} {
		got, err := CtlGet(name)
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
}

func TestClosed(t *testing.T) {
	p := newPool(t, 512)
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
	b := make([]byte, 512)
	for name, do := range map[string]func() error{
		"read":      func() error { return p.ReadBlock(0, b) },
		"write":     func() error { return p.WriteBlock(0, b) },
		"set zero":  func() error { return p.SetZero(0) },
		"set error": func() error { return p.SetError(0) },
		"ReadAt":    func() error { _, err := p.ReadAt(b, 0); return err },
		"WriteAt":   func() error { _, err := p.WriteAt(b, 0); return err },
	} {
		err := do()
		require.ErrorIs(t, err, ErrClosed, name)
		require.ErrorContains(t, err, p.Path(), name)
	}
	require.EqualValues(t, 512, p.BlockSize(), "what is known of a closed pool stays")
}

// Ensure that Close neither runs under an operation nor lets one in after it.
func TestCloseWhileBusy(t *testing.T) {
	p := newPool(t, 4096)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			b := make([]byte, 4096)
			for {
				if err := p.WriteBlock(int64(g), b); err != nil {
					if !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
					return
				}
				runtime.Gosched()
			}
		})
	}
	busy := 0
	for {
		err := p.Close()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, ErrBusy)
		busy++
		runtime.Gosched()
	}
	wg.Wait()
	t.Logf("%d times busy", busy)
}

// Ensure that a pool which is lost is reported, and released: it can be opened
// again.
func TestLost(t *testing.T) {
	lost := filepath.Join(testpool.Dir(t), "lost")
	reports := make(chan cgoutil.Leak, 1)
	previous := cgoutil.SetLeakReporter(func(l cgoutil.Leak) { reports <- l })
	defer cgoutil.SetLeakReporter(previous)
	func() {
		p, err := Create(lost, 512, WithSize(MinPool))
		require.NoError(t, err)
		require.NoError(t, p.WriteBlock(1, block(512, 1, 1)))
	}()
	var leak cgoutil.Leak
	for leak.Kind == "" {
		runtime.GC()
		select {
		case leak = <-reports:
		default:
			runtime.Gosched()
		}
	}
	require.Equal(t, "libpmemblk pool", leak.Kind)
	require.Equal(t, lost, leak.Path)
	require.Eventually(t, func() bool {
		p, err := Open(lost)
		if errors.Is(err, unix.EAGAIN) {
			return false
		}
		require.NoError(t, err)
		require.NoError(t, p.Close())
		return true
	}, waitLong, 1e6)
}
