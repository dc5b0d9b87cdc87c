package libpmemobj_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that what was committed is there after the pool is opened again.
func TestOpen(t *testing.T) {
	p := testpool.New(t)
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		n, err := New[node](tx)
		if err != nil {
			return err
		}
		*n.Get() = node{Value: 42}
		r := root.Mut(tx)
		r.Head, r.Link, r.Count = n, OffOf(n), 7
		return nil
	}))
	for range 2 {
		p = testpool.Reopen(t, p)
		require.Equal(t, testpool.Layout, p.Layout())
		require.EqualValues(t, testpool.Size, p.Size())
		again := rootOf(t, p)
		require.Equal(t, root, again)
		r := again.Get()
		require.EqualValues(t, 7, r.Count)
		require.EqualValues(t, 42, r.Head.Get().Value)
		require.EqualValues(t, 42, r.Link.Get(p).Value)
	}
}

func TestOpenLayout(t *testing.T) {
	path := closedPool(t)
	cases := []struct {
		name, layout string
		errno        error
		text         string
	}{
		{"equal", testpool.Layout, nil, ""},
		{"any", "", nil, ""},
		{"other", "other", unix.EINVAL, `layout is "test", not "other"`},
		{"shorter", "tes", unix.EINVAL, `layout is "test", not "tes"`},
		{"longer", "test2", unix.EINVAL, `layout is "test", not "test2"`},
		{"with NUL", "test\x00", unix.EINVAL, "NUL byte at 4"},
		{"too long", strings.Repeat("x", MaxLayout+1), unix.EINVAL, "at most 1023"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			check := Check(path, c.layout)
			p, err := Open(path, c.layout)
			if c.errno == nil {
				require.NoError(t, check)
				require.NoError(t, err)
				require.Equal(t, testpool.Layout, p.Layout())
				require.NoError(t, p.Close())
				return
			}
			require.Nil(t, p)
			for _, err := range []error{err, check} {
				require.ErrorIs(t, err, c.errno)
				require.ErrorContains(t, err, c.text)
			}
		})
	}
}

// closedPool is the path of a sound pool that nobody has open.
func closedPool(t testing.TB) string {
	t.Helper()
	p := testpool.New(t, WithSize(MinPool))
	oneNode(t, p, 1)
	require.NoError(t, p.Close())
	return p.Path()
}

// Ensure that whatever is no pool is refused by Open, Check and OpenOrCreate
// with an error that names what is wrong, and stays as it is.
func TestOpenRefusesFile(t *testing.T) {
	write := func(content []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, content, 0o600)) }
	}
	sound, err := os.ReadFile(closedPool(t))
	require.NoError(t, err)
	change := func(f func(content []byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { write(f(bytes.Clone(sound)))(t, path) }
	}
	truncate := func(n int) func(t *testing.T, path string) {
		return change(func(c []byte) []byte { return c[:n] })
	}
	cases := []struct {
		name    string
		make    func(t *testing.T, path string)
		corrupt bool
		is      error
		text    string
	}{
		{"empty", write(nil), true, nil, "empty"},
		{"one byte", write([]byte("x")), true, nil, "not a pmemobj pool"},
		{"text", write(bytes.Repeat([]byte("no pool\n"), MinPool/8)), true, nil, "not a pmemobj pool: it begins with"},
		{"zeros", write(make([]byte, MinPool)), true, nil, "all zeros, as after a creation that was cut short"},
		{"truncated by a byte", truncate(MinPool - 1), true, nil, "truncated"},
		{"truncated to a page", truncate(4096), true, nil, "truncated"},
		{"truncated below a page", truncate(4095), true, nil, "truncated"},
		{"truncated to 2 MiB", truncate(2 << 20), true, nil, "truncated"},
		{"truncated to 3 MiB", truncate(3 << 20), true, nil, "truncated"},
		{"cut in half", truncate(MinPool / 2), true, nil, "truncated"},
		{"header damaged", change(func(c []byte) []byte { c[100]++; return c }), true, nil, "pool header"},
		{"descriptor damaged", change(func(c []byte) []byte { c[5128]++; return c }), true, nil, "pool descriptor"},
		{"root pointer damaged", change(func(c []byte) []byte { c[6144]++; return c }), true, nil, "root object"},
		{"lane damaged", change(func(c []byte) []byte { c[8208]++; return c }), true, nil, "lane 0 redo log"},
		{"folder", func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) }, false, unix.EISDIR, "is a directory"},
		{"named pipe", func(t *testing.T, path string) { require.NoError(t, unix.Mkfifo(path, 0o600)) }, false, unix.EINVAL, "not a regular file"},
		{"device", func(t *testing.T, path string) { require.NoError(t, os.Symlink("/dev/null", path)) }, false, unix.EINVAL, "devices"},
		{"link to itself", func(t *testing.T, path string) { require.NoError(t, os.Symlink(path, path)) }, false, unix.ELOOP, "symbolic links"},
		{"pool set without its parts", write([]byte("PMEMPOOLSET\n16M /nowhere/part\n")), false, unix.ENOENT, "part /nowhere/part"},
	}
	for _, c := range cases {
		for _, via := range []struct {
			name string
			call func(path string) error
		}{
			{"Open", func(path string) error { return closing(Open(path, "")) }},
			{"Open with layout", func(path string) error { return closing(Open(path, testpool.Layout)) }},
			{"Open copy", func(path string) error { return closing(Open(path, "", WithCopyOnWrite())) }},
			{"Open verified", func(path string) error { return closing(Open(path, "", WithVerify())) }},
			{"OpenOrCreate", func(path string) error { return closing(OpenOrCreate(path, testpool.Layout)) }},
			{"Check", func(path string) error { return Check(path, "") }},
		} {
			t.Run(c.name+"/"+via.name, func(t *testing.T) {
				path := testpool.Path(t)
				c.make(t, path)
				before, err := os.Lstat(path)
				require.NoError(t, err)

				err = via.call(path)
				require.ErrorContains(t, err, path)
				require.ErrorContains(t, err, c.text)
				var corrupt *CorruptError
				if c.corrupt {
					require.ErrorAs(t, err, &corrupt)
					require.NotEmpty(t, corrupt.Structure)
					require.NotEmpty(t, corrupt.Reason)
					require.Equal(t, path, corrupt.Path)
				} else {
					require.False(t, errorAs(err, &corrupt), "%v", err)
					require.ErrorIs(t, err, c.is)
				}
				after, err := os.Lstat(path)
				require.NoError(t, err)
				require.Equal(t, before.Size(), after.Size())
				require.Equal(t, before.ModTime(), after.ModTime())
			})
		}
	}
}

// closing closes a pool that should not have been opened.
func closing(p *Pool, err error) error {
	if p != nil {
		_ = p.Close()
	}
	return err
}

func TestOpenMissing(t *testing.T) {
	path := testpool.Path(t)
	_, err := Open(path, "l")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
	require.ErrorIs(t, Check(path, "l"), fs.ErrNotExist)

	_, err = Open(filepath.Join(path, "below"), "l")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenRefusesArguments(t *testing.T) {
	path := closedPool(t)
	cases := []struct {
		name string
		path string
		opts []Option
		is   error
		text string
	}{
		{"size", path, []Option{WithSize(MinPool)}, nil, "WithSize has no meaning here"},
		{"mode", path, []Option{WithMode(0o600)}, nil, "WithMode has no meaning here"},
		{"no path", "", nil, unix.EINVAL, "path is empty"},
		{"NUL in the path", path + "\x00", nil, unix.EINVAL, "NUL byte"},
		{"path that kills C", "/" + strings.Repeat("x", 8191), nil, unix.ENAMETOOLONG, "at most 4095"},
		{"a path of 4095 bytes", "/" + strings.Repeat("x/", 2047), nil, fs.ErrNotExist, "no such file"},
		{"not on DAX", path, []Option{WithDurability(DurabilityDAX)}, ErrNotDAX, "use DurabilityMsync"},
		{"no durability", path, []Option{WithDurability(DurabilityNone)}, unix.EINVAL, "not a durability"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Open(c.path, "", c.opts...)
			require.Nil(t, p)
			require.ErrorContains(t, err, c.text)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
}

// Ensure that a pool that may not be read or written is refused. Root may do
// everything, so a child gives up its rights first.
func TestOpenUnreadable(t *testing.T) {
	path := closedPool(t)
	if os.Getuid() == 0 {
		require.NoError(t, os.Chmod(filepath.Dir(path), 0o755))
	}
	for _, mode := range []fs.FileMode{0, 0o400, 0o444, 0o200} {
		t.Run(mode.String(), func(t *testing.T) {
			if os.Getuid() == 0 {
				mode |= mode >> 6 // the child is somebody else
			}
			require.NoError(t, os.Chmod(path, mode))
			defer func() { require.NoError(t, os.Chmod(path, 0o600)) }()
			require.Equal(t, []string{"EACCES: true", "names the path: true"}, testchild.Start(t, "open as nobody", path).Output(t))
		})
	}
}

func init() {
	testchild.Register("open as nobody", func(args []string) error {
		if os.Getuid() == 0 {
			if err := syscall.Setuid(65534); err != nil {
				return err
			}
		}
		err := closing(Open(args[0], ""))
		fmt.Println("EACCES:", isErr(err, fs.ErrPermission))
		fmt.Println("names the path:", strings.Contains(fmt.Sprint(err), args[0]))
		return nil
	})
}

// Ensure that a pool is open once at a time, whoever tries again.
func TestOpenLocked(t *testing.T) {
	refused := func(t *testing.T, path string) {
		t.Helper()
		for _, err := range []error{
			closing(Open(path, "")),
			closing(Open(path, "", WithCopyOnWrite())),
			closing(OpenOrCreate(path, "")),
			Check(path, ""),
		} {
			require.ErrorIs(t, err, unix.EAGAIN)
			require.ErrorContains(t, err, "locked")
			require.ErrorContains(t, err, path)
		}
	}
	t.Run("by this process", func(t *testing.T) {
		p := testpool.New(t)
		refused(t, p.Path())
		require.NoError(t, p.Close())
		require.NoError(t, closing(Open(p.Path(), "")))
	})
	t.Run("by this process, copy on write", func(t *testing.T) {
		path := closedPool(t)
		p := testpool.Open(t, path, WithCopyOnWrite())
		refused(t, path)
		require.NoError(t, p.Close())
		require.NoError(t, closing(Open(path, "")))
	})
	t.Run("by another process", func(t *testing.T) {
		path := closedPool(t)
		c := testchild.Start(t, "hold", path)
		require.Equal(t, "open", c.Line(t))
		refused(t, path)
		c.Kill(t)
		require.NoError(t, closing(Open(path, "")))
	})
}

func init() {
	testchild.Register("hold", func(args []string) error {
		if _, err := Open(args[0], "", WithDurability(DurabilityProcessCrash)); err != nil {
			return err
		}
		fmt.Println("open")
		testchild.Wait()
		return nil
	})
}

// Ensure that a copy of an open pool is refused, since its objects would have
// the same OIDs, and can be opened afterwards.
func TestOpenCopy(t *testing.T) {
	p := testpool.New(t)
	oneNode(t, p, 1)
	content, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	other := testpool.Path(t)
	require.NoError(t, os.WriteFile(other, content, 0o600))

	_, err = Open(other, "")
	require.ErrorIs(t, err, unix.EEXIST)
	require.ErrorContains(t, err, other)
	require.Contains(t, strings.ToLower(err.Error()), "uuid")

	uuid := p.UUID()
	require.NoError(t, p.Close())
	copied := testpool.Open(t, other)
	require.Equal(t, uuid, copied.UUID())
	require.Len(t, objectsIn(copied), 1)
}

// Ensure that a copy-on-write pool behaves like any and its file never
// changes.
func TestWithCopyOnWrite(t *testing.T) {
	path := closedPool(t)
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	p := testpool.Open(t, path, WithCopyOnWrite())
	require.Equal(t, DurabilityNone, p.Durability())
	root := rootOf(t, p)
	require.NoError(t, p.Update(func(tx *Tx) error {
		root.Mut(tx).Count = 99
		_, _, err := NewBytes(tx, 1000, 1)
		return err
	}))
	require.NoError(t, p.Publish(func(a *Actions) error {
		n, v, err := Reserve[node](a)
		*v = node{Value: 3}
		StorePtr(a, &root.Get().Head, n)
		return err
	}))
	oneObject(t, p, 100, 1)
	require.EqualValues(t, 99, root.Get().Count)
	require.EqualValues(t, 3, root.Get().Head.Get().Value)
	require.Len(t, objectsIn(p), 4)
	require.NoError(t, p.Close())

	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the file changed")
	require.Len(t, objectsIn(testpool.Open(t, path)), 1)
}

// Ensure that copy-on-write is a matter of one Open: the next one writes.
func TestWithCopyOnWriteDoesNotStick(t *testing.T) {
	path := closedPool(t)
	require.NoError(t, testpool.Open(t, path, WithCopyOnWrite()).Close())
	p := testpool.Open(t, path)
	oneNode(t, p, 2)
	p = testpool.Reopen(t, p)
	require.Len(t, objectsIn(p), 2)
}

func TestOpenOrCreate(t *testing.T) {
	path := testpool.Path(t)
	opts := []Option{WithSize(MinPool), WithMode(0o640), WithDurability(DurabilityProcessCrash)}
	var uuid uint64
	for i := range 3 {
		p, err := OpenOrCreate(path, "l", opts...)
		require.NoError(t, err)
		require.EqualValues(t, MinPool, p.Size())
		if i == 0 {
			uuid = p.UUID()
		}
		require.Equal(t, uuid, p.UUID(), "another pool")
		require.NoError(t, p.Close())
	}
	_, err := OpenOrCreate(path, "other", opts...)
	require.ErrorContains(t, err, `layout is "l", not "other"`)
	_, err = OpenOrCreate(path, "l", WithCopyOnWrite())
	require.ErrorContains(t, err, "WithCopyOnWrite has no meaning here")
	testpool.Check(t, path)
}

// Ensure that holes in a pool's file are filled when it is opened: a store
// into one could find the disk full, which is fatal.
func TestOpenFillsHoles(t *testing.T) {
	path := closedPool(t)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, MinPool/2, MinPool/2)
	require.NoError(t, f.Close())
	if err != nil {
		t.Skip("the file system knows no holes:", err)
	}
	blocks := func() int64 {
		st, err := os.Stat(path)
		require.NoError(t, err)
		return st.Sys().(*unixStat).Blocks * 512
	}
	require.Less(t, blocks(), int64(MinPool))
	require.NoError(t, closing(Open(path, "")))
	require.GreaterOrEqual(t, blocks(), int64(MinPool))
}

// Ensure that WithVerify and Check find damage inside the heap, which Open by
// itself does not look for, and that they accept a sound pool.
func TestWithVerify(t *testing.T) {
	p := testpool.New(t, WithSize(MinPool))
	n := oneNode(t, p, 1)
	require.NoError(t, p.Close())
	require.NoError(t, Check(p.Path(), testpool.Layout))
	require.NoError(t, closing(Open(p.Path(), "", WithVerify())))

	damaged := testpool.Path(t)
	content, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	clear(content[n.OID().Off-16 : n.OID().Off-8]) // the object's size
	require.NoError(t, os.WriteFile(damaged, content, 0o600))
	var corrupt *CorruptError
	require.ErrorAs(t, closing(Open(damaged, "", WithVerify())), &corrupt)
	require.InDelta(t, n.OID().Off, corrupt.Offset, 16)
	require.ErrorContains(t, corrupt, "object")
	require.ErrorAs(t, Check(damaged, ""), &corrupt)
}
