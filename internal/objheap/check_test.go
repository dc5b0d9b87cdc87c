package objheap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// poolBytes is the file of a small pool with objects in it, closed.
func poolBytes(t *testing.T) (b []byte, uuid, root uint64) {
	t.Helper()
	path := filepath.Join(tempDir(t), "pool")
	p, err := cpool.Create(path, 8<<20)
	require.NoError(t, err)
	p.Fill(1, 300, true)
	root, uuid = p.Root(1), p.UUIDLo()
	p.Close()
	b, err = os.ReadFile(path)
	require.NoError(t, err)
	return b, uuid, root
}

// Ensure that a good pool passes, and that the headers are told as they are.
func TestCheckInfo(t *testing.T) {
	b, uuid, root := poolBytes(t)
	for name, check := range map[string]func(io.ReaderAt, int64) (objheap.Info, error){"check": objheap.Check, "verify": objheap.Verify} {
		info, err := check(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err, name)
		require.Equal(t, "cpool", info.Layout)
		require.Equal(t, uuid, info.UUIDLo)
		require.Equal(t, root, info.RootOffset)
		require.EqualValues(t, 5000, info.RootSize)
		require.EqualValues(t, len(b), info.Size)
		require.Equal(t, info.Size, info.HeapOffset+info.HeapSize)
		require.False(t, info.IsSet || info.IsDevice || info.Part())
		require.Zero(t, info.UnknownIncompat)
	}
}

// Where things are in a pool.
const (
	heapAt  = 0x302000
	zoneAt  = heapAt + 1024
	chunk0  = zoneAt + 64
	chunksA = zoneAt + 512<<10
)

func put64(off int, v uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		binary.LittleEndian.PutUint64(b[off:], v)
		return b
	}
}

// sums recomputes the checksums of the pool header, the descriptor and the heap
// header after change.
func sums(change func([]byte) []byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = change(b)
		binary.LittleEndian.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:4096]))
		binary.LittleEndian.PutUint64(b[6136:], poolheader.Checksum(b[4096:6144], 2040))
		binary.LittleEndian.PutUint64(b[heapAt+1016:], poolheader.Checksum(b[heapAt:heapAt+1024], 1016))
		return b
	}
}

// redo puts a valid log with one entry into the first lane.
func redo(op, dst, value uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		le := binary.LittleEndian
		log := b[8192:][:256]
		clear(log)
		le.PutUint64(log[16:], 64)
		le.PutUint64(log[64:], op<<61|dst)
		le.PutUint64(log[72:], value)
		le.PutUint64(log, poolheader.Checksum(log[:80], 0))
		return b
	}
}

// undo puts a valid log with one entry of 16 bytes into the last lane.
func undo(op, dst uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		le := binary.LittleEndian
		log := b[8192+1023*3072+960:]
		le.PutUint64(log[64:], op<<61|dst)
		le.PutUint64(log[80:], 16)
		entry := append(append([]byte{}, log[64:128]...), log[24:32]...)
		le.PutUint64(log[72:], poolheader.Checksum(entry, 8))
		return b
	}
}

// Ensure that each kind of damage is refused, and that the error says where and
// what it is.
func TestCheckRefuses(t *testing.T) {
	good, _, root := poolBytes(t)
	run := chunksA // the first chunk of the pool is a run
	le := binary.LittleEndian
	require.EqualValues(t, 4, le.Uint16(good[chunk0:]))
	size0 := int(le.Uint32(good[chunk0+4:]))
	for _, c := range []struct {
		name      string
		change    func([]byte) []byte
		structure string
		offset    int64
		reason    string
		deep      bool // found by Verify alone
	}{
		{"empty", func(b []byte) []byte { return nil }, "file", 0, "empty", false},
		{"one byte", func(b []byte) []byte { return b[:1] }, "pool header", 0, "begins with \"P\"", false},
		{"only a signature", func(b []byte) []byte { return b[:8] }, "file", 8, "truncated", false},
		{"just less than a header", func(b []byte) []byte { return b[:4095] }, "file", 4095, "truncated", false},
		{"a header", func(b []byte) []byte { return b[:4096] }, "file", 4096, "at least 8388608", false},
		{"2 MiB", func(b []byte) []byte { return b[:2<<20] }, "file", 2 << 20, "truncated", false},
		{"a byte missing", func(b []byte) []byte { return append(make([]byte, 0), b[:len(b)-1]...) }, "file", 8<<20 - 1, "truncated", false},
		{"zeros", func(b []byte) []byte { return make([]byte, len(b)) }, "pool header", 0, "all zeros", false},
		{"a pmemlog pool", func(b []byte) []byte { copy(b, "PMEMLOG\x00"); return b }, "pool header", 0, "a pmemlog pool", false},
		{"a pmemblk pool", func(b []byte) []byte { copy(b, "PMEMBLK\x00"); return b }, "pool header", 0, "a pmemblk pool", false},
		{"text", func(b []byte) []byte { copy(b, "Dear diary"); return b }, "pool header", 0, "Dear dia", false},
		{"header checksum", put64(32, 1), "pool header", 4088, "checksum", false},
		{"major version", sums(put64(8, 7)), "pool header", 8, "version 7", false},
		{"descriptor checksum", put64(5120, 4096), "pool descriptor", 6136, "checksum", false},
		{"lanes elsewhere", sums(put64(5120, 4096)), "pool descriptor", 5120, "lanes at", false},
		{"fewer lanes", sums(put64(5128, 1023)), "pool descriptor", 5128, "1023 lanes", false},
		{"heap elsewhere", sums(put64(5136, 1<<40)), "pool descriptor", 5136, "cannot start", false},
		{"endless layout", sums(func(b []byte) []byte {
			copy(b[4096:5120], bytes.Repeat([]byte("x"), 1024))
			return b
		}), "pool descriptor", 4096, "no end", false},
		{"heap too large", put64(6176, 8<<20), "pool descriptor", 6176, "does not fit", false},
		{"heap too small", put64(6176, 4096), "pool descriptor", 6176, "does not fit", false},
		{"heap signature", put64(heapAt, 0), "heap header", heapAt, "signature", false},
		{"heap checksum", put64(heapAt+16, 2), "heap header", heapAt + 1016, "checksum", false},
		{"heap version", sums(put64(heapAt+16, 2)), "heap header", heapAt + 16, "version 2", false},
		{"chunk size", sums(put64(heapAt+40, 4096)), "heap header", heapAt + 40, "4096", false},
		{"chunks in a zone", sums(put64(heapAt+48, 1)), "heap header", heapAt + 48, "1 chunks", false},
		{"root inside an object", put64(6144, root+8), "root object", 6144, "no object at", false},
		{"root outside the heap", put64(6144, 1<<50), "root object", 6144, "no object at", false},
		{"root too large", put64(6160, 1<<20), "root object", 6160, "room for", false},
		{"redo capacity", put64(8192+16, 4096), "lane 0 redo log", 8192 + 16, "capacity", false},
		{"undo capacity", put64(8192+960+16, 0), "lane 0 undo log", 8192 + 960 + 16, "capacity", false},
		{"log continues outside", put64(8192+256+8, 1<<40), "lane 0 external redo log", 8192 + 256 + 8, "outside the pool", false},
		{"log continues in a header", put64(8192+960+8, 64), "lane 0 undo log", 8192 + 960 + 8, "outside the heap", false},
		{"log continues in the root's middle", func(b []byte) []byte {
			return put64(int(root+64+63)&^63+16, 128)(put64(8192+960+8, root+64)(b)) // with a header; zeros are one that was lost
		}, "lane 0 undo log", 8192 + 960 + 8, "library's own", false},
		{"redo outside the pool", redo(0, 1<<40, 1), "lane 0 redo log", 8192 + 64, "outside the heap", false},
		{"redo on the pool header", redo(0, 8, 0), "lane 0 redo log", 8192 + 64, "outside the heap", false},
		{"redo of a bad chunk header", redo(0, chunk0, 0), "zone 0 chunk 0", chunk0, "size of 0 chunks", false},
		{"redo of unknown kind", redo(3, chunk0, 0), "lane 0 redo log", 8192 + 64, "unknown kind", false},
		{"undo of a bitmap", undo(6, uint64(run)+16), "lane 1023 undo log", 8192 + 1023*3072 + 960 + 64, "not a user's", false},
		{"undo outside the pool", undo(6, 1<<40), "lane 1023 undo log", 8192 + 1023*3072 + 960 + 64, "not a user's", false},
		{"undo of an unknown kind", undo(0, root), "lane 1023 undo log", 8192 + 1023*3072 + 960 + 64, "none of an undo log's", false},
		{"zone magic", put64(zoneAt, 1), "zone 0 header", zoneAt, "magic", false},
		{"zone header lost", put64(zoneAt, 0), "zone 0 header", zoneAt, "magic", false},
		{"zone size", func(b []byte) []byte { b[zoneAt+4]++; return b }, "zone 0 header", zoneAt + 4, "has room for", false},
		{"chunk type", func(b []byte) []byte { b[chunk0] = 9; return b }, "zone 0 chunk 0", chunk0, "type 9", false},
		{"chunk flags", func(b []byte) []byte { b[chunk0+2] = 0x83; return b }, "zone 0 chunk 0", chunk0 + 2, "flags 0x83", false},
		{"chunk size", func(b []byte) []byte { b[chunk0+5] = 9; return b }, "zone 0 chunk 0", chunk0, "are left", false},
		{"one chunk more in a run", func(b []byte) []byte { b[chunk0+4]++; return b }, "zone 0 chunk", int64(chunk0 + 8*size0), "of the run of", false},
		{"no unit size", put64(run, 0), "run in zone 0 chunk 0", int64(run), "units of 0 bytes", false},
		{"too large a unit", put64(run, 1<<20), "run in zone 0 chunk 0", int64(run), "do not fit", false},
		{"too many units", put64(run, 2), "run in zone 0 chunk 0", int64(run), "do not fit", false},
		{"a bit behind the last unit", lastBit, "bitmap", 0, "is clear", true},
		{"an object without size", put64(int(root)-16, 0), "", int64(root) - 16, "a size of 0 bytes", true},
		{"an object of odd size", put64(int(root)-16, 5017), "", int64(root) - 16, "a size of 5017 bytes", true},
		{"an object with odd flags", put64(int(root)-16, le.Uint64(good[root-16:])|1<<50), "", int64(root) - 16, "unknown flags", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := c.change(bytes.Clone(good))
			_, err := objheap.Verify(bytes.NewReader(b), int64(len(b)))
			var bad *objheap.Corrupt
			require.ErrorAs(t, err, &bad)
			require.Contains(t, bad.Structure, c.structure)
			require.Contains(t, bad.Reason, c.reason)
			require.Contains(t, err.Error(), bad.Reason)
			if c.offset != 0 || !c.deep {
				require.Equal(t, c.offset, bad.Offset, err)
			}
			_, cheap := objheap.Check(bytes.NewReader(b), int64(len(b)))
			if c.deep && c.structure != "" {
				require.NoError(t, cheap)
			}
			if !c.deep {
				require.Equal(t, err, cheap)
			}
		})
	}
}

// lastBit clears the first bit behind the last unit of the first run whose
// units do not fill the last word of the bitmap.
func lastBit(b []byte) []byte {
	le := binary.LittleEndian
	for c := 0; ; c++ {
		header := b[chunk0+8*c:]
		size := uint64(le.Uint32(header[4:])) << 18
		at := chunksA + c<<18
		if le.Uint16(header) != 4 || le.Uint16(header[2:]) != 9 {
			continue
		}
		unit := le.Uint64(b[at:])
		words := ((size-16)/unit + 63) / 64
		units := (size - (16+words*8+63)&^63) / unit
		if units%64 != 0 {
			b[at+16+int(units)/8] &^= 1 << (units % 8)
			return b
		}
	}
}

// Ensure that what recovery would undo or complete is not held against a pool.
func TestCheckAcceptsLogs(t *testing.T) {
	good, _, root := poolBytes(t)
	header := binary.LittleEndian.Uint64(good[chunk0:])
	for name, change := range map[string]func([]byte) []byte{
		// The chunk header is wrong, and the redo log puts it right.
		"redo of a broken chunk header": func(b []byte) []byte {
			return redo(0, chunk0, header)(put64(chunk0, 0)(b))
		},
		"redo of a root's place":  func(b []byte) []byte { return redo(0, 6144, root)(put64(6144, 3)(b)) },
		"undo in the root object": undo(6, root+8),
		"a redo log that was torn": func(b []byte) []byte {
			b = redo(0, 1<<40, 1)(b)
			b[8192]++
			return b
		},
		"an undo entry that was torn": func(b []byte) []byte {
			at := 8192 + 1023*3072 + 960
			b = undo(6, 1<<40)(b)
			b[at+64+24]++
			return b
		},
		"an undo log that is over": func(b []byte) []byte {
			at := 8192 + 1023*3072 + 960
			b = undo(6, 1<<40)(b)
			b[at+24]++ // the next generation
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := change(bytes.Clone(good))
			_, err := objheap.Verify(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			_, err = objheap.Check(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
		})
	}
}

// Ensure that a pool passes whose very first allocation was interrupted by a
// power failure: of the zone that was being set up, the header and the footer of
// the free block had reached the medium and the zone's own header had not.
func TestCheckAcceptsHalfZone(t *testing.T) {
	path := filepath.Join(tempDir(t), "pool")
	p, err := cpool.Create(path, 8<<20)
	require.NoError(t, err)
	p.Close()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Zero(t, binary.LittleEndian.Uint64(b[zoneAt:]), "no zone is set up in a new pool")
	chunks := uint64(len(b)-chunksA) >> 18
	b = put64(chunk0, 2|chunks<<32)(b) // a free block of all chunks
	b = put64(chunk0+8*int(chunks-1), 1|chunks<<32)(b)
	for _, check := range []func(io.ReaderAt, int64) (objheap.Info, error){objheap.Check, objheap.Verify} {
		_, err := check(bytes.NewReader(b), int64(len(b)))
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(path, b, 0o600))
	p, err = cpool.Open(path, uint64(len(b)))
	require.NoError(t, err, "PMDK agrees")
	require.NotZero(t, p.Root(1))
	p.Close()
}

// Ensure that what is not for this check to judge is told apart.
func TestCheckOthers(t *testing.T) {
	set := []byte("PMEMPOOLSET\n100M /pool\n")
	info, err := objheap.Check(bytes.NewReader(set), int64(len(set)))
	require.NoError(t, err)
	require.True(t, info.IsSet)

	good, _, _ := poolBytes(t)
	part := sums(func(b []byte) []byte { b[60]++; return b })(bytes.Clone(good))
	info, err = objheap.Check(bytes.NewReader(part), int64(len(part)))
	require.NoError(t, err)
	require.True(t, info.Part())

	newer := sums(func(b []byte) []byte { b[17] = 0x40; return b })(bytes.Clone(good))
	info, err = objheap.Check(bytes.NewReader(newer), int64(len(newer)))
	require.NoError(t, err)
	require.EqualValues(t, 0x4000, info.UnknownIncompat)
}

// Ensure that CheckFile tells a directory, a device, a pool in use and one that
// shrinks meanwhile from a damaged one.
func TestCheckFile(t *testing.T) {
	dir := tempDir(t)
	path := filepath.Join(dir, "pool")
	open := func(path string) *os.File {
		f, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	_, err := objheap.CheckFile(open(dir))
	require.ErrorIs(t, err, unix.EISDIR)

	info, err := objheap.CheckFile(open("/dev/null"))
	require.NoError(t, err)
	require.True(t, info.IsDevice)

	p, err := cpool.Create(path, 8<<20)
	require.NoError(t, err)
	_, err = objheap.CheckFile(open(path))
	require.ErrorIs(t, err, unix.EAGAIN)
	p.Close()
	_, err = objheap.CheckFile(open(path))
	require.NoError(t, err)
	_, err = objheap.VerifyFile(open(path))
	require.NoError(t, err)

	require.NoError(t, os.Truncate(path, 0))
	_, err = objheap.CheckFile(open(path))
	require.ErrorContains(t, err, "it is empty")
}

// Ensure that a failing read is told as such.
func TestCheckReadError(t *testing.T) {
	good, _, _ := poolBytes(t)
	broken := errors.New("bad sector")
	_, err := objheap.Check(failing{bytes.NewReader(good), broken}, int64(len(good)))
	require.ErrorIs(t, err, broken)
	_, err = objheap.Check(bytes.NewReader(good[:4<<10]), int64(len(good)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// failing is a reader whose later part cannot be read.
type failing struct {
	io.ReaderAt
	err error
}

func (f failing) ReadAt(b []byte, off int64) (int, error) {
	if off > 1<<20 {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(b, off)
}
