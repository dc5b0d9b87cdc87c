package directory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
	"github.com/pmem/pmdk-go/libpmemobj/radix"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// step is an operation on a container. One that changes it waits for the medium
// once; the others never do.
type step struct {
	name  string
	waits int
	run   func() error
}

func second(_ any, err error) error { return err }

// containerSteps are the operations of all containers, in an order in which all
// succeed. reads are among them, and do not depend on the order.
func containerSteps(t *testing.T, p *libpmemobj.Pool) (steps, reads []step) {
	n, err := counter.Open(p, "counter")
	require.NoError(t, err)
	words, err := vector.Open[uint64](p, "words")
	require.NoError(t, err)
	_, err = words.Append(0)
	require.NoError(t, err)
	wide, err := vector.Open[[4]uint64](p, "wide")
	require.NoError(t, err)
	m, err := hashmap.Open[uint64, uint64](p, "map")
	require.NoError(t, err)
	b, err := hashmap.OpenBytes(p, "bytes")
	require.NoError(t, err)
	o, err := radix.Open(p, "ordered")
	require.NoError(t, err)
	points, err := radix.OpenOf[[2]uint64](p, "points")
	require.NoError(t, err)
	many, err := radix.Open(p, "many")
	require.NoError(t, err)
	const leaf = 47 // entries that one has at most
	number := func(i int) []byte { return radix.AppendUint32(nil, uint32(i)) }
	for i := range leaf {
		require.NoError(t, many.Put(number(i), nil))
	}
	l, err := ring.OpenLog(p, "log")
	require.NoError(t, err)
	q, err := ring.OpenQueue(p, "queue")
	require.NoError(t, err)
	var msg ring.Message
	ctx := context.Background()
	big := make([]byte, 5000)
	inTx := func(f func(tx *libpmemobj.Tx) error) func() error {
		return func() error { return p.Update(f) }
	}
	steps = []step{
		{"counter add", 1, func() error { return n.Add(1) }},
		{"counter store", 1, func() error { return n.Store(1) }},
		{"counter in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return n.In(tx).Add(1) })},

		{"vector append", 1, func() error { return second(words.Append(1)) }},
		{"vector append, growing", 1, func() error { return second(words.AppendN(100_000, 1)) }},
		{"vector append all", 1, func() error { return second(wide.AppendAll(make([][4]uint64, 10))) }},
		{"vector append none", 0, func() error { return second(wide.AppendAll(nil)) }},
		{"vector set word", 1, func() error { return words.Set(0, 2) }},
		{"vector set in tx", 1, func() error { return wide.Set(0, [4]uint64{1}) }},
		{"vector pop", 1, func() error { return second(words.Pop()) }},
		{"vector truncate", 1, func() error { return words.Truncate(10) }},
		{"vector clear", 1, func() error { return wide.Clear() }},
		{"vector in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return second(words.In(tx).Append(4)) })},

		{"map put", 1, func() error { return m.Put(1, 1) }},
		{"map put again", 1, func() error { return m.Put(1, 2) }},
		{"map put if absent", 1, func() error { return second(m.PutIfAbsent(2, 2)) }},
		{"map put if absent, there", 0, func() error { return second(m.PutIfAbsent(2, 2)) }},
		{"map update", 1, func() error { return m.Update(1, func(v uint64, _ bool) (uint64, error) { return v + 1, nil }) }},
		{"map delete", 1, func() error { return second(m.Delete(1)) }},
		{"map delete, gone", 0, func() error { return second(m.Delete(1)) }},
		{"map clear", 1, func() error { return m.Clear() }},
		{"map in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return m.In(tx).Put(1, 1) })},
		{"bytes put", 1, func() error { return b.Put([]byte("a"), []byte("b")) }},
		{"bytes put big", 1, func() error { return b.Put([]byte("big"), big) }},
		{"bytes put big again", 1, func() error { return b.Put([]byte("big"), big[1:]) }},
		{"bytes put if absent", 1, func() error { return second(b.PutIfAbsent([]byte("c"), []byte("b"))) }},
		{"bytes put if absent, there", 0, func() error { return second(b.PutIfAbsent([]byte("c"), []byte("b"))) }},
		{"bytes update", 1, func() error {
			return b.Update([]byte("a"), func(v []byte, _ bool) ([]byte, error) { return append(v, 'x'), nil })
		}},
		{"bytes delete big", 1, func() error { return second(b.Delete([]byte("big"))) }},
		{"bytes delete, gone", 0, func() error { return second(b.Delete([]byte("big"))) }},
		{"bytes in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return b.In(tx).Put([]byte("t"), big) })},

		{"ordered put", 1, func() error { return o.Put([]byte("a"), []byte("b")) }},
		{"ordered put again", 1, func() error { return o.Put([]byte("a"), []byte("c")) }},
		{"ordered put big", 1, func() error { return o.Put([]byte("big"), big) }},
		{"ordered put big again", 1, func() error { return o.Put([]byte("big"), big[1:]) }},
		{"ordered put if absent", 1, func() error { return second(o.PutIfAbsent([]byte("c"), []byte("b"))) }},
		{"ordered put if absent, there", 0, func() error { return second(o.PutIfAbsent([]byte("c"), []byte("b"))) }},
		{"ordered delete", 1, func() error { return second(o.Delete([]byte("a"))) }},
		{"ordered delete big", 1, func() error { return second(o.Delete([]byte("big"))) }},
		{"ordered delete, gone", 0, func() error { return second(o.Delete([]byte("big"))) }},
		{"ordered clear", 1, func() error { return o.Clear() }},
		{"ordered in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return o.In(tx).Put([]byte("t"), big) })},
		{"ordered put, splitting", 1, func() error { return many.Put(number(leaf), nil) }},
		{"ordered many puts", 500, func() error {
			for i := range 500 {
				if err := many.Put(number(i), big[:i%2*300]); err != nil {
					return err
				}
			}
			return nil
		}},
		{"ordered many deletes, merging and freeing", 500, func() error {
			for i := range 500 {
				if err := second(many.Delete(number(i))); err != nil {
					return err
				}
			}
			return nil
		}},
		{"points put", 1, func() error { return points.Put([]byte("a"), [2]uint64{1}) }},
		{"points put if absent", 1, func() error { return second(points.PutIfAbsent([]byte("b"), [2]uint64{1})) }},
		{"points delete", 1, func() error { return second(points.Delete([]byte("b"))) }},
		{"points clear", 1, func() error { return points.Clear() }},
		{"points in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return points.In(tx).Put([]byte("a"), [2]uint64{2}) })},

		{"log append", 1, func() error { return second(l.Append([]byte("1"), []byte("2"))) }},
		{"log append none", 0, func() error { return second(l.Append()) }},
		{"log in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return second(l.In(tx).Append([]byte("3"))) })},
		{"log truncate front", 1, func() error { return l.TruncateFront(2) }},
		{"log truncate back", 1, func() error { return l.TruncateBack(3) }},
		{"log reset", 1, func() error { return l.Reset(100) }},
		{"queue enqueue", 1, func() error { return q.Enqueue(ctx, []byte("1")) }},
		{"queue enqueue batch", 1, func() error { return q.EnqueueBatch(ctx, [][]byte{{1}, {2}}) }},
		{"queue try enqueue", 1, func() error { return q.TryEnqueue([]byte("3")) }},
		{"queue in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return q.In(tx).Enqueue([]byte("4")) })},
		{"queue dequeue", 0, func() (err error) { msg, err = q.Dequeue(ctx); return err }},
		{"queue roll back", 0, func() error { return msg.Rollback() }},
		{"queue dequeue again", 0, func() (err error) { msg, err = q.TryDequeue(); return err }},
		{"queue commit", 1, func() error { return msg.Commit() }},
		{"queue dequeue another", 0, func() (err error) { msg, err = q.TryDequeue(); return err }},
		{"queue commit in tx", 1, inTx(func(tx *libpmemobj.Tx) error { return msg.CommitIn(tx) })},

		{"directory open", 1, func() error { return second(directory.Open(p, "box", box, newBox)) }},
		{"directory open, there", 0, func() error { return second(directory.Open(p, "box", box, newBox)) }},
		{"directory remove", 1, func() error { return directory.Remove(p, "box") }},
		{"directory open map", 1, func() error { return second(hashmap.Open[uint64, uint64](p, "another")) }},
		{"directory remove map", 1, func() error { return directory.Remove(p, "another") }},
		{"directory open ordered", 1, func() error { return second(radix.Open(p, "another")) }},
		{"directory remove ordered", 1, func() error { return directory.Remove(p, "another") }},
	}
	reads = []step{
		{"counter load", 0, func() error { return second(n.Load()) }},
		{"vector at", 0, func() error { return second(words.At(0)) }},
		{"vector all", 0, func() error {
			for range words.All() {
			}
			return nil
		}},
		{"vector view", 0, func() error { return second(words.View(0, 1)) }},
		{"map get", 0, func() error { _, _, err := m.Get(1); return err }},
		{"map len", 0, func() error { return second(m.Len()) }},
		{"map all", 0, func() error {
			for range m.All() {
			}
			return nil
		}},
		{"bytes get", 0, func() error { _, _, err := b.Get([]byte("t")); return err }},
		{"bytes all", 0, func() error {
			for range b.All() {
			}
			return nil
		}},
		{"ordered get", 0, func() error { _, _, err := o.Get([]byte("a")); return err }},
		{"ordered get big", 0, func() error { _, _, err := o.Get([]byte("t")); return err }},
		{"ordered len", 0, func() error { return second(many.Len()) }},
		{"ordered all", 0, func() error {
			for range many.All() {
			}
			return nil
		}},
		{"ordered max", 0, func() error { _, _, _, err := many.Max(); return err }},
		{"points get", 0, func() error { _, _, err := points.Get([]byte("a")); return err }},
		{"log from", 0, func() error {
			for _, err := range l.From(0) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"directory lookup", 0, func() error { return second(hashmap.Open[uint64, uint64](p, "map")) }},
		{"directory list", 0, func() error {
			for _, err := range directory.List(p) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
	}
	return steps, reads
}

func onMedium(t *testing.T) (*libpmemobj.Pool, *testpool.Medium) {
	t.Helper()
	m := &testpool.Medium{}
	p, err := libpmemobj.Create(testpool.Path(t), testpool.Layout, libpmemobj.WithMedium(m))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		testpool.Check(t, p.Path())
	})
	return p, m
}

// Ensure that just the operations that change a container wait for the medium,
// once each, while everybody else goes on: readers, and others that change the
// same container.
func TestMedium(t *testing.T) {
	p, m := onMedium(t)
	steps, reads := containerSteps(t, p)
	m.Awaits()
	inside := 0
	m.Hook(func() {
		inside++
		defer func() { inside-- }()
		if inside > 1 {
			return
		}
		done := make(chan error)
		go func() {
			for _, r := range reads {
				if err := r.run(); err != nil {
					done <- fmt.Errorf("%s: %w", r.name, err)
				}
			}
			close(done)
		}()
		for {
			select {
			case err, more := <-done:
				if !more {
					return
				}
				t.Error(err)
			case <-time.After(time.Minute):
				panic("a reader waits for the medium")
			}
		}
	})
	require.NoError(t, steps[0].run())
	require.Equal(t, 1, m.Awaits())
	for _, s := range steps {
		require.NoError(t, s.run(), s.name)
		want := s.waits
		require.Equal(t, want, m.Awaits(), s.name)
	}
}

// Ensure that two that change one container wait next to each other, whatever
// each does.
func TestMediumTogether(t *testing.T) {
	p, m := onMedium(t)
	steps, _ := containerSteps(t, p)
	for _, s := range steps {
		require.NoError(t, s.run(), s.name)
	}
	m.Awaits()
	twice := map[string]bool{
		"counter add": true, "counter store": true, "counter in tx": true,
		"vector append": true, "vector append, growing": true, "vector append all": true, "vector set word": true, "vector in tx": true,
		"map put": true, "map update": true, "map clear": true, "map in tx": true, "bytes put": true, "bytes put big": true, "bytes update": true, "bytes in tx": true,
		"ordered put": true, "ordered put big": true, "ordered clear": true, "ordered in tx": true, "points put": true, "points in tx": true,
		"log append": true, "log in tx": true, "log reset": true, "queue enqueue": true, "queue in tx": true, "queue try enqueue": true,
	}
	waiting, over := make(chan struct{}), make(chan struct{})
	m.Hook(func() { waiting <- struct{}{}; <-over })
	defer m.Hook(nil)
	for _, s := range steps {
		if !twice[s.name] {
			continue
		}
		ended := make(chan error, 2)
		for range 2 {
			go func() { ended <- s.run() }()
			select {
			case <-waiting:
			case err := <-ended:
				t.Fatal(s.name, "has not waited:", err)
			case <-time.After(time.Minute):
				t.Fatal(s.name, "waits for another to be durable")
			}
		}
		close(over)
		require.NoError(t, <-ended)
		require.NoError(t, <-ended)
		over = make(chan struct{})
		delete(twice, s.name)
	}
	require.Empty(t, twice, "not among the steps")
}

// Ensure that a change that is not made durable says so, that those after it
// fail at their beginning, and that readers go on.
func TestMediumFails(t *testing.T) {
	broken := errors.New("broken by the test")
	p, m := onMedium(t)
	steps, reads := containerSteps(t, p)
	for _, s := range steps {
		require.NoError(t, s.run(), s.name)
	}
	m.Fail("Await", broken)
	n, err := counter.Open(p, "counter")
	require.NoError(t, err)
	before, err := n.Load()
	require.NoError(t, err)
	err = n.Add(5)
	require.ErrorIs(t, err, libpmemobj.ErrFailed)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, `counter add "counter": `)
	m.Awaits()
	for _, s := range steps {
		if s.waits == 0 || strings.HasPrefix(s.name, "directory remove") { // there is nothing to remove
			continue
		}
		require.ErrorIs(t, s.run(), libpmemobj.ErrFailed, s.name)
		require.Zero(t, m.Awaits(), s.name)
	}
	require.ErrorIs(t, directory.Remove(p, "log"), libpmemobj.ErrFailed)
	after, err := n.Load()
	require.NoError(t, err)
	require.Equal(t, before+5, after)
	for _, r := range reads {
		require.NoError(t, r.run(), r.name)
	}
}
