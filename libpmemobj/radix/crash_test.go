//go:build !pmdk_dynamic

package radix

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// operation is something that a workload does, to a map or to a model of one.
type operation func(p *libpmemobj.Pool, m *Map, want model) error

func putStep(key, value string) operation {
	return func(_ *libpmemobj.Pool, m *Map, want model) error {
		if m != nil {
			return m.Put([]byte(key), []byte(value))
		}
		want[key] = value
		return nil
	}
}

func deleteStep(key string) operation {
	return func(_ *libpmemobj.Pool, m *Map, want model) error {
		if m != nil {
			_, err := m.Delete([]byte(key))
			return err
		}
		delete(want, key)
		return nil
	}
}

func clearStep(_ *libpmemobj.Pool, m *Map, want model) error {
	if m != nil {
		return m.Clear()
	}
	clear(want)
	return nil
}

var errAbort = errors.New("abort")

// txStep does steps in a transaction, which fails if abort.
func txStep(abort bool, puts map[string]string, deletes ...string) operation {
	return func(p *libpmemobj.Pool, m *Map, want model) error {
		if m == nil {
			if !abort {
				maps.Copy(want, puts)
				for _, k := range deletes {
					delete(want, k)
				}
			}
			return nil
		}
		err := p.Update(func(tx *libpmemobj.Tx) error {
			for k, v := range puts {
				if err := m.In(tx).Put([]byte(k), []byte(v)); err != nil {
					return err
				}
			}
			for _, k := range deletes {
				if _, err := m.In(tx).Delete([]byte(k)); err != nil {
					return err
				}
			}
			if abort {
				return errAbort
			}
			return nil
		})
		if abort && errors.Is(err, errAbort) {
			return nil
		}
		return err
	}
}

// images is how many images a test checks, so that the package's tests take
// seconds; see the flag -crashtest.images.
func images() int {
	if testing.Short() {
		return 100
	}
	return 300
}

// runCrash checks that after a crash the map is as the acknowledged steps left
// it, or those and the next one, and can be used. The first steps only prepare.
func runCrash(t *testing.T, prepare, steps []operation) {
	crashtest.Run(t, crashtest.Config{Images: images(), Size: 12 << 20}, func(p *libpmemobj.Pool) error {
		var m *Map
		err := crashtest.Unchecked(func() (err error) {
			if m, err = Open(p, "m"); err != nil {
				return err
			}
			for _, s := range prepare {
				if err := s(p, m, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i, s := range steps {
			if err := s(p, m, nil); err != nil {
				return err
			}
			crashtest.Ack(int64(i + 1))
		}
		return nil
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		m, err := Open(p, "m")
		if err != nil {
			return err
		}
		want := model{}
		for _, s := range append(prepare[:len(prepare):len(prepare)], steps[:acked.Last()]...) {
			_ = s(nil, nil, want)
		}
		if err := same(m, want); err != nil {
			if acked.Last() == int64(len(steps)) {
				return err
			}
			_ = steps[acked.Last()](nil, nil, want)
			if next := same(m, want); next != nil {
				return fmt.Errorf("%w; or, with the next step: %w", err, next)
			}
		}
		// It goes on as if nothing had happened.
		for i := range 60 {
			for _, s := range []operation{putStep(scattered(5000+i), "later"), deleteStep(scattered(i))} {
				if err := s(p, m, nil); err != nil {
					return err
				}
				_ = s(nil, nil, want)
			}
		}
		if err := same(m, want); err != nil {
			return fmt.Errorf("later: %w", err)
		}
		if err := m.Clear(); err != nil {
			return err
		}
		return onlyHeader(p, m)
	})
}

// onlyHeader says whether a map that was cleared has anything but its header.
func onlyHeader(p *libpmemobj.Pool, m *Map) error {
	for oid := range p.Objects() {
		if n, err := p.TypeNum(oid); err != nil || n == innerType || n == recordType {
			return fmt.Errorf("%v is left, of type %#x (%v)", oid, n, err)
		}
	}
	return nil
}

// Ensure that every operation is atomic and durable, with entries in leaves and
// in records, with splits and merges.
func TestCrashOps(t *testing.T) {
	long := strings.Repeat("long ", 40)
	var prepare, steps []operation
	for i := range 44 {
		prepare = append(prepare, putStep(scattered(i), fmt.Sprint("value ", i)))
	}
	for i := 44; i < 52; i++ { // a split
		steps = append(steps, putStep(scattered(i), fmt.Sprint("value ", i)))
	}
	steps = append(steps,
		putStep(scattered(0), "other"),
		putStep(scattered(1), long),
		putStep(scattered(1), long+"er"),
		putStep(scattered(1), "short"),
		putStep(scattered(100), long),
		deleteStep(scattered(100)),
		deleteStep(scattered(101)),
	)
	for i := range 49 { // merges, down to one leaf
		steps = append(steps, deleteStep(scattered(i)))
	}
	for i := range 6 { // no leaf at all, and one again
		steps = append(steps, deleteStep(scattered(48+i)))
	}
	steps = append(steps, putStep("", ""), putStep(scattered(1), long), clearStep, putStep(scattered(2), "b"))
	runCrash(t, prepare, steps)
}

// Ensure the same for transactions.
func TestCrashTx(t *testing.T) {
	long := strings.Repeat("long ", 40)
	var prepare []operation
	for i := range 45 {
		prepare = append(prepare, putStep(scattered(i), fmt.Sprint("value ", i)))
	}
	puts := map[string]string{scattered(0): long, scattered(1): "other"}
	for i := 60; i < 70; i++ {
		puts[scattered(i)] = fmt.Sprint("tx ", i)
	}
	var most []string
	for i := range 42 {
		most = append(most, scattered(i))
	}
	runCrash(t, prepare, []operation{
		txStep(true, puts, scattered(3), scattered(4)),
		txStep(false, puts, scattered(3), scattered(4)),
		txStep(true, nil, most...),
		txStep(false, map[string]string{scattered(7): long}, most...),
		clearStep,
	})
}

// Ensure the same where inner nodes split, and where many records go.
func TestCrashInner(t *testing.T) {
	key := func(i int) string { return string(AppendUint64(nil, uint64(i))) }
	var prepare, steps []operation
	const full = maxChildren * leafFull
	for i := range full - 1 {
		value := "v"
		if i%300 == 0 {
			value = strings.Repeat("long ", 40)
		}
		prepare = append(prepare, putStep(key(i), value))
	}
	for i := full - 1; i < full+3; i++ {
		steps = append(steps, putStep(key(i), "v"))
	}
	runCrash(t, prepare, append(steps, clearStep))
}

// Ensure that operations of parallel goroutines are durable, each by itself.
func TestCrashParallel(t *testing.T) {
	const workers, puts = 2, 40
	key := func(w int32, i int) string { return fmt.Sprint(scattered(i), w) }
	value := func(i int) string { return strings.Repeat("v", i*i%150) }
	crashtest.Run(t, crashtest.Config{Images: images()}, func(p *libpmemobj.Pool) error {
		m, err := Open(p, "m")
		if err != nil {
			return err
		}
		var errs [workers]error
		var wg sync.WaitGroup
		for w := range int32(workers) {
			wg.Go(func() {
				for i := range puts {
					if errs[w] = m.Put([]byte(key(w, i)), []byte(value(i))); errs[w] != nil {
						return
					}
					crashtest.AckAs(w, int64(i+1))
				}
			})
		}
		wg.Wait()
		return errors.Join(errs[:]...)
	}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
		m, err := Open(p, "m")
		if err != nil {
			return err
		}
		if err := m.t.verify(); err != nil {
			return err
		}
		total := 0
		for w := range int32(workers) {
			n := 0
			for i := range puts {
				v, found, err := m.Get([]byte(key(w, i)))
				if err != nil {
					return err
				}
				if !found {
					continue
				}
				if i != n || string(v) != value(i) {
					return fmt.Errorf("worker %d: put %d came before put %d, or has a value of %d bytes", w, i, n, len(v))
				}
				n++
			}
			if have := int(acked.Of(w)); n < have || n > have+1 {
				return fmt.Errorf("worker %d: %d puts are there, %d were acknowledged", w, n, have)
			}
			total += n
		}
		if n, err := m.Len(); err != nil || n != total {
			return fmt.Errorf("%d entries, not %d (%v)", n, total, err)
		}
		return nil
	})
}
