package capture_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

// Ensure that what was flushed is captured as it was, in whole lines, that the
// header is not, and that the file does not change.
func TestLines(t *testing.T) {
	c := newCapture(t, capture.MinLines)
	b, f := mapped(t, c, 16384, 16384)
	for i := range b {
		b[i] = byte(i)
	}
	_, ok := c.Take()
	require.False(t, ok, "nothing was flushed")
	flushlog.Persist(b[:4096])
	require.Zero(t, c.Appended(), "the header")
	flushlog.Persist(b[8192:8192])
	require.Zero(t, c.Appended(), "nothing")

	flushlog.Persist(b[4090:4097])
	flushlog.Persist(b[8192+63 : 8192+65])
	flushlog.Sync(b[8192+17 : 8192+23])
	was := bytes.Clone(b)
	b[8192+17] = 1 // not flushed
	require.EqualValues(t, 3, c.Appended())
	got, ok := c.Take()
	require.True(t, ok)
	require.EqualValues(t, 3, got.LSN())
	require.Equal(t, 3, got.Len())
	require.Equal(t, 3*(8+64), got.Size())
	want := []byte{'x'}
	for _, line := range []byte{64, 128, 129} {
		want = append(want, 0xff, line, 0, 0, 0, 0, 0, 0)
		want = append(want, was[int(line)*64:][:64]...)
	}
	require.Equal(t, want, got.AppendTo([]byte("x")))
	require.Panics(t, func() { c.Take() }, "before Give")
	c.Give(got)
	_, ok = c.Take()
	require.False(t, ok)
	require.EqualValues(t, 3, c.Appended())

	file, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, make([]byte, 16384), file)
}

// Ensure that an image to which batches are applied in order is, after each
// one, the one to which the same flushes were applied one by one: all that was
// flushed up to the batch's number, and nothing that came later.
func TestBatchesAreFlushes(t *testing.T) {
	const size = 64 << 10
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 7))
		c := newCapture(t, 1024)
		b, _ := mapped(t, c, size, size)
		log, err := flushlog.Start(b)
		require.NoError(t, err)
		type state struct {
			lsn   uint64
			image []byte
		}
		var states []state
		image := make([]byte, size)
		for range 150 {
			for range random.IntN(20) {
				off := header + random.IntN(size-header)
				n := 1 + random.IntN(min(1<<random.IntN(11), size-off))
				for i := range b[off : off+n] {
					b[off+i] = byte(random.Uint32())
				}
				switch random.IntN(3) {
				case 0: // evicted by nobody
				case 1:
					flushlog.Persist(b[off : off+n])
				case 2:
					flushlog.Sync(b[off : off+n])
				}
				if random.IntN(60) == 0 {
					states = append(states, state{drain(t, c, image), bytes.Clone(image)})
				}
			}
			states = append(states, state{drain(t, c, image), bytes.Clone(image)})
		}
		raw := log.Stop()
		require.EqualValues(t, len(raw), c.Appended())
		model, at, batches := make([]byte, size), 0, 0
		for _, s := range states {
			if s.lsn == 0 {
				continue // there was no batch
			}
			for ; at < int(s.lsn); at++ {
				copy(model[raw[at].Off:], raw[at].Data)
			}
			require.True(t, bytes.Equal(model, s.image), "seed %d, flush %d", seed, at)
			batches++
		}
		require.Greater(t, batches, 50)
	}
}

// within fails the test if f takes very long.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("still waiting after a minute")
	}
}

// unclosed is newCapture for a test that closes.
func unclosed(t *testing.T, lines int) *capture.Capture {
	t.Helper()
	newCapture(t, lines) // or skip
	c, err := capture.New(lines)
	require.NoError(t, err)
	return c
}

// Ensure that who flushes into a full batch waits until it is taken, that a
// flush larger than a batch is captured in several, and that AwaitFull says so.
func TestFull(t *testing.T) {
	const size = 1 << 20
	c := unclosed(t, capture.MinLines)
	b, _ := mapped(t, c, size, size)
	image := make([]byte, size)
	var mu sync.Mutex
	var closed bool
	var drainer sync.WaitGroup
	drainer.Go(func() {
		for c.AwaitFull() == nil {
			mu.Lock()
			if !closed {
				drain(t, c, image)
			}
			mu.Unlock()
		}
	})
	within(t, func() {
		for i := header; i < size; i++ {
			b[i] = byte(i * 7 / 5)
		}
		flushlog.Persist(b[header:])
		for i := header; i < size; i += 64 {
			b[i] = 9
			flushlog.Persist(b[i : i+64])
		}
	})
	clear(b[:header])
	mu.Lock()
	require.EqualValues(t, 1+(size-header)/64, c.Appended())
	if lsn := drain(t, c, image); lsn != 0 {
		require.Equal(t, c.Appended(), lsn)
	}
	require.NoError(t, c.Close())
	closed = true
	mu.Unlock()
	within(t, drainer.Wait)
	require.True(t, bytes.Equal(b, image))
}

// Ensure that AwaitFull returns for each batch that becomes half full.
func TestHalfFull(t *testing.T) {
	const lines = capture.MinLines
	c := newCapture(t, lines)
	b, _ := mapped(t, c, 16384, 16384)
	for range 3 {
		flushlog.Persist(b[header : header+lines/2*capture.Line])
		within(t, func() { require.NoError(t, c.AwaitFull()) })
		got, ok := c.Take()
		require.True(t, ok)
		require.Equal(t, lines/2, got.Len())
		c.Give(got)
	}
}

// Ensure that a flush that is larger than a batch counts in the last one.
func TestLargeFlush(t *testing.T) {
	const size = header + 64*200
	c := newCapture(t, capture.MinLines)
	b, _ := mapped(t, c, size+header-size%header, size+header-size%header)
	done := make(chan struct{})
	go func() {
		defer close(done)
		flushlog.Persist(b[header : header+64]) // taken with the first
		flushlog.Persist(b[header:size])
	}()
	var lsns []uint64
	var lens []int
	for lines := 0; lines < 200; {
		require.NoError(t, c.AwaitFull())
		got, ok := c.Take()
		if !ok {
			continue
		}
		lines += got.Len()
		lens, lsns = append(lens, got.Len()), append(lsns, got.LSN())
		c.Give(got)
		if lines >= 200-capture.MinLines/2 {
			break
		}
	}
	<-done
	if got, ok := c.Take(); ok {
		lens, lsns = append(lens, got.Len()), append(lsns, got.LSN())
		c.Give(got)
	}
	sum := 0
	for i, n := range lens {
		require.LessOrEqual(t, n, capture.MinLines)
		sum += n
		if sum < 200 {
			require.LessOrEqual(t, lsns[i], uint64(1))
		}
	}
	require.Equal(t, 200, sum)
	require.EqualValues(t, 2, lsns[len(lsns)-1])
}

// Ensure that nothing is lost of what several threads flush.
func TestThreads(t *testing.T) {
	const threads, each = 8, 32 << 10
	size := header + threads*each
	c := newCapture(t, 1024)
	b, _ := mapped(t, c, size, size)
	image := make([]byte, size)
	stop := make(chan struct{})
	var drainer, wg sync.WaitGroup
	drainer.Go(func() {
		for {
			drain(t, c, image)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for i := range threads {
		wg.Go(func() {
			own := b[header+i*each:][:each]
			for n := range 3000 {
				off := n * 1327 % (each - 200)
				for j := range own[off : off+n%200] {
					own[off+j] = byte(n + j)
				}
				if n%200 > 0 {
					before := c.Appended()
					flushlog.Persist(own[off : off+n%200])
					if c.Appended() <= before {
						t.Error("a flush was not counted")
					}
				}
			}
		})
	}
	within(t, wg.Wait)
	close(stop)
	drainer.Wait()
	if lsn := drain(t, c, image); lsn != 0 {
		require.Equal(t, c.Appended(), lsn)
	}
	require.True(t, bytes.Equal(b, image))
}

// Ensure that poison lets go of who waits, and that nothing is captured after.
func TestPoison(t *testing.T) {
	const size = header + 256*64
	c := newCapture(t, capture.MinLines)
	b, _ := mapped(t, c, size+header-size%header, size+header-size%header)
	done := make(chan struct{})
	go func() {
		defer close(done)
		flushlog.Persist(b[header:size])
	}()
	require.NoError(t, c.AwaitFull())
	c.Poison()
	within(t, func() { <-done })
	require.Zero(t, c.Appended())
	_, ok := c.Take()
	require.False(t, ok)
	within(t, func() { flushlog.Persist(b[header:size]) })
	require.Zero(t, c.Appended())
}

// Ensure that Close lets go of who waits, in a flush and in AwaitFull.
func TestCloseWhileWaiting(t *testing.T) {
	const size = 64 << 10
	c := unclosed(t, capture.MinLines)
	b, _ := mapped(t, c, size, size)
	flushed, awaited := make(chan struct{}), make(chan error)
	go func() {
		defer close(flushed)
		flushlog.Persist(b[header:])
	}()
	require.NoError(t, c.AwaitFull())
	go func() {
		err := c.AwaitFull()
		for err == nil { // full, after half full
			err = c.AwaitFull()
		}
		awaited <- err
	}()
	within(t, func() { require.NoError(t, c.Close()) })
	within(t, func() { require.ErrorIs(t, <-awaited, os.ErrClosed) })
	within(t, func() { <-flushed })
}

// Ensure that a child process does not capture what it flushes: it would wait
// for ever, when its copy of the batch is full.
func TestFork(t *testing.T) {
	const size = 16384
	c := newCapture(t, capture.MinLines)
	b, f := mapped(t, c, size, size)
	flushlog.Persist(b[header : header+64])
	require.Zero(t, flushlog.ForkAndPersist(b[8192:]))
	require.EqualValues(t, 1, c.Appended())
	require.Equal(t, make([]byte, size), b)
	flushlog.Persist(b[8192:8200])
	got, ok := c.Take()
	require.True(t, ok)
	require.Equal(t, 2, got.Len())
	c.Give(got)
	content, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.Equal(t, make([]byte, size), content)
}

// Ensure that what is mapped behind a captured mapping is private and captured
// too, whoever maps it, and that it cannot be asked to be what it is not.
func TestExtension(t *testing.T) {
	const size, span = 16384, 1 << 20
	c := newCapture(t, capture.MinLines)
	b, _ := mapped(t, c, size, span)
	part := file(t, size)
	require.ErrorIs(t, flushlog.Extend(part, b[size:2*size], true), unix.EOPNOTSUPP)
	require.NoError(t, flushlog.Extend(part, b[size:2*size], false))
	b[size] = 1
	flushlog.Persist(b[size : size+1])
	got, ok := c.Take()
	require.True(t, ok)
	require.Equal(t, append([]byte{0xff, 0, 1, 0, 0, 0, 0, 0, 1}, make([]byte, 63)...), got.AppendTo(nil))
	c.Give(got)
	content, err := os.ReadFile(part.Name())
	require.NoError(t, err)
	require.Equal(t, make([]byte, size), content)

	// Elsewhere files are shared as before.
	other, err := flushlog.Map(part, size, size)
	require.NoError(t, err)
	defer flushlog.Unmap(other)
	other[7] = 7
	content, err = os.ReadFile(part.Name())
	require.NoError(t, err)
	require.EqualValues(t, 7, content[7])
}

// Ensure that a mapping that is gone is not captured any more, nor what comes
// to lie in its place, and that what was captured is still there.
func TestUnmapped(t *testing.T) {
	const size = 16384
	c := newCapture(t, capture.MinLines)
	f := file(t, size)
	var b []byte
	armed(t, c, size, func() {
		var err error
		b, err = flushlog.Map(f, size, size)
		require.NoError(t, err)
	})
	flushlog.Persist(b[header : header+8])
	flushlog.Unmap(b)
	next, err := flushlog.Map(f, size, size)
	require.NoError(t, err)
	defer flushlog.Unmap(next)
	next[0] = 3
	flushlog.Persist(next[header:])
	require.EqualValues(t, 1, c.Appended())
	got, ok := c.Take()
	require.True(t, ok)
	require.Equal(t, 1, got.Len())
	c.Give(got)
	content, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	require.EqualValues(t, 3, content[0], "shared again")
}

// Ensure that mappings beyond what can be watched are refused.
func TestTooMany(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var c *capture.Capture
	var err error
	for n := 0; err == nil; n++ {
		require.Less(t, n, 100)
		c = newCapture(t, capture.MinLines)
		f := file(t, 8192)
		c.Arm(8192)
		b, mapErr := flushlog.Map(f, 8192, 8192)
		err = c.Disarm()
		require.NoError(t, mapErr)
		t.Cleanup(func() { flushlog.Unmap(b) })
	}
	require.ErrorContains(t, err, "too many pools with journals")
	require.Nil(t, c.Base())
}

// Ensure that where nothing can be captured New says so.
func TestNotEffective(t *testing.T) {
	c, err := capture.New(capture.MinLines)
	if interpose.Effective {
		require.NoError(t, err)
		require.NoError(t, c.Close())
		return
	}
	require.ErrorIs(t, err, capture.ErrNotEffective)
}

func TestNew(t *testing.T) {
	newCapture(t, capture.MaxLines)
	for _, n := range []int{-1, 0, capture.MinLines - 1, capture.MaxLines + 1} {
		_, err := capture.New(n)
		require.ErrorContains(t, err, "are possible")
	}
	c := newCapture(t, capture.MinLines)
	armed(t, c, 0, func() {})
	require.Nil(t, c.Base(), "nothing was mapped")
	mapped(t, c, 8192, 0)
	require.Panics(t, func() { c.Arm(0) })
}
