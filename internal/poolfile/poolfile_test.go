package poolfile

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/interpose"
)

// Ensure that a file appears under its name when it is published, not before,
// and that a name that is taken stays as it is.
func TestNew(t *testing.T) {
	for kind, create := range map[string]func(path string) (*New, error){
		"unnamed": func(path string) (*New, error) { return newUnnamed(filepath.Dir(path), 0o640) },
		"named":   func(path string) (*New, error) { return newNamed(path, 0o640) },
		"any":     func(path string) (*New, error) { return Create(path, 0o640) },
	} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			f, err := create(path)
			if kind == "unnamed" && err != nil {
				t.Skip("the file system knows no unnamed files:", err)
			}
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(f.Reachable(), []byte("content"), 0))
			assert.NoFileExists(t, path)
			require.NoError(t, f.Publish(path))
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "content", string(b))
			st, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, fs.FileMode(0o640), st.Mode())
			require.NoError(t, f.Close())

			second, err := create(path)
			if err == nil {
				assert.ErrorIs(t, second.Publish(path), fs.ErrExist)
				second.Discard()
			} else {
				assert.ErrorIs(t, err, fs.ErrExist)
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, left, 1)
		})
	}
}

func TestDiscard(t *testing.T) {
	dir := t.TempDir()
	for _, create := range []func() (*New, error){
		func() (*New, error) { return Create(filepath.Join(dir, "file"), 0o600) },
		func() (*New, error) { return newNamed(filepath.Join(dir, "file"), 0o600) },
	} {
		f, err := create()
		require.NoError(t, err)
		f.Discard()
		assert.ErrorIs(t, f.Close(), os.ErrClosed)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, left)
	}
	_, err := Create(filepath.Join(dir, "no", "file"), 0o600)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func blocks(t *testing.T, f *os.File) (allocated, size int64) {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(f.Fd()), &st))
	return st.Blocks * 512, st.Size
}

func TestAllocate(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	const size = 100<<20 + 4096 // several steps
	require.NoError(t, Allocate(f, size))
	allocated, got := blocks(t, f)
	assert.EqualValues(t, size, got)
	assert.GreaterOrEqual(t, allocated, got)

	require.NoError(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 1<<20, 1<<20))
	_, err = f.WriteAt([]byte("kept"), 4<<20)
	require.NoError(t, err)
	require.NoError(t, FillHoles(f))
	allocated, got = blocks(t, f)
	assert.EqualValues(t, size, got)
	assert.GreaterOrEqual(t, allocated, got)
	b := make([]byte, 4)
	_, err = f.ReadAt(b, 4<<20)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(b))

	assert.ErrorIs(t, Allocate(f, 1<<60), unix.ENOSPC)
	_, got = blocks(t, f)
	assert.EqualValues(t, size, got, "a failure before anything is done leaves the file alone")
}

func TestWriteZeros(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, writeZeros(f, 4096, 3<<20+1))
	_, size := blocks(t, f)
	assert.EqualValues(t, 3<<20+1, size)
}

func TestSettle(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Truncate(4096))
	if onDAX(f) {
		t.Skip("the folder for temporary files is on a DAX file system")
	}
	_, err = Settle(cgoutil.DurabilityDAX, f)
	require.ErrorIs(t, err, ErrNotDAX)
	require.ErrorContains(t, err, "use DurabilityMsync")
	for _, force := range []string{"0", "1"} {
		t.Setenv(forceVariable, force)
		for asked, want := range map[cgoutil.Durability]cgoutil.Durability{
			cgoutil.DurabilityAuto:         map[string]cgoutil.Durability{"0": cgoutil.DurabilityMsync, "1": cgoutil.DurabilityProcessCrash}[force],
			cgoutil.DurabilityMsync:        cgoutil.DurabilityMsync,
			cgoutil.DurabilityProcessCrash: cgoutil.DurabilityProcessCrash,
		} {
			got, err := Settle(asked, f)
			if !interpose.Effective && (asked == cgoutil.DurabilityMsync) == (force == "1") && asked != cgoutil.DurabilityAuto {
				assert.ErrorIs(t, err, unix.ENOTSUP, "%v, %s=%s", asked, forceVariable, force)
				assert.ErrorContains(t, err, "pmdk_dynamic")
				continue
			}
			assert.NoError(t, err)
			assert.Equal(t, want, got, "%v, %s=%s", asked, forceVariable, force)
		}
	}
	assert.NotEqual(t, IsPmem(cgoutil.DurabilityMsync), IsPmem(cgoutil.DurabilityProcessCrash))
	assert.Equal(t, IsPmem(cgoutil.DurabilityAuto), IsPmem(cgoutil.DurabilityDAX), "libpmem decides both")
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	_, err := Open("open", filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "open "+dir)
	_, err = Open("open", dir)
	assert.ErrorIs(t, err, unix.EISDIR)
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	_, err = Open("open", fifo)
	assert.ErrorIs(t, err, unix.EINVAL)
	assert.ErrorContains(t, err, "not a regular file")

	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f, err := Open("open", path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, NotInUse(f))
	other, err := os.Open(path)
	require.NoError(t, err)
	defer other.Close()
	require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_EX))
	assert.ErrorIs(t, NotInUse(f), unix.EAGAIN)
	require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_UN))
	assert.NoError(t, NotInUse(f))
	Enter()
	assert.NoError(t, NotInUseInside(f))
	Leave()
}

// Ensure that the look at a pool's lock waits for C.
func TestNotInUseEnters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	for range 100 {
		f, err := os.Open(path)
		require.NoError(t, err)
		other, err := os.Open(path)
		require.NoError(t, err)
		Enter()
		require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_EX))
		found := make(chan error)
		go func() { found <- NotInUse(f) }()
		runtime.Gosched()
		require.NoError(t, unix.Flock(int(other.Fd()), unix.LOCK_UN))
		Leave()
		require.NoError(t, <-found)
		require.NoError(t, f.Close())
		require.NoError(t, other.Close())
	}
}

func TestEnterExcludes(t *testing.T) {
	Enter()
	entered := make(chan struct{})
	go func() {
		Enter()
		close(entered)
		Leave()
	}()
	select {
	case <-entered:
		t.Error("two were inside")
	default:
	}
	Leave()
	<-entered
}
