package libpmemlog_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Ensure that appends of many goroutines are whole, that none is lost, and
// that each writer's follow one another, under readers of all kinds.
func TestManyWriters(t *testing.T) {
	const writers, each = 8, 500
	l := createLog(t)
	var done atomic.Bool
	var wg, readers sync.WaitGroup
	// verify reads entries of 64 bytes: the writer, the number, and their sum.
	verify := func(b []byte) bool {
		ok := len(b)%64 == 0
		for ; len(b) >= 64; b = b[64:] {
			w, n, sum := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[56:])
			ok = ok && w < writers && n < each && sum == w+n
		}
		return ok
	}
	readers.Go(func() {
		for !done.Load() {
			assert.NoError(t, l.Walk(0, func(b []byte) bool { return assert.True(t, verify(b)) }))
		}
	})
	readers.Go(func() {
		for !done.Load() {
			s, err := l.Snapshot()
			assert.NoError(t, err)
			b, err := io.ReadAll(s.Reader())
			assert.NoError(t, err)
			assert.True(t, verify(b))
		}
	})
	readers.Go(func() {
		for !done.Load() {
			for b := range l.Chunks(64 * 100) {
				assert.True(t, verify(b))
			}
			runtime.GC()
		}
	})
	for w := range uint64(writers) {
		wg.Go(func() {
			b := make([]byte, 64)
			for n := range uint64(each) {
				binary.LittleEndian.PutUint64(b, w)
				binary.LittleEndian.PutUint64(b[8:], n)
				binary.LittleEndian.PutUint64(b[56:], w+n)
				if n%3 == 0 {
					assert.NoError(t, l.Appendv([][]byte{b[:10], b[10:]}))
				} else {
					assert.NoError(t, l.Append(b))
				}
			}
		})
	}
	wg.Wait()
	done.Store(true)
	readers.Wait()
	var next [writers]uint64
	for b := range l.Chunks(64) {
		w, n := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		require.Equal(t, next[w], n)
		next[w]++
	}
	for _, n := range next {
		require.EqualValues(t, each, n)
	}
}

// Ensure that readers see what was there between two rewinds, or ErrRewound,
// never a mixture: each time, the log holds one letter only.
func TestRewindUnderReaders(t *testing.T) {
	l := createLog(t)
	var done atomic.Bool
	var readers sync.WaitGroup
	pure := func(b []byte) bool {
		for _, c := range b {
			if c != b[0] {
				return assert.Fail(t, "a mixture")
			}
		}
		return true
	}
	var whole, rewound atomic.Int64
	for range 2 {
		readers.Go(func() {
			for !done.Load() {
				s, err := l.Snapshot()
				assert.NoError(t, err)
				b, err := io.ReadAll(s.Reader())
				if err == nil {
					whole.Add(1)
					pure(b)
					assert.EqualValues(t, s.Size(), len(b))
				} else {
					assert.ErrorIs(t, err, ErrRewound)
					rewound.Add(1)
				}
				assert.NoError(t, l.Walk(1000, pure))
			}
		})
	}
	p := make([]byte, 5000)
	for round := 0; round < 300 || whole.Load() == 0; round++ {
		for i := range p {
			p[i] = byte('a' + round%26)
		}
		for range 20 {
			require.NoError(t, l.Append(p))
		}
		require.NoError(t, l.Rewind())
	}
	done.Store(true)
	readers.Wait()
	t.Logf("%d snapshots read, %d rewound", whole.Load(), rewound.Load())
}

// Ensure that many writers of records, through several Records, and followers
// that wait for them, get along: each follower sees every record once.
func TestManyRecordWriters(t *testing.T) {
	const writers, each = 6, 200
	l := createLog(t)
	var wg, followers sync.WaitGroup
	for range 3 {
		r := openRecords(t, l)
		followers.Go(func() {
			s := r.Scan(0)
			var next [writers]int
			for range writers * each {
				if !assert.True(t, s.Wait(context.Background()), "%v", s.Err()) {
					return
				}
				var w, n int
				_, err := fmt.Sscan(string(s.Data()), &w, &n)
				assert.NoError(t, err)
				assert.Equal(t, next[w], n)
				next[w]++
			}
			assert.False(t, s.Next())
		})
	}
	for w := range writers {
		r := openRecords(t, l)
		wg.Go(func() {
			for n := 0; n < each; n++ {
				if n%10 < 8 {
					_, err := r.Append(fmt.Appendf(nil, "%d %d", w, n))
					assert.NoError(t, err)
					continue
				}
				_, err := r.AppendAll([][]byte{fmt.Appendf(nil, "%d %d", w, n), fmt.Appendf(nil, "%d %d", w, n+1)})
				assert.NoError(t, err)
				n++
			}
		})
	}
	wg.Wait()
	followers.Wait()
}

// Ensure that Close comes between appends of all kinds, never into one.
func TestCloseUnderAppends(t *testing.T) {
	for range 30 {
		l := createLog(t)
		var appended atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				p := make([]byte, 64)
				for {
					var err error
					if i == 0 {
						err = l.Appendv([][]byte{p})
					} else {
						err = l.Append(p)
					}
					switch {
					case err == nil:
						appended.Add(64)
					case errors.Is(err, ErrFull):
						runtime.Gosched()
					default:
						assert.ErrorIs(t, err, ErrClosed)
						return
					}
				}
			})
		}
		runtime.Gosched()
		for {
			err := l.Close()
			if err == nil {
				break
			}
			require.ErrorIs(t, err, ErrBusy)
			runtime.Gosched()
		}
		wg.Wait()
		n := contents(t, reopen(t, l))
		require.EqualValues(t, appended.Load(), len(n))
	}
}
