package linearize_test

import (
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/linearize"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// stale is a map with a cache in front of it that is now and then behind by one
// value.
type stale struct {
	mapping
	mu   sync.Mutex
	gets int
	seen map[int]int
}

func (s *stale) get(k int) (int, bool, error) {
	v, found, err := s.mapping.get(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if old := s.seen[k]; s.gets%16 == 0 && old != 0 {
		return old, true, err
	}
	s.seen[k] = v
	return v, found, err
}

// racy is a map whose read-modify-write is a read and a write.
type racy struct{ mapping }

func (r racy) update(k, v int) (int, bool, error) {
	old, found, err := r.mapping.get(k)
	time.Sleep(50 * time.Microsecond)
	if err == nil {
		err = r.mapping.put(k, v)
	}
	return old, found, err
}

// Ensure that maps which break their promises are found out: each by the model
// that looks for that.
func TestBrokenMaps(t *testing.T) {
	for _, broken := range []struct {
		name   string
		model  porcupine.Model
		breaks func(s subject) subject
	}{
		{"stale reads", linearize.MapsByKey, func(s subject) subject {
			s.mapping = &stale{mapping: s.mapping, seen: map[int]int{}}
			return s
		}},
		{"updates that race", linearize.MapsByKey, func(s subject) subject {
			s.mapping = racy{s.mapping}
			return s
		}},
		{"transactions in pieces", linearize.Maps, func(s subject) subject {
			return subject{mapping: s.mapping, in: func(*libpmemobj.Tx) mapping { return outside{s.mapping} }}
		}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			p := testpool.New(t, libpmemobj.WithSize(64<<20))
			for range 50 {
				m, err := openBytes(p)
				require.NoError(t, err)
				err = recordMap(t, p, broken.breaks(m), 150).Verify(broken.model)
				if err != nil {
					require.ErrorContains(t, err, "could not have happened one after the other: after ")
					require.ErrorContains(t, err, "none of the others can be next:")
					return
				}
				removeAll(t, p)
			}
			t.Error("it was never found out")
		})
	}
}

// outside does what it is told in a transaction of another goroutine's, at once.
type outside struct{ m mapping }

// elsewhere runs f in a goroutine that has no transaction.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (o outside) get(k int) (v int, found bool, err error) {
	elsewhere(func() { v, found, err = o.m.get(k) })
	return v, found, err
}

func (o outside) put(k, v int) (err error) {
	elsewhere(func() { err = o.m.put(k, v) })
	return err
}

func (o outside) putIfAbsent(k, v int) (inserted bool, err error) {
	elsewhere(func() { inserted, err = o.m.putIfAbsent(k, v) })
	return inserted, err
}

func (o outside) update(k, v int) (old int, found bool, err error) {
	elsewhere(func() { old, found, err = o.m.update(k, v) })
	return old, found, err
}

func (o outside) delete(k int) (found bool, err error) {
	elsewhere(func() { found, err = o.m.delete(k) })
	return found, err
}
