package libpmemlog_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

var le = binary.LittleEndian

// fixSum makes the header's checksum right again.
func fixSum(b []byte) { le.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:4096])) }

// Ensure that files which would crash C, or lead it astray, are refused by
// Open and Check, with what is wrong and where, and stay as they are.
func TestCorrupt(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "content")
	require.NoError(t, l.Close())
	good, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	for _, test := range []struct {
		name      string
		structure string
		off       int64
		reason    string
		damage    func(b []byte) []byte
	}{
		{"empty", "file", 0, "it is empty", func(b []byte) []byte { return nil }},
		{"7 bytes", "file", 7, "truncated", func(b []byte) []byte { return b[:7] }},
		{"3 bytes of text", "pool header", 0, "not a pmemlog pool: it begins with \"abc\"", func(b []byte) []byte { return []byte("abc") }},
		{"4095 bytes", "file", 4095, "truncated", func(b []byte) []byte { return b[:4095] }},
		{"4096 bytes", "file", 4096, "truncated", func(b []byte) []byte { return b[:4096] }},
		{"8192 bytes", "file", 8192, "truncated", func(b []byte) []byte { return b[:8192] }},
		{"one byte short", "file", MinPool - 1, "truncated", func(b []byte) []byte { return b[:MinPool-1] }},
		{"longer", "log header", 4104, "the content ends at 0x200000, but the file at 0x201000", func(b []byte) []byte { return append(b, make([]byte, 4096)...) }},
		{"zeros", "pool header", 0, "all zeros, as after a creation that was cut short", func(b []byte) []byte { return make([]byte, MinPool) }},
		{"another library's", "pool header", 0, "a pmemblk pool", func(b []byte) []byte { copy(b, "PMEMBLK\x00"); fixSum(b); return b }},
		{"text", "pool header", 0, `it begins with "hello wo"`, func(b []byte) []byte { copy(b, "hello world"); return b }},
		{"checksum", "pool header", 4088, "checksum is", func(b []byte) []byte { b[100]++; return b }},
		{"version", "pool header", 8, "format version 2, only 1 is known", func(b []byte) []byte { b[8] = 2; fixSum(b); return b }},
		{"features", "pool header", 16, "incompatible features 0x80000000", func(b []byte) []byte { b[19] |= 0x80; fixSum(b); return b }},
		{"a part", "pool header", 56, "one part of a pool set", func(b []byte) []byte { b[56]++; fixSum(b); return b }},
		{"start", "log header", 4096, "the content starts at 0x2008, should start at 0x2000", func(b []byte) []byte { b[4096] = 8; return b }},
		{"end", "log header", 4104, "the content ends at", func(b []byte) []byte { b[4106]++; return b }},
		{"write before", "log header", 4112, "the next byte goes to 0x7", func(b []byte) []byte { le.PutUint64(b[4112:], 7); return b }},
		{"write behind", "log header", 4112, "outside of [0x2000, 0x200000]", func(b []byte) []byte { le.PutUint64(b[4112:], MinPool+1); return b }},
		{"write far behind", "log header", 4112, "pmempool check -r", func(b []byte) []byte { le.PutUint64(b[4112:], 1<<63); return b }},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := logPath(t)
			bad := test.damage(bytes.Clone(good))
			require.NoError(t, os.WriteFile(path, bad, 0o600))
			_, err := Open(path)
			for _, err := range []error{err, Check(path)} {
				var c *CorruptError
				require.ErrorAs(t, err, &c)
				assert.Equal(t, path, c.Path)
				assert.Equal(t, test.structure, c.Structure)
				assert.Equal(t, test.off, c.Offset)
				assert.Contains(t, c.Reason, test.reason)
				assert.ErrorContains(t, err, path+": "+test.structure+" at offset")
			}
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(bad, after), "the file was changed")
		})
	}
}

// Ensure that what is no file is refused without waiting for it.
func TestOpenNoFile(t *testing.T) {
	dir := testpool.Dir(t)
	_, err := Open(filepath.Join(dir, "none"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(dir)
	assert.ErrorIs(t, err, unix.EISDIR)
	fifo := filepath.Join(dir, "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	_, err = Open(fifo)
	assert.ErrorContains(t, err, "not a regular file")
	assert.ErrorContains(t, Check("/dev/zero"), "not a regular file")
}

// Ensure that a log whose file lost its blocks gets them back before anything
// is stored into a hole.
func TestOpenFillsHoles(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "kept")
	require.NoError(t, l.Close())
	f, err := os.OpenFile(l.Path(), os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 1<<20, 1<<19))
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(int(f.Fd()), &st))
	require.Less(t, st.Blocks*512, st.Size)
	again := reopen(t, l)
	require.NoError(t, unix.Fstat(int(f.Fd()), &st))
	assert.GreaterOrEqual(t, st.Blocks*512, st.Size)
	assert.Equal(t, "kept", contents(t, again))
	require.NoError(t, again.Close())
}

// Ensure that a log with features that allow reading only is read, and that
// nothing claims to have changed it.
func TestReadOnlyFeatures(t *testing.T) {
	path := logPath(t)
	l, err := Create(path, WithSize(MinPool), WithDurability(processCrash))
	require.NoError(t, err)
	appendString(t, l, "kept")
	require.NoError(t, l.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	b[20] = 0x40
	fixSum(b)
	require.NoError(t, os.WriteFile(path, b, 0o600))
	l, err = Open(path, WithDurability(processCrash))
	require.NoError(t, err)
	defer l.Close()
	for name, err := range map[string]error{
		"append":      l.Append([]byte("x")),
		"append much": l.Append(make([]byte, 100_000)),
		"appendv":     l.Appendv([][]byte{[]byte("x")}),
		"rewind":      l.Rewind(),
	} {
		assert.ErrorIs(t, err, ErrReadOnly, name)
		assert.ErrorIs(t, err, unix.EROFS, name)
	}
	assert.Equal(t, "kept", contents(t, l))
}

// Ensure that logs are exchanged with PMDK's own tool.
func TestPmempool(t *testing.T) {
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool is not installed:", err)
	}
	path := logPath(t)
	out, err := exec.Command(pmempool, "create", "-s", "4M", "log", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	l, err := Open(path, WithDurability(processCrash))
	require.NoError(t, err)
	appendString(t, l, "from Go")
	require.NoError(t, l.Close())
	out, err = exec.Command(pmempool, "dump", "-b", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "from Go", string(out))
	out, err = exec.Command(pmempool, "info", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, strings.Join(strings.Fields(string(out)), " "), "Write offset : 0x2007")
}
