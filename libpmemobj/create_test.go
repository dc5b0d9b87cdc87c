package libpmemobj_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

func TestCreate(t *testing.T) {
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	cases := []struct {
		name   string
		layout string
		opts   []Option
		size   int64
		mode   fs.FileMode
	}{
		{"defaults", "layout", nil, DefaultPool, 0o600},
		{"smallest", "layout", []Option{WithSize(MinPool)}, MinPool, 0o600},
		{"odd size", "layout", []Option{WithSize(MinPool + 12345)}, MinPool + 12345, 0o600},
		{"mode", "layout", []Option{WithSize(MinPool), WithMode(0o666)}, MinPool, 0o644},
		{"no layout", "", []Option{WithSize(MinPool)}, MinPool, 0o600},
		{"longest layout", strings.Repeat("x", MaxLayout), []Option{WithSize(MinPool)}, MinPool, 0o600},
		{"layout in UTF-8", "Größe", []Option{WithSize(MinPool)}, MinPool, 0o600},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := testpool.Path(t)
			p, err := Create(path, c.layout, append(c.opts, WithDurability(DurabilityProcessCrash))...)
			require.NoError(t, err)
			defer p.Close()
			require.Equal(t, path, p.Path())
			require.Equal(t, c.layout, p.Layout())
			require.Equal(t, c.size, p.Size())
			require.NotZero(t, p.UUID())

			st, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, c.size, st.Size())
			require.Equal(t, c.mode, st.Mode())
			require.GreaterOrEqual(t, st.Sys().(*unixStat).Blocks*512, c.size, "the file has holes")

			require.NoError(t, p.Close())
			testpool.Check(t, path)
			p, err = Open(path, c.layout)
			require.NoError(t, err)
			require.Equal(t, c.layout, p.Layout())
			require.Equal(t, c.size, p.Size())
			require.NoError(t, p.Close())
		})
	}
}

// Ensure that Create names every bad argument and leaves no file.
func TestCreateRefuses(t *testing.T) {
	long := strings.Repeat("x", MaxLayout+1)
	cases := []struct {
		name   string
		path   string // in the test's folder
		layout string
		opts   []Option
		is     error
		text   string
	}{
		{"too small", "pool", "l", []Option{WithSize(MinPool - 1)}, unix.EINVAL, "at least 8388608 bytes"},
		{"size 0", "pool", "l", []Option{WithSize(0)}, unix.EINVAL, "WithSize(0)"},
		{"negative size", "pool", "l", []Option{WithSize(-1)}, unix.EINVAL, "WithSize(-1)"},
		{"mode", "pool", "l", []Option{WithMode(fs.ModeSetuid | 0o600)}, unix.EINVAL, "only permission bits"},
		{"durability", "pool", "l", []Option{WithDurability(DurabilityNone)}, unix.EINVAL, "not a durability that can be asked for"},
		{"unknown durability", "pool", "l", []Option{WithDurability(99)}, unix.EINVAL, "WithDurability(99)"},
		{"copy on write", "pool", "l", []Option{WithCopyOnWrite()}, nil, "WithCopyOnWrite has no meaning here"},
		{"verify", "pool", "l", []Option{WithVerify()}, nil, "WithVerify has no meaning here"},
		{"layout too long", "pool", long, nil, unix.EINVAL, "at most 1023"},
		{"layout with NUL", "pool", "a\x00b", nil, unix.EINVAL, "NUL byte at 1"},
		{"no path", "", "l", nil, unix.EINVAL, "path is empty"},
		{"path with NUL", "a\x00b", "l", nil, unix.EINVAL, "NUL byte"},
		{"path that kills C", strings.Repeat("x/", 4096), "l", nil, unix.ENAMETOOLONG, "at most 4095"},
		{"no folder", "missing/pool", "l", nil, fs.ErrNotExist, "no such file or directory"},
		{"name too long", strings.Repeat("x", 300), "l", nil, unix.ENAMETOOLONG, "file name too long"},
		{"not on DAX", "pool", "l", []Option{WithDurability(DurabilityDAX)}, ErrNotDAX, "not on a DAX file system"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := testpool.Dir(t)
			path := c.path
			if path != "" {
				path = filepath.Join(dir, path)
			}
			p, err := Create(path, c.layout, c.opts...)
			require.Nil(t, p)
			require.ErrorContains(t, err, c.text)
			require.ErrorContains(t, err, "create")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// Ensure that Create never touches what exists, be it a pool, a file, a
// folder or a link that leads nowhere.
func TestCreateExists(t *testing.T) {
	cases := []struct {
		name string
		make func(path string) error
	}{
		{"file", func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) }},
		{"folder", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"dead link", func(path string) error { return os.Symlink("nowhere", path) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := testpool.Path(t)
			require.NoError(t, c.make(path))
			before, err := os.Lstat(path)
			require.NoError(t, err)
			_, err = Create(path, "l")
			require.ErrorIs(t, err, fs.ErrExist)
			require.ErrorContains(t, err, path)
			after, err := os.Lstat(path)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after))
			require.Equal(t, before.Size(), after.Size())
		})
	}
}

// Ensure that of many that create one pool at the same time, one wins and the
// others see a pool that exists, complete or locked.
func TestCreateRace(t *testing.T) {
	path := testpool.Path(t)
	const n = 8
	won := make(chan *Pool, n)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			p, err := Create(path, "l", WithSize(MinPool), WithDurability(DurabilityProcessCrash))
			if err == nil {
				won <- p
				return
			}
			if !isExist(err) {
				t.Errorf("the loser's error: %v", err)
			}
		})
	}
	wg.Wait()
	require.Len(t, won, 1)
	require.NoError(t, (<-won).Close())
	testpool.Check(t, path)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, fmt.Sprint(left))
}

// Ensure that a file system without unnamed files, and one without room, are
// served well: both in a child with a small file system of its own.
func TestCreateOnSmallDisk(t *testing.T) {
	c := startInMount(t, "small disk", fmt.Sprintf("size=%d", 2*MinPool))
	require.Equal(t, []string{"create: true 0", "again: true 0", "after: ok"}, c.Output(t))
}

func init() {
	// With one argument, the folder to mount a small file system on.
	testchild.Register("small disk", func(args []string) error {
		if err := unix.Mount("tmpfs", args[0], "tmpfs", 0, args[1]); err != nil {
			return err
		}
		try := func(what string, size int64) {
			_, err := Create(args[0]+"/pool", "l", WithSize(size))
			left, _ := os.ReadDir(args[0])
			fmt.Printf("%s: %v %d\n", what, isNoSpace(err) && strings.Contains(err.Error(), "no space left"), len(left))
		}
		try("create", 4*MinPool)
		try("again", 1<<40)
		p, err := Create(args[0]+"/pool", "l", WithSize(MinPool))
		if err != nil {
			return err
		}
		if err := p.Close(); err != nil {
			return err
		}
		fmt.Println("after: ok")
		return nil
	})
}
