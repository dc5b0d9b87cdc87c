package journal

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeSource counts changes; a batch has a byte for each.
type fakeSource struct {
	mu       sync.Mutex
	appended atomic.Uint64
	taken    uint64
	poisoned bool
	before   func() // Take; may be nil
}

func (s *fakeSource) change()          { s.mu.Lock(); s.appended.Add(1); s.mu.Unlock() }
func (s *fakeSource) Appended() uint64 { return s.appended.Load() }
func (s *fakeSource) Poison()          { s.poisoned = true }
func (s *fakeSource) Take(dst []byte) ([]byte, uint64) {
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.appended.Load()
	if s.poisoned {
		return dst, last
	}
	for ; s.taken < last; s.taken++ {
		dst = append(dst, 1)
	}
	return dst, last
}

// fakeSink counts the changes that it was given, and those that it has synced.
type fakeSink struct {
	written, synced atomic.Uint64
	syncs           atomic.Uint64
	inside          atomic.Int32
	hold            chan struct{} // Datasync waits for it, if there is one
	failAt          uint64
	err             error
	t               testing.TB
}

func (s *fakeSink) Append(batch []byte) error {
	if s.inside.Add(1) != 1 {
		s.t.Error("two at a time")
	}
	s.written.Add(uint64(len(batch)))
	return nil
}

func (s *fakeSink) Datasync() error {
	defer s.inside.Add(-1)
	if s.hold != nil {
		<-s.hold
	}
	if s.syncs.Add(1) == s.failAt {
		return s.err
	}
	s.synced.Store(s.written.Load())
	return nil
}

// Ensure that what await returns for is synced, with many goroutines, some of
// which lose patience, and that they share writes.
func TestCommitter(t *testing.T) {
	from, to := &fakeSource{}, &fakeSink{t: t}
	c := newCommitter(from, to)
	const goroutines, each = 32, 300
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				from.change()
				need := from.Appended()
				if g%4 == 3 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%3)*10*time.Microsecond)
					err := c.sync(ctx)
					cancel()
					if errors.Is(err, context.DeadlineExceeded) {
						continue
					}
					require.NoError(t, err)
				} else {
					require.NoError(t, c.await())
				}
				require.GreaterOrEqual(t, to.synced.Load(), need)
			}
		})
	}
	for range 50 {
		c.drain()
	}
	wg.Wait()
	require.NoError(t, c.await())
	require.EqualValues(t, goroutines*each, to.synced.Load())
	require.False(t, c.leading)
	require.Zero(t, c.next.members)
}

// Ensure that those who come while a batch is written share the next one.
func TestCommitterShares(t *testing.T) {
	from, to := &fakeSource{}, &fakeSink{t: t, hold: make(chan struct{})}
	c := newCommitter(from, to)
	var wg sync.WaitGroup
	begin := func() { from.change(); wg.Go(func() { require.NoError(t, c.await()) }) }
	members := func(n int) func() bool {
		return func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.leading && c.next.members == n }
	}
	begin()
	require.Eventually(t, func() bool { return to.inside.Load() == 1 }, 10*time.Second, time.Millisecond)
	for range 20 {
		begin()
	}
	require.Eventually(t, members(20), 10*time.Second, time.Millisecond)
	close(to.hold)
	wg.Wait()
	require.EqualValues(t, 2, to.syncs.Load())
	require.NoError(t, c.await(), "nothing to wait for")
	require.EqualValues(t, 2, to.syncs.Load())
}

// Ensure that after an error everybody gets it, whose change is not durable,
// and nothing is written any more.
func TestCommitterFails(t *testing.T) {
	cause := errors.New("no more")
	from, to := &fakeSource{}, &fakeSink{t: t, failAt: 3, err: cause}
	c := newCommitter(from, to)
	var wg sync.WaitGroup
	var failed atomic.Int32
	for range 16 {
		wg.Go(func() {
			for {
				from.change()
				need := from.Appended()
				err := c.await()
				if err == nil {
					require.GreaterOrEqual(t, to.synced.Load(), need)
					continue
				}
				var f *FailedError
				require.ErrorAs(t, err, &f)
				require.ErrorIs(t, err, cause)
				failed.Add(1)
				return
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 16, failed.Load())
	require.True(t, from.poisoned)
	written := to.written.Load()
	from.change()
	require.ErrorIs(t, c.await(), cause)
	require.ErrorIs(t, c.sync(context.Background()), cause)
	c.drain()
	require.Equal(t, written, to.written.Load())
	require.EqualValues(t, 3, to.syncs.Load())
}

// Ensure that nobody is told that a change is durable which the source has thrown
// away, because something else failed when the leader was about to take it.
func TestCommitterPoisoned(t *testing.T) {
	cause := errors.New("a checkpoint failed")
	from, to := &fakeSource{}, &fakeSink{t: t}
	c := newCommitter(from, to)
	from.before = func() { _ = c.fail("checkpoint", cause) }
	from.change()
	require.ErrorIs(t, c.await(), cause)
	require.Zero(t, to.synced.Load())
	require.Zero(t, c.durable.Load())
}
