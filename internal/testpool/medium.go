package testpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/medium"
)

// Medium is one that keeps nothing: the pool is on its files, as with
// DurabilityProcessCrash. It notes what it is asked to do, and fails where a test
// wants it to.
type Medium struct {
	mu    sync.Mutex
	calls []string
	fail  map[string]error
	files medium.Pool
	base  unsafe.Pointer
	size  int64
	span  int64
	err   error
	hook  func()
	watch func(call string)

	awaits atomic.Int64
	closed atomic.Bool
}

// Fail has a call fail from now on, by its name: "Prepare", "Start", "Await",
// "Sync", "Close", or "Abandon". A failed Await is what Err says afterwards.
func (m *Medium) Fail(call string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.fail = map[string]error{}
	}
	m.fail[call] = err
}

// Hook has f called by every Await.
func (m *Medium) Hook(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hook = f
}

// Watch has f told of every call but Err and Await.
func (m *Medium) Watch(f func(call string)) { m.watch = f }

func (m *Medium) called(name string) error {
	if m.watch != nil {
		m.watch(name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed.Load() {
		m.calls = append(m.calls, name+" after the end")
	}
	m.calls = append(m.calls, name)
	return m.fail[name]
}

// Calls returns what was called since the last time, but for Err and Await.
func (m *Medium) Calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := slices.Clone(m.calls)
	m.calls = nil
	return calls
}

// Awaits is how often an operation has waited since the last time.
func (m *Medium) Awaits() int { return int(m.awaits.Swap(0)) }

// Files is the pool as the medium sees it.
func (m *Medium) Files() medium.Pool { return m.files }

// Place is what Start was told: the address, the size, the span.
func (m *Medium) Place() (base unsafe.Pointer, size, span int64) { return m.base, m.size, m.span }

// Durability is DurabilityJournal.
func (m *Medium) Durability() cgoutil.Durability { return cgoutil.DurabilityJournal }

// Prepare reads the pool's header, to see that it can.
func (m *Medium) Prepare(op string, p medium.Pool) (medium.Keeper, error) {
	m.closed.Store(false)
	if err := m.called("Prepare"); err != nil {
		return nil, fmt.Errorf("%s %s: %w", op, p.Path(), err)
	}
	header := make([]byte, 4096)
	if _, err := p.ReadAt(header, 0); err != nil {
		return nil, err
	}
	if _, err := p.WriteAt(header, 0); err != nil {
		return nil, err
	}
	if _, err := p.ReadAt(header, p.Size()-1); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read behind the end: %v", err)
	}
	if err := p.Sync(); err != nil {
		return nil, err
	}
	m.files = p
	return (*keeper)(m), nil
}

type keeper Medium

func (k *keeper) Arm(span int64) { k.span = span; _ = (*Medium)(k).called("Arm") }
func (k *keeper) Disarm()        { _ = (*Medium)(k).called("Disarm") }

func (k *keeper) Start(base unsafe.Pointer, size, span int64) error {
	if k.span != span {
		return fmt.Errorf("span %d, armed with %d", span, k.span)
	}
	k.base, k.size = base, size
	return (*Medium)(k).called("Start")
}

func (k *keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

func (k *keeper) Await() error {
	k.awaits.Add(1)
	k.mu.Lock()
	hook := k.hook
	if k.err == nil {
		k.err = k.fail["Await"]
	}
	err := k.err
	k.mu.Unlock()
	if hook != nil {
		hook()
	}
	return err
}

func (k *keeper) Sync(ctx context.Context) error {
	if err := (*Medium)(k).called("Sync"); err != nil {
		return err
	}
	return ctx.Err()
}

func (k *keeper) Close() error   { return k.end("Close") }
func (k *keeper) Abandon() error { return k.end("Abandon") }

func (k *keeper) end(name string) error {
	err := (*Medium)(k).called(name)
	k.closed.Store(true)
	return errors.Join(err, k.files.Close())
}
