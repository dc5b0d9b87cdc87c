package libpmemlog_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

func TestCreate(t *testing.T) {
	l := createLog(t)
	assert.EqualValues(t, MinPool-8192, l.Cap())
	assert.Equal(t, processCrash, l.Durability())
	assert.Empty(t, contents(t, l))
	st, err := os.Stat(l.Path())
	require.NoError(t, err)
	assert.EqualValues(t, MinPool, st.Size())
	assert.Equal(t, fs.FileMode(0o600), st.Mode())
	assert.GreaterOrEqual(t, st.Sys().(*syscall.Stat_t).Blocks*512, st.Size(), "the file has holes")

	_, err = Create(l.Path())
	assert.ErrorIs(t, err, fs.ErrExist)
	_, err = Open(l.Path())
	assert.ErrorIs(t, err, unix.EAGAIN)
	assert.ErrorContains(t, err, "the log is open in this or another process")
	assert.ErrorIs(t, Check(l.Path()), unix.EAGAIN)
}

func TestCreateFails(t *testing.T) {
	dir := testpool.Dir(t)
	_, err := Create(filepath.Join(dir, "no", "log"))
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Create(filepath.Join(dir, "log"), WithSize(1<<50))
	assert.ErrorIs(t, err, unix.ENOSPC)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "a failed creation leaves nothing behind")
}

func TestOpenOrCreate(t *testing.T) {
	path := logPath(t)
	l, err := OpenOrCreate(path, WithSize(MinPool), WithMode(0o640), WithDurability(processCrash))
	require.NoError(t, err)
	appendString(t, l, "first")
	require.NoError(t, l.Close())
	st, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), st.Mode())

	l, err = OpenOrCreate(path, WithSize(8<<20), WithDurability(processCrash))
	require.NoError(t, err)
	defer l.Close()
	assert.Equal(t, "first", contents(t, l))
	assert.EqualValues(t, MinPool-8192, l.Cap(), "WithSize means nothing to a log that exists")
}

func TestOptionsRefused(t *testing.T) {
	path := logPath(t)
	no := func(err error, what string) {
		t.Helper()
		assert.ErrorContains(t, err, what)
	}
	for _, test := range []struct {
		opt  Option
		what string
	}{
		{WithSize(MinPool - 1), "WithSize(2097151): a log's file has at least 2097152 bytes"},
		{WithSize(-1), "WithSize(-1)"},
		{WithMode(fs.ModeDir | 0o700), "only permission bits"},
		{WithDurability(DurabilityNone), "not a durability that can be asked for"},
		{WithDurability(-1), "not a durability"},
		{WithCopyOnWrite(), "option WithCopyOnWrite has no meaning here"},
	} {
		_, err := Create(path, test.opt)
		no(err, test.what)
		_, err = OpenOrCreate(path, test.opt)
		no(err, test.what)
	}
	for name, opt := range map[string]Option{"WithSize": WithSize(MinPool), "WithMode": WithMode(0o600), "WithShutdownState": WithShutdownState(true)} {
		_, err := Open(path, opt)
		no(err, "option "+name+" has no meaning here")
	}
	for path, what := range map[string]string{"": "path is empty", "a\x00b": "NUL byte", strings.Repeat("x", 5000): "at most 4095"} {
		_, err := Create(path)
		no(err, what)
		_, err = Open(path)
		no(err, what)
		no(Check(path), what)
	}
	_, err := os.Stat(path)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestDurability(t *testing.T) {
	needsDurabilities(t)
	l := createLog(t, WithDurability(DurabilityMsync))
	assert.Equal(t, DurabilityMsync, l.Durability())
	appendString(t, l, "by msync")
	require.NoError(t, l.Appendv([][]byte{[]byte(", "), []byte("twice")}))
	assert.Equal(t, "by msync, twice", contents(t, l))
	require.NoError(t, l.Close())
	_, err := Open(l.Path(), WithDurability(DurabilityDAX))
	assert.ErrorIs(t, err, ErrNotDAX)
	assert.ErrorContains(t, err, "use DurabilityMsync")
	again := reopen(t, l)
	assert.Equal(t, "by msync, twice", contents(t, again))
	require.NoError(t, again.Close())
}

// Ensure that with shared libraries, where the environment decides, what it
// does not allow is refused with how to get it.
func TestDurabilityOfSharedLibraries(t *testing.T) {
	if interpose.Effective {
		t.Skip("this program is linked statically")
	}
	for force, d := range map[string]Durability{"1": DurabilityMsync, "0": processCrash} {
		t.Setenv("PMEM_IS_PMEM_FORCE", force)
		_, err := Create(logPath(t), WithDurability(d))
		require.ErrorIs(t, err, unix.ENOTSUP)
		require.ErrorContains(t, err, "PMEM_IS_PMEM_FORCE=1 in the environment")
	}
}

func TestPrefaultAndShutdownState(t *testing.T) {
	for _, on := range []bool{true, false} {
		l := createLog(t, WithPrefault(), WithShutdownState(on))
		b := make([]byte, 32)
		f, err := os.Open(l.Path())
		require.NoError(t, err)
		_, err = f.ReadAt(b, 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		assert.Equal(t, on, b[16]&4 != 0, "the incompatible feature SHUTDOWN_STATE")
		require.NoError(t, l.Close())
		l, err = Open(l.Path(), WithPrefault())
		require.NoError(t, err)
		require.NoError(t, l.Close())
	}
}

// Ensure that a log opened with WithCopyOnWrite works and never changes its
// file.
func TestCopyOnWrite(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "kept")
	require.NoError(t, l.Close())
	before, err := os.ReadFile(l.Path())
	require.NoError(t, err)

	c, err := Open(l.Path(), WithCopyOnWrite())
	require.NoError(t, err)
	assert.Equal(t, DurabilityNone, c.Durability())
	appendString(t, c, " and dropped")
	assert.Equal(t, "kept and dropped", contents(t, c))
	require.NoError(t, c.Rewind())
	require.NoError(t, c.Close())
	after, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after), "the file has changed")
	value, err := CtlGet("copy_on_write.at_open")
	require.NoError(t, err)
	assert.False(t, value, "the option outlived its call")
}

func TestAppend(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "one ")
	require.NoError(t, l.Append(nil))
	require.NoError(t, l.Append([]byte{}))
	require.NoError(t, l.Appendv(nil))
	require.NoError(t, l.Appendv([][]byte{nil, {}, nil}))
	buffers := net.Buffers{[]byte("two "), nil, []byte("three "), []byte("four")}
	require.NoError(t, l.Appendv(buffers))
	assert.Len(t, buffers, 4, "unlike WriteTo, Appendv does not consume")
	n, err := l.Write([]byte("."))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	assert.Equal(t, "one two three four.", contents(t, l))
	size, err := l.Len()
	require.NoError(t, err)
	assert.EqualValues(t, 19, size)

	l = reopen(t, l)
	assert.Equal(t, "one two three four.", contents(t, l))
	require.NoError(t, l.Rewind())
	assert.Empty(t, contents(t, l))
	appendString(t, l, "anew")
	l = reopen(t, l)
	assert.Equal(t, "anew", contents(t, l))
	require.NoError(t, l.Close())
}

// Ensure that sizes below and above what leaf calls take are right.
func TestAppendSizes(t *testing.T) {
	l := createLog(t)
	var want []byte
	for _, n := range []int{1, 63, 64, 255, 4096, 32 << 10, 32<<10 + 1, 100_000} {
		p := pattern(n, len(want))
		require.NoError(t, l.Append(p))
		want = append(want, p...)
		p = pattern(n, len(want))
		require.NoError(t, l.Appendv([][]byte{p[:n/3], p[n/3:]}))
		want = append(want, p...)
		assert.True(t, contents(t, l) == string(want), "after %d bytes", n)
	}
	var many [][]byte
	for range 2000 {
		many = append(many, []byte("ab"))
	}
	require.NoError(t, l.Appendv(many))
	want = append(want, strings.Repeat("ab", 2000)...)
	assert.True(t, contents(t, l) == string(want))
}

// Ensure that a full log refuses what does not fit, says by how much, takes
// what does, and loses nothing.
func TestFull(t *testing.T) {
	l := createLog(t)
	all := pattern(int(l.Cap()), 0)
	require.NoError(t, l.Append(all[:len(all)-10]))
	for name, err := range map[string]error{
		"append":  l.Append(make([]byte, 11)),
		"appendv": l.Appendv([][]byte{make([]byte, 5), make([]byte, 6)}),
	} {
		require.ErrorIs(t, err, ErrFull, name)
		require.ErrorIs(t, err, unix.ENOSPC)
		var full *FullError
		require.ErrorAs(t, err, &full)
		assert.Equal(t, FullError{Op: name, Path: l.Path(), Want: 11, Free: 10}, *full)
		assert.ErrorContains(t, err, "11 bytes to append, room for 10")
	}
	n, err := l.Write(make([]byte, 11))
	assert.Zero(t, n)
	assert.ErrorIs(t, err, ErrFull)
	require.NoError(t, l.Append(all[len(all)-10:]))
	assert.ErrorIs(t, l.Append([]byte{1}), ErrFull)
	assert.True(t, contents(t, l) == string(all))
	l = reopen(t, l)
	assert.True(t, contents(t, l) == string(all))
	require.NoError(t, l.Rewind())
	appendString(t, l, "room again")
	assert.Equal(t, "room again", contents(t, l))
	require.NoError(t, l.Close())
}

// Ensure that sums of lengths that wrap, made by repeating one buffer, are
// refused like others.
func TestAppendvOverflow(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "before")
	// Reserved, never touched.
	huge, err := unix.Mmap(-1, 0, 1<<40, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		t.Skip("the system does not reserve a terabyte of address space:", err)
	}
	defer func() { require.NoError(t, unix.Munmap(huge)) }()
	for _, times := range []int{1, 2, 1 << 16} {
		bufs := make([][]byte, times)
		for i := range bufs {
			bufs[i] = huge
		}
		require.ErrorIs(t, l.Appendv(bufs), ErrFull)
		require.ErrorIs(t, l.Append(huge), ErrFull)
	}
	assert.Equal(t, "before", contents(t, l))

	r, err := OpenRecords(createLog(t))
	require.NoError(t, err)
	bufs := make([][]byte, 1<<16)
	for i := range bufs {
		bufs[i] = huge[:1<<31]
	}
	_, err = r.AppendAll(bufs)
	require.ErrorIs(t, err, ErrFull)
	_, err = r.Append(huge[:1<<32-1])
	require.ErrorIs(t, err, ErrFull)
	_, err = r.Append(huge[:1<<32])
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "a record has at most 4294967295")
}

func TestReadAt(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "0123456789")
	for _, test := range []struct {
		off  int64
		size int
		want string
		err  error
	}{
		{0, 10, "0123456789", nil},
		{3, 4, "3456", nil},
		{0, 0, "", nil},
		{8, 4, "89", io.EOF},
		{10, 1, "", io.EOF},
		{1 << 60, 1, "", io.EOF},
		{10, 0, "", nil},
	} {
		b := make([]byte, test.size)
		n, err := l.ReadAt(b, test.off)
		assert.Equal(t, test.want, string(b[:n]), "%+v", test)
		assert.Equal(t, test.err, err, "%+v", test)
	}
	_, err := l.ReadAt(make([]byte, 1), -1)
	assert.ErrorIs(t, err, unix.EINVAL)
	assert.ErrorContains(t, err, "offset -1 is negative")
	big := make([]byte, 40<<10)
	n, err := l.ReadAt(big, 5)
	assert.Equal(t, io.EOF, err)
	assert.Equal(t, "56789", string(big[:n]))
}

// Ensure that a snapshot stays as it is while the log grows, and ends with a
// rewind.
func TestSnapshot(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "then")
	s, err := l.Snapshot()
	require.NoError(t, err)
	appendString(t, l, " and now")
	assert.EqualValues(t, 4, s.Size())
	b, err := io.ReadAll(s.Reader())
	require.NoError(t, err)
	assert.Equal(t, "then", string(b))
	n, err := s.ReadAt(make([]byte, 8), 2)
	assert.Equal(t, 2, n)
	assert.Equal(t, io.EOF, err)
	n, err = s.ReadAt(make([]byte, 8), 6)
	assert.Zero(t, n)
	assert.Equal(t, io.EOF, err)
	_, err = s.ReadAt(nil, -1)
	assert.ErrorIs(t, err, unix.EINVAL)

	require.NoError(t, l.Rewind())
	appendString(t, l, "something else")
	_, err = s.ReadAt(make([]byte, 4), 0)
	assert.ErrorIs(t, err, ErrRewound)
	fresh, err := l.Snapshot()
	require.NoError(t, err)
	b, err = io.ReadAll(fresh.Reader())
	require.NoError(t, err)
	assert.Equal(t, "something else", string(b))
}

func TestWalk(t *testing.T) {
	l := createLog(t)
	walk := func(chunk int) (chunks []string) {
		t.Helper()
		require.NoError(t, l.Walk(chunk, func(c []byte) bool {
			chunks = append(chunks, string(c))
			return true
		}))
		return chunks
	}
	assert.Empty(t, walk(0))
	assert.Empty(t, walk(3))
	appendString(t, l, "0123456789")
	assert.Equal(t, []string{"0123456789"}, walk(0))
	assert.Equal(t, []string{"0123", "4567", "89"}, walk(4))
	assert.Equal(t, []string{"01234", "56789"}, walk(5))
	assert.Equal(t, []string{"0123456789"}, walk(10))
	assert.Equal(t, []string{"0123456789"}, walk(1<<63-1), "C misbehaves with chunks of about 2^64 bytes")
	assert.Len(t, walk(1), 10)

	err := l.Walk(-1, func([]byte) bool { return true })
	assert.ErrorIs(t, err, unix.EINVAL)
	assert.ErrorContains(t, err, "chunks of -1 bytes")
	calls := 0
	require.NoError(t, l.Walk(2, func([]byte) bool { calls++; return calls < 3 }))
	assert.Equal(t, 3, calls, "false ends a walk")
}

// Ensure that chunks do not depend on how many are fetched at once.
func TestWalkLong(t *testing.T) {
	l := createLog(t)
	all := pattern(300_000, 0)
	require.NoError(t, l.Append(all))
	for _, size := range []int{7, 1000, 64<<10 - 1, 64 << 10, 64<<10 + 1, 299_999} {
		var got []byte
		for c := range l.Chunks(size) {
			if len(got)+size <= len(all) {
				require.Len(t, c, size)
			}
			require.Equal(t, len(c), cap(c), "an append to a chunk would overwrite the next")
			got = append(got, c...)
		}
		require.True(t, bytes.Equal(all, got), "chunks of %d", size)
	}
}

// Ensure that what changes the log is refused inside Walk, in a nested one as
// well, and possible afterwards, and in the loops of Chunks.
func TestAppendInWalk(t *testing.T) {
	l := createLog(t)
	r, err := OpenRecords(l)
	require.NoError(t, err)
	_, err = r.Append([]byte("record"))
	require.NoError(t, err)
	refuse := func() {
		assert.ErrorIs(t, l.Append([]byte("x")), ErrInWalk)
		assert.ErrorIs(t, l.Appendv([][]byte{[]byte("x")}), ErrInWalk)
		assert.ErrorIs(t, l.Rewind(), ErrInWalk)
		_, err := r.Append(nil)
		assert.ErrorIs(t, err, ErrInWalk)
		_, err = l.ReadFrom(strings.NewReader("x"))
		assert.ErrorIs(t, err, ErrInWalk)
		assert.ErrorIs(t, l.Close(), ErrBusy)
	}
	calls := 0
	require.NoError(t, l.Walk(0, func(c []byte) bool {
		calls++
		refuse()
		assert.NoError(t, l.Walk(0, func([]byte) bool { calls++; refuse(); return true }))
		refuse()
		assert.Len(t, contents(t, l), len(c), "reading is possible")
		done := make(chan error)
		go func() { done <- l.Append([]byte("by another goroutine")) }()
		assert.NoError(t, <-done)
		return true
	}))
	assert.Equal(t, 2, calls)
	require.NoError(t, l.Append([]byte("afterwards")))

	n := 0
	for range l.Chunks(4) {
		n++
		require.NoError(t, l.Append([]byte("in a loop")))
		assert.ErrorIs(t, l.Close(), ErrBusy)
	}
	assert.NotZero(t, n)
	n = 0
	for range l.Chunks(1) {
		n++
		require.NoError(t, l.Rewind())
	}
	assert.NotZero(t, n)
	assert.Empty(t, contents(t, l))
}

// Ensure that a panic in a walk leaves nothing locked.
func TestPanicInWalk(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "x")
	assert.PanicsWithValue(t, "oops", func() { _ = l.Walk(0, func([]byte) bool { panic("oops") }) })
	appendString(t, l, "y")
	require.NoError(t, l.Rewind())
}

func TestChunksOfNothing(t *testing.T) {
	l := createLog(t)
	for _, n := range []int{0, -1} {
		func() {
			defer func() {
				err, ok := recover().(error)
				require.True(t, ok)
				assert.ErrorIs(t, err, unix.EINVAL)
			}()
			l.Chunks(n)
		}()
	}
}

func TestWriteTo(t *testing.T) {
	l := createLog(t)
	all := pattern(200_000, 0)
	require.NoError(t, l.Append(all))
	var b bytes.Buffer
	n, err := l.WriteTo(&b)
	require.NoError(t, err)
	assert.EqualValues(t, len(all), n)
	assert.True(t, bytes.Equal(all, b.Bytes()))

	n, err = l.WriteTo(writer(func(p []byte) (int, error) { return 3, errors.New("broken") }))
	assert.EqualError(t, err, "broken")
	assert.EqualValues(t, 3, n)
	_, err = l.WriteTo(writer(func(p []byte) (int, error) { return len(p) - 1, nil }))
	assert.Equal(t, io.ErrShortWrite, err)
	_, err = l.WriteTo(writer(func(p []byte) (int, error) { return len(p), l.Rewind() }))
	assert.ErrorIs(t, err, ErrRewound)
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func TestReadFrom(t *testing.T) {
	l := createLog(t)
	all := pattern(int(l.Cap()), 0)
	n, err := io.Copy(l, bytes.NewReader(all[:100_000]))
	require.NoError(t, err)
	assert.EqualValues(t, 100_000, n)

	// Ensure that an error leaves what came before it, and with it.
	broken := errors.New("broken")
	n, err = l.ReadFrom(reader(func(p []byte) (int, error) { return copy(p, all[100_000:100_007]), broken }))
	assert.Equal(t, broken, err)
	assert.EqualValues(t, 7, n)
	_, err = l.ReadFrom(reader(func(p []byte) (int, error) { return 0, nil }))
	assert.Equal(t, io.ErrNoProgress, err)

	// Ensure that what just fits is taken, and that nothing is lost beyond.
	n, err = l.ReadFrom(bytes.NewReader(all[100_007:]))
	require.NoError(t, err)
	assert.EqualValues(t, len(all)-100_007, n)
	assert.True(t, contents(t, l) == string(all))
	source := strings.NewReader("too much")
	n, err = l.ReadFrom(source)
	assert.Zero(t, n)
	var full *FullError
	require.ErrorAs(t, err, &full)
	rest, err := io.ReadAll(source)
	require.NoError(t, err)
	assert.Equal(t, "too much", string(full.Rest)+string(rest))
	assert.True(t, contents(t, l) == string(all))
}

// Ensure that a portion which no longer fits, because others filled the log
// meanwhile, is not lost.
func TestReadFromWhileOthersAppend(t *testing.T) {
	l := createLog(t)
	_, err := l.ReadFrom(reader(func(p []byte) (int, error) {
		require.NoError(t, l.Append(make([]byte, l.Cap()-2)))
		return copy(p, "late"), nil
	}))
	var full *FullError
	require.ErrorAs(t, err, &full)
	assert.Equal(t, "late", string(full.Rest))
	assert.Equal(t, "read from", full.Op)
}

func TestClosed(t *testing.T) {
	l := createLog(t)
	appendString(t, l, "x")
	r, err := OpenRecords(createLog(t))
	require.NoError(t, err)
	_, err = r.Append([]byte("x"))
	require.NoError(t, err)
	s, err := l.Snapshot()
	require.NoError(t, err)
	scanner := r.Scan(0)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "again")
	require.NoError(t, r.Log().Close())

	assert.NotEmpty(t, l.Path())
	assert.NotZero(t, l.Cap())
	for name, do := range map[string]func() error{
		"append":           func() error { return l.Append([]byte("x")) },
		"append nothing":   func() error { return l.Append(nil) },
		"append much":      func() error { return l.Append(make([]byte, 100_000)) },
		"appendv":          func() error { return l.Appendv([][]byte{[]byte("x")}) },
		"write":            func() error { _, err := l.Write([]byte("x")); return err },
		"read":             func() error { _, err := l.ReadAt(make([]byte, 1), 0); return err },
		"length":           func() error { _, err := l.Len(); return err },
		"rewind":           func() error { return l.Rewind() },
		"walk":             func() error { return l.Walk(0, func([]byte) bool { return true }) },
		"snapshot":         func() error { _, err := l.Snapshot(); return err },
		"read snapshot":    func() error { _, err := s.ReadAt(make([]byte, 1), 0); return err },
		"write to":         func() error { _, err := l.WriteTo(io.Discard); return err },
		"read from":        func() error { _, err := l.ReadFrom(strings.NewReader("x")); return err },
		"open records":     func() error { _, err := OpenRecords(l); return err },
		"append record":    func() error { _, err := r.Append(nil); return err },
		"append records":   func() error { _, err := r.AppendAll(nil); return err },
		"rewind records":   func() error { return r.Rewind() },
		"end":              func() error { _, err := r.End(); return err },
		"scan":             func() error { scanner.Next(); return scanner.Err() },
		"wait for records": func() error { s := r.Scan(0); s.Wait(t.Context()); return s.Err() },
	} {
		assert.ErrorIs(t, do(), ErrClosed, name)
	}
	for range l.Chunks(1) {
		t.Error("a closed log has no chunks")
	}
	for range r.All() {
		t.Error("a closed log has no records")
	}
}
