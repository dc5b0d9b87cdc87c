package libpmemobj_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// crashLogged is what transactions with a TxLog work on.
type crashLogged struct {
	Log   Ptr[TxLog]
	Count uint64
	Items [20]Ptr[crashItem]
	Big   [64 << 10]byte
}

// next is a transaction that uses the log, or one that takes large snapshots
// and so a log from the heap.
func (r *crashLogged) next(p *Pool, logged bool) error {
	return p.Update(func(tx *Tx) error {
		if logged {
			if err := tx.UseLog(r.Log); err != nil {
				return err
			}
		} else {
			for at := 0; at < len(r.Big); at += 4 << 10 {
				if err := tx.Snapshot(RangeOfSlice(r.Big[at : at+4<<10])); err != nil {
					return err
				}
			}
		}
		item, err := New[crashItem](tx)
		if err != nil {
			return err
		}
		*item.Get() = crashItemOf(r.Count)
		slot := &r.Items[r.Count%uint64(len(r.Items))]
		if err := tx.Free(slot.OID()); err != nil {
			return err
		}
		*MutAt(tx, slot) = item
		*MutAt(tx, &r.Count)++
		return nil
	})
}

// check says how many transactions there were.
func (r *crashLogged) check(p *Pool) (uint64, error) {
	for i, item := range r.Items {
		last := r.Count - 1 - (r.Count-1-uint64(i))%uint64(len(r.Items))
		if uint64(i) >= r.Count {
			if !item.IsNull() {
				return 0, fmt.Errorf("item %d is %v after %d transactions", i, item, r.Count)
			}
			continue
		}
		if got, err := item.TryGet(); err != nil || *got != crashItemOf(last) {
			return 0, fmt.Errorf("item %d is %+v, %w; it should be that of transaction %d", i, got, err, last)
		}
	}
	root, err := Root[crashLogged](p)
	if err != nil {
		return 0, err
	}
	report, err := p.Leaks(root, WalkOpaque())
	if err != nil {
		return 0, err
	}
	if n := report.Count(); n != 0 {
		return 0, fmt.Errorf("%d objects leaked:\n%v", n, report)
	}
	for _, doubt := range report.Doubts {
		// The recovery frees the buffers of a log that was in use; they hold
		// bytes.
		var e *WalkError
		if !errors.As(doubt, &e) || !strings.Contains(e.Path, ".Log.buffers[") {
			return 0, doubt
		}
	}
	return r.Count, nil
}

// eachThread calls f n times, on n threads that exist at once, one after the
// other. libpmemobj gives each a lane of its own, with logs of its own.
func eachThread(n int, f func() error) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	end := make(chan struct{})
	defer close(end)
	for range n {
		done := make(chan error)
		wg.Go(func() {
			runtime.LockOSThread()
			done <- f()
			<-end
		})
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// Ensure that transactions which use a TxLog happen as a whole, also in turns
// with others, and that the pool goes on after a crash in any of them, on every
// thread.
func TestCrashTxLog(t *testing.T) { runTxLog(t, crashtest.Config{}) }

// Ensure the same on an ordinary file.
func TestCrashTxLogOnDisk(t *testing.T) { runTxLog(t, onDisk) }

func runTxLog(t *testing.T, c crashtest.Config) {
	t.Helper()
	c.Size, c.Images = 24<<20, crashmodel.Images
	crashtest.Run(t, c, func(p *Pool) error {
		var r *crashLogged
		err := crashtest.Unchecked(func() error {
			root, err := Root[crashLogged](p)
			if err != nil {
				return err
			}
			r = root.Get()
			return p.Update(func(tx *Tx) error {
				log, err := NewTxLog(tx, TxNeeds{Snapshots: 40, SnapshotBytes: 64, Intents: 40})
				*MutAt(tx, &r.Log) = log
				return err
			})
		})
		for i := 0; i < 30 && err == nil; i++ {
			if err = r.next(p, i%3 != 1); err == nil {
				crashtest.Ack(int64(i + 1))
			}
		}
		return err
	}, func(p *Pool, acked crashtest.Acked) error {
		root, err := Root[crashLogged](p)
		if err != nil {
			return err
		}
		r := root.Get()
		n, err := r.check(p)
		if err != nil {
			return err
		}
		if got := int64(n) - acked.Last(); got < 0 || got > 1 {
			return fmt.Errorf("%d transactions, %d were acknowledged", n, acked.Last())
		}
		// In this order: where the crash was between the commit of the redo log
		// by which UseLog frees an extension of the lane's own log and its end,
		// PMDK goes on, after its recovery, with the room of the extension, and
		// faults at the first larger snapshot. UseLog makes it count anew.
		err = eachThread(4, func() error { return errors.Join(r.next(p, true), r.next(p, false)) })
		if err != nil {
			return err
		}
		if m, err := r.check(p); err != nil || m != n+8 {
			return fmt.Errorf("%d transactions after 8 more than %d: %w", m, n, err)
		}
		return nil
	})
}
