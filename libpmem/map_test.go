package libpmem_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

func TestMapExistingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("what was there"), 0o600))
	m, err := libpmem.Map(path)
	require.NoError(t, err)
	defer m.Close()

	assert.Equal(t, 14, m.Len())
	assert.Equal(t, path, m.Path())
	assert.Equal(t, "what was there", string(m.Bytes()))
	assert.Equal(t, 14, cap(m.Bytes()), "append must not reach past the mapping")
	assert.Equal(t, forced(), m.IsPmem())
}

func TestMapCreates(t *testing.T) {
	umask := unix.Umask(0o022)
	defer unix.Umask(umask)
	path := filepath.Join(t.TempDir(), "file")
	m, err := libpmem.Map(path, libpmem.Create(3<<20, 0o664))
	require.NoError(t, err)
	require.NoError(t, m.Close())

	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	assert.EqualValues(t, 3<<20, st.Size)
	assert.EqualValues(t, 0o644, st.Mode&0o7777, "mode less the umask")
	assert.GreaterOrEqual(t, st.Blocks*512, int64(3<<20), "all blocks are allocated")
}

// Ensure that Create gives an existing file the length, and keeps the data
// that fit.
func TestMapCreateOnExistingFile(t *testing.T) {
	for _, tt := range []struct {
		length int64
		want   string
	}{
		{14, "what was there"}, {4, "what"}, {16, "what was there\x00\x00"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte("what was there"), 0o640))
		m, err := libpmem.Map(path, libpmem.Create(tt.length, 0o600))
		require.NoError(t, err)
		assert.Equal(t, tt.want, string(m.Bytes()))
		require.NoError(t, m.Close())
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, tt.length, info.Size())
		assert.Equal(t, fs.FileMode(0o640), info.Mode(), "the mode is for new files")
	}
}

func TestMapExcl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	m, err := libpmem.Map(path, libpmem.Create(4096, 0o600), libpmem.Excl())
	require.NoError(t, err)
	require.NoError(t, m.Close())

	_, err = libpmem.Map(path, libpmem.Create(8192, 0o600), libpmem.Excl())
	requireErrno(t, err, unix.EEXIST, path)
	assert.ErrorIs(t, err, fs.ErrExist)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, 4096, info.Size(), "the file that was there is untouched")
}

func TestMapSparse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	m, err := libpmem.Map(path, libpmem.Create(64<<20, 0o600), libpmem.Sparse())
	require.NoError(t, err)
	defer m.Close()
	assert.Equal(t, 64<<20, m.Len())
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	assert.Less(t, st.Blocks*512, int64(1<<20), "no blocks are allocated yet")
}

func TestMapTmpFile(t *testing.T) {
	for name, opts := range map[string][]libpmem.MapOption{
		"plain":  nil,
		"excl":   {libpmem.Excl()},
		"sparse": {libpmem.Sparse()},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			m, err := libpmem.Map(dir, append(opts, libpmem.TmpFile(8192))...)
			require.NoError(t, err)
			defer m.Close()
			assert.Equal(t, 8192, m.Len())
			_, err = m.WriteAt([]byte("x"), 8191)
			require.NoError(t, err)
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, entries, "the file has no name")
		})
	}
}

// Ensure that each rule of pmem_map_file(3) is checked, says what is wrong,
// and leaves the file system as it was.
func TestMapRules(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(in("file"), []byte("data"), 0o600))
	require.NoError(t, os.WriteFile(in("empty"), nil, 0o600))
	require.NoError(t, os.Mkdir(in("folder"), 0o700))
	require.NoError(t, unix.Mkfifo(in("fifo"), 0o600))
	require.NoError(t, os.Symlink(in("nowhere"), in("dangling")))
	create := libpmem.Create(4096, 0o600)
	long := in(strings.Repeat("x", 5000))

	tests := []struct {
		name  string
		path  string
		opts  []libpmem.MapOption
		errno unix.Errno
		words string
	}{
		{"missing file", in("nowhere"), nil, unix.ENOENT, "no such file"},
		{"missing folder", in("no/file"), []libpmem.MapOption{create}, unix.ENOENT, "no such file"},
		{"dangling link", in("dangling"), nil, unix.ENOENT, "no such file"},
		{"below a file", in("file/file"), []libpmem.MapOption{create}, unix.ENOTDIR, "not a directory"},
		{"empty path", "", nil, unix.EINVAL, "path is empty"},
		{"NUL in path", in("a\x00b"), nil, unix.EINVAL, "NUL"},
		{"path too long", long, nil, unix.ENAMETOOLONG, "at most 4095"},
		{"empty file", in("empty"), nil, unix.EINVAL, "file is empty"},
		{"folder", in("folder"), nil, unix.EISDIR, "is a directory"},
		{"create over a folder", in("folder"), []libpmem.MapOption{create}, unix.EISDIR, "is a directory"},
		{"fifo", in("fifo"), nil, unix.EINVAL, "neither a regular file nor Device DAX"},
		{"character device", "/dev/null", nil, unix.EINVAL, "not Device DAX"},
		{"create over a character device", "/dev/zero", []libpmem.MapOption{create}, unix.EINVAL, "not Device DAX"},
		{"length 0", in("new"), []libpmem.MapOption{libpmem.Create(0, 0o600)}, unix.EINVAL, "Create's length is 0"},
		{"negative length", in("new"), []libpmem.MapOption{libpmem.Create(-1, 0o600)}, unix.EINVAL, "length is -1"},
		{"mode beyond permissions", in("new"), []libpmem.MapOption{libpmem.Create(1, 0o600|fs.ModeSetuid)}, unix.EINVAL, "permissions"},
		{"excl alone", in("file"), []libpmem.MapOption{libpmem.Excl()}, unix.EINVAL, "Excl needs Create"},
		{"sparse alone", in("file"), []libpmem.MapOption{libpmem.Sparse()}, unix.EINVAL, "Sparse needs Create"},
		{"two lengths", in("new"), []libpmem.MapOption{create, create}, unix.EINVAL, "Create after Create"},
		{"create and temporary", in("folder"), []libpmem.MapOption{create, libpmem.TmpFile(1)}, unix.EINVAL, "TmpFile after Create"},
		{"temporary of length 0", in("folder"), []libpmem.MapOption{libpmem.TmpFile(0)}, unix.EINVAL, "TmpFile's length is 0"},
		{"temporary in a file", in("file"), []libpmem.MapOption{libpmem.TmpFile(1)}, unix.ENOTDIR, "TmpFile needs a folder"},
		{"temporary nowhere", in("nowhere"), []libpmem.MapOption{libpmem.TmpFile(1)}, unix.ENOENT, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := snapshot(t, dir)
			m, err := libpmem.Map(tt.path, tt.opts...)
			assert.Nil(t, m)
			requireErrno(t, err, tt.errno, "map", tt.words)
			assert.Equal(t, before, snapshot(t, dir))
		})
	}
}

// snapshot is the names and sizes of what is in dir.
func snapshot(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	sizes := map[string]int64{}
	for _, e := range entries {
		info, err := os.Lstat(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		sizes[e.Name()] = info.Size()
	}
	return sizes
}

// Ensure that a file larger than the disk is an error that leaves nothing
// behind: C sets the size before it allocates.
func TestMapFullDisk(t *testing.T) {
	for _, length := range []int64{1 << 50, 1 << 62} {
		for name, opts := range map[string][]libpmem.MapOption{"plain": nil, "excl": {libpmem.Excl()}} {
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				_, err := libpmem.Map(filepath.Join(dir, "new"), append(opts, libpmem.Create(length, 0o600))...)
				requireTooLarge(t, err)
				assert.Empty(t, snapshot(t, dir))
			})
		}
	}

	// Ensure that a file which was there keeps its size and its data.
	path := filepath.Join(t.TempDir(), "old")
	require.NoError(t, os.WriteFile(path, []byte("data"), 0o600))
	_, err := libpmem.Map(path, libpmem.Create(1<<50, 0o600))
	requireTooLarge(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "data", string(data))
}

// Ensure the same on a file system that is really full, not only too small.
func TestMapFullTmpfs(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system can't be mounted here: %v", err)
	}
	defer func() { assert.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) }()

	full, err := libpmem.Map(filepath.Join(dir, "first"), libpmem.Create(900<<10, 0o600))
	require.NoError(t, err)
	defer full.Close()
	_, err = libpmem.Map(filepath.Join(dir, "second"), libpmem.Create(200<<10, 0o600))
	requireErrno(t, err, unix.ENOSPC, "second")
	_, err = libpmem.Map(dir, libpmem.TmpFile(200<<10))
	requireErrno(t, err, unix.ENOSPC, dir)
	assert.Equal(t, map[string]int64{"first": 900 << 10}, snapshot(t, dir))

	// Ensure that what is mapped stays usable.
	_, err = full.WriteAt([]byte("end"), 900<<10-3)
	assert.NoError(t, err)
}

func requireTooLarge(t *testing.T, err error) {
	t.Helper()
	var e *libpmem.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, []unix.Errno{unix.ENOSPC, unix.EFBIG}, e.Errno, "%v", err)
	require.NotEmpty(t, e.Msg)
}

// Ensure that a dangling link is created through, as open(2) does it.
func TestMapCreateThroughLink(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	require.NoError(t, os.Symlink(target, link))
	m, err := libpmem.Map(link, libpmem.Create(4096, 0o600))
	require.NoError(t, err)
	require.NoError(t, m.Close())
	info, err := os.Stat(target)
	require.NoError(t, err)
	assert.EqualValues(t, 4096, info.Size())
}

func TestMapUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may open any file")
	}
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("data"), 0o400))
	_, err := libpmem.Map(path)
	requireErrno(t, err, unix.EACCES, path)
}

// Ensure that one file may be mapped twice and both see the same bytes.
func TestMapTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	first, err := libpmem.Map(path, libpmem.Create(4096, 0o600))
	require.NoError(t, err)
	defer first.Close()
	second, err := libpmem.Map(path)
	require.NoError(t, err)
	defer second.Close()
	_, err = first.WriteAt([]byte("shared"), 100)
	require.NoError(t, err)
	assert.Equal(t, "shared", string(second.Bytes()[100:106]))
}
