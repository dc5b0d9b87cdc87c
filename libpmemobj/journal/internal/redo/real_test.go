package redo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/libpmemobj"
	. "github.com/pmem/pmdk-go/libpmemobj/journal/internal/redo"
)

// filePool is a pool of one file.
type filePool struct {
	*os.File
	size int64
}

func (p *filePool) Path() string   { return p.Name() }
func (p *filePool) Size() int64    { return p.size }
func (p *filePool) Refresh() error { return nil }

// newFilePool makes a file with the header of a pool.
func newFilePool(t testing.TB, size int64) *filePool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pool")
	b := make([]byte, poolheader.Size)
	copy(b, "PMEMOBJ\x00")
	binary.LittleEndian.PutUint32(b[8:], 6)
	binary.LittleEndian.PutUint64(b[poolheader.Size-8:], poolheader.HeaderChecksum(b))
	require.NoError(t, os.WriteFile(path, b, 0o600))
	require.NoError(t, os.Truncate(path, size))
	return openFilePool(t, path)
}

func openFilePool(t testing.TB, path string) *filePool {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	st, err := f.Stat()
	require.NoError(t, err)
	return &filePool{f, st.Size()}
}

// lines is a payload that changes whole lines, and the same in an image.
func lines(rnd *rand.Rand, n int, size int64, image []byte) []byte {
	var payload []byte
	for range n {
		line := 64 + rnd.Uint64N(uint64(size)/64-64)
		payload = binary.LittleEndian.AppendUint64(payload, line<<8|0xff)
		for w := range uint64(8) {
			v := rnd.Uint64()
			payload = binary.LittleEndian.AppendUint64(payload, v)
			if image != nil {
				binary.LittleEndian.PutUint64(image[line*64+w*8:], v)
			}
		}
	}
	return payload
}

// Ensure that one goroutine can append while another one checkpoints, paced and
// in a hurry, and others ask how it goes; with the files of the system.
func TestConcurrent(t *testing.T) {
	const size = 1 << 20
	p := newFilePool(t, size)
	path := p.Path() + ".journal"
	j, err := Open(path, p, Options{SegmentSize: 256 << 10, Segments: 4, Rate: 20 << 20})
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		for ctx.Err() == nil {
			did, err := j.Checkpoint(ctx)
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			if !did {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	go func() {
		defer wg.Done()
		for ctx.Err() == nil {
			s := j.Stats()
			assert.LessOrEqual(t, s.Durable, s.Appended)
			assert.GreaterOrEqual(t, j.Free(), 0)
			if _, err := ReadStatus(path); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	rnd := rand.New(rand.NewPCG(1, 1))
	image := make([]byte, size)
	_, err = p.ReadAt(image, 0)
	require.NoError(t, err)
	full := 0
	for range 400 {
		payload := lines(rnd, 100, size, image)
		_, err := j.Append(payload)
		for err == ErrFull {
			full++
			j.Hurry(full%2 == 0)
			require.NoError(t, j.Datasync())
			time.Sleep(time.Millisecond)
			_, err = j.Append(payload)
		}
		require.NoError(t, err)
		require.NoError(t, j.Datasync())
	}
	cancel()
	wg.Wait()
	s := j.Stats()
	assert.EqualValues(t, 400, s.Durable)
	assert.Positive(t, s.Checkpoints)
	require.NoError(t, j.Abandon())
	require.NoError(t, j.Abandon())
	_, err = j.Append(lines(rnd, 1, size, nil))
	require.ErrorIs(t, err, ErrClosed)

	j, err = Open(path, p, Options{})
	require.NoError(t, err)
	got, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	binary.LittleEndian.PutUint64(image[poolheader.Size-8:], poolheader.HeaderChecksum(image)) // Begin came before it was read
	assert.True(t, bytes.Equal(image[poolheader.Size:], got[poolheader.Size:]))
	require.NoError(t, j.Finish())
	status, err := ReadStatus(path)
	require.NoError(t, err)
	assert.Equal(t, Clean, status.State)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 2)
}

// Ensure that a checkpoint can be broken off, and done again.
func TestCheckpointCancelled(t *testing.T) {
	const size = 8 << 20
	p := newFilePool(t, size)
	j, err := Open(p.Path()+".journal", p, Options{SegmentSize: 256 << 10, Segments: 8, Rate: 1})
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	rnd := rand.New(rand.NewPCG(1, 1))
	for j.SegmentsToCheckpoint() == 0 {
		_, err := j.Append(lines(rnd, 500, size, nil))
		require.NoError(t, err)
		require.NoError(t, j.Datasync())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, err = j.Checkpoint(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, j.Err())
	j.Hurry(true)
	did, err := j.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.True(t, did)
	j.Hurry(false)
	require.NoError(t, j.Finish())
}

// Ensure the calls' order, and what is asked of payloads.
func TestMisuse(t *testing.T) {
	p := newFilePool(t, 1<<20)
	j, err := Open(p.Path()+".journal", p, Options{SegmentSize: 64 << 10})
	require.NoError(t, err)
	rnd := rand.New(rand.NewPCG(1, 1))
	good := lines(rnd, 3, 1<<20, nil)
	_, err = j.Append(good)
	require.ErrorIs(t, err, ErrMisuse)
	_, err = j.Checkpoint(t.Context())
	require.ErrorIs(t, err, ErrMisuse)
	require.NoError(t, j.Begin())
	require.ErrorIs(t, j.Begin(), ErrMisuse)
	for _, bad := range [][]byte{nil, good[:9], good[:16], binary.LittleEndian.AppendUint64(nil, 100<<8), append(binary.LittleEndian.AppendUint64(nil, 63<<8|1), good[:8]...)} {
		_, err := j.Append(bad)
		require.ErrorIs(t, err, ErrMisuse)
	}
	_, err = j.Append(lines(rnd, 908, 1<<20, nil))
	require.NoError(t, err, "%d bytes", j.MaxPayload())
	_, err = j.Append(lines(rnd, 909, 1<<20, nil))
	require.ErrorIs(t, err, ErrTooLarge)
	require.NoError(t, j.Finish())
	_, err = ReadStatus(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

const holdVariable = "PMEMGO_TEST_HOLD"

// Ensure that a journal that another process has open is left alone.
func TestLocked(t *testing.T) {
	if path := os.Getenv(holdVariable); path != "" {
		_, err := Open(path+".journal", openFilePool(t, path), Options{SegmentSize: 64 << 10})
		fmt.Println("err:", err)
		require.ErrorIs(t, err, unix.EAGAIN)
		return
	}
	p := newFilePool(t, 1<<20)
	j, err := Open(p.Path()+".journal", p, Options{SegmentSize: 64 << 10})
	require.NoError(t, err)
	before, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	_, err = Open(p.Path()+".journal", openFilePool(t, p.Path()), Options{SegmentSize: 64 << 10})
	require.ErrorIs(t, err, unix.EAGAIN)
	cmd := exec.Command(os.Args[0], "-test.run=^TestLocked$", "-test.v")
	cmd.Env = append(os.Environ(), holdVariable+"="+p.Path())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Contains(t, string(out), "open in this or another process")
	after, err := os.ReadFile(p.Path())
	require.NoError(t, err)
	assert.True(t, bytes.Equal(before, after))
	require.NoError(t, j.Finish())
	j, err = Open(p.Path()+".journal", p, Options{SegmentSize: 64 << 10})
	require.NoError(t, err)
	require.NoError(t, j.Finish())
}

// Ensure that of many who create a journal at once, one gets it.
func TestCreateRace(t *testing.T) {
	p := newFilePool(t, 1<<20)
	for range 20 {
		path := filepath.Join(t.TempDir(), "journal")
		var wg sync.WaitGroup
		got := make(chan *Journal, 8)
		for range cap(got) {
			wg.Go(func() {
				j, err := Open(path, p, Options{SegmentSize: 64 << 10})
				if err == nil {
					got <- j
					return
				}
				assert.ErrorIs(t, err, unix.EAGAIN)
			})
		}
		wg.Wait()
		require.Len(t, got, 1)
		require.NoError(t, (<-got).Finish())
	}
}

// Ensure that PMDK leaves a marked pool alone, and that nothing of the mark is
// left in the end.
func TestPMDKRefuses(t *testing.T) {
	if _, err := exec.LookPath("pmempool"); err != nil {
		t.Skip("pmempool is not installed")
	}
	path := filepath.Join(t.TempDir(), "pool")
	pool, err := libpmemobj.Create(path, "journal", libpmemobj.WithSize(libpmemobj.MinPool))
	require.NoError(t, err)
	require.NoError(t, pool.Close())
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	p := openFilePool(t, path)
	j, err := Open(path+".journal", p, Options{SegmentSize: 64 << 10})
	require.NoError(t, err)
	require.NoError(t, j.Begin())
	marked, err := os.ReadFile(path)
	require.NoError(t, err)
	require.False(t, bytes.Equal(before, marked))
	m, found := poolheader.MarkOf(marked)
	require.True(t, found)
	assert.True(t, m.KnownVersion())

	for _, layout := range []string{"journal", ""} {
		_, err := libpmemobj.Open(path, layout)
		require.Error(t, err)
	}
	refuses(t, path, "not consistent", "check", "-v")
	refuses(t, path, "the repair of pmemobj pools is not supported", "check", "-v", "-r", "-y")
	refuses(t, path, "the repair of pmemobj pools is not supported", "check", "-v", "-r", "-a", "-y")
	refuses(t, path, "", "feature", "-q", "CKSUM_2K")
	refuses(t, path, "", "feature", "-d", "SHUTDOWN_STATE")
	refuses(t, path, "", "sync")
	refuses(t, path, "", "transform", path, path)
	out, _ := exec.Command("pmempool", "info", path).CombinedOutput()
	t.Logf("pmempool info\n%s", out)
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(marked, now), "pmempool has changed the pool")
	require.NoError(t, j.Finish())
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after))
	pool, err = libpmemobj.Open(path, "journal")
	require.NoError(t, err)
	require.NoError(t, pool.Close())
}

// refuses proves that pmempool fails.
func refuses(t *testing.T, path, text string, args ...string) {
	t.Helper()
	out, err := exec.Command("pmempool", append(args, path)...).CombinedOutput()
	t.Logf("pmempool %v: %v\n%s", args, err, out)
	assert.Error(t, err, "pmempool %v", args)
	assert.Contains(t, string(out), text)
}

// The cost of an append of 20 lines, without the disk's.
func BenchmarkAppend(b *testing.B) {
	p := newFilePool(b, 64<<20)
	j, err := Open(p.Path()+".journal", p, Options{SegmentSize: 64 << 20})
	require.NoError(b, err)
	require.NoError(b, j.Begin())
	payload := lines(rand.New(rand.NewPCG(1, 1)), 20, 64<<20, nil)
	for b.Loop() {
		if _, err := j.Append(payload); err == ErrFull {
			b.StopTimer()
			require.NoError(b, j.Datasync())
			_, err := j.Checkpoint(b.Context())
			require.NoError(b, err)
			b.StartTimer()
		}
	}
	require.NoError(b, j.Finish())
}

// The cost of a checkpoint of 16 MiB of random lines.
func BenchmarkCheckpoint(b *testing.B) {
	const size = 256 << 20
	p := newFilePool(b, size)
	for off := int64(poolheader.Size); off < size; off += 1 << 20 { // blocks, as pools have them
		_, err := p.WriteAt(make([]byte, min(1<<20, size-off)), off)
		require.NoError(b, err)
	}
	require.NoError(b, p.Sync())
	j, err := Open(p.Path()+".journal", p, Options{})
	require.NoError(b, err)
	require.NoError(b, j.Begin())
	rnd := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		b.StopTimer()
		for j.SegmentsToCheckpoint() == 0 {
			_, err := j.Append(lines(rnd, 10000, size, nil))
			require.NoError(b, err)
			require.NoError(b, j.Datasync())
		}
		b.StartTimer()
		_, err := j.Checkpoint(b.Context())
		require.NoError(b, err)
	}
	require.NoError(b, j.Abandon())
}
