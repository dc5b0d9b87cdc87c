package diagnose_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/diagnose"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func warnings(b *builder, o diagnose.Options) string {
	var all []string
	for _, w := range diagnose.Warnings(&b.trace, o) {
		all = append(all, w.Kind.String()+": "+w.String())
	}
	return masked(strings.Join(all, "\n"))
}

// warned are programs with something wrong, and what is said.
var warned = []struct {
	name  string
	build func(b *builder)
	want  string
}{
	{"never flushed", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1040, 8)
	}, "never flushed: warnings_test.go:L1: stored, but never flushed by the end of the recording: the word at 0x1000"},
	{"flushed before, not after", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		for i := range uint64(3) {
			b.store(0x1000+i*64, 2, 3)
		}
	}, "never flushed: warnings_test.go:L1: stored, but never flushed by the end of the recording: 2 words at 0x1000 (by this line, or one that follows) (3 times)"},
	{"copied without a flush", func(b *builder) {
		b.in((*libpmem.Mapping).CopyAt).c().store(0x1000, 1)
	}, "never flushed: warnings_test.go:L1 (in (*Mapping).CopyAt): stored, but never flushed by the end of the recording: the word at 0x1000"},
	{"never written to the disk", func(b *builder) {
		b.trace.Pages = true
		b.store(0x1000, 1)
		b.sync(0x2000, 8)
		b.flush(0x1000, 8)
	}, "never flushed: warnings_test.go:L1: stored, but never written to the disk by the end of the recording: the word at 0x1000"},
	{"no drain", func(b *builder) {
		b.store(0x1000, 1)
		b.in(mappingFlush).flush(0x1000, 8).in()
	}, "unfenced: warnings_test.go:L1 (in (*Mapping).Flush): flushed, but never followed by a drain: the line at 0x1000"},
	{"no snapshot", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 1)
		b.store(0x2000, 1)
		b.commit([2]uint64{0x1000, 8})
	}, "not snapshotted: warnings_test.go:L1: modified in a transaction without a snapshot: the word at 0x2000, no flush; a rollback will not restore it"},
	{"no snapshot, but the line is flushed", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 1)
		b.store(0x1008, 1)
		b.commit([2]uint64{0x1000, 8})
	}, "not snapshotted: warnings_test.go:L1: modified in a transaction without a snapshot: the word at 0x1008, flushed only because the line is shared; a rollback will not restore it"},
	{"half a word has a snapshot", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 4)
		b.half(0x1000, 7)
		b.fence()
		b.half(0x1004, 7)
		b.commit([2]uint64{0x1000, 4})
	}, "not snapshotted: warnings_test.go:L1: modified in a transaction without a snapshot: the word at 0x1000, flushed only because the line is shared; a rollback will not restore it"},
	{"no snapshot at all, so that libpmemobj has not begun", func(b *builder) {
		b.inside = nil
		inUpdate(b, func() { b.store(0x1000, 1) })
		b.mark(0, 1)
		b.store(0x1000, 2)
		b.persist(0x1000, 8)
	}, "not snapshotted: warnings_test.go:L1: modified in a transaction without a snapshot: the word at 0x1000, no flush; a rollback will not restore it"},
	{"no snapshot of an outer transaction's", func(b *builder) {
		b.in(txUpdate).begin().begin().in()
		b.store(0x1000, 1)
		b.in(txUpdate).end(1).in()
		b.store(0x1040, 1)
		b.commit([2]uint64{0x1000, 8})
	}, "not snapshotted: warnings_test.go:L1: modified in a transaction without a snapshot: the word at 0x1040, no flush; a rollback will not restore it"},
	{"late snapshot", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 1)
		b.snapshot(0x1000, 8)
		b.commit([2]uint64{0x1000, 8})
	}, "late snapshot: warnings_test.go:L1: stored before its snapshot: the word at 0x1000; the snapshot at warnings_test.go:L2 keeps the new value"},
	{"flushed twice", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		b.in((*libpmemobj.Pool).Persist).flush(0x1000, 8).fence()
	}, "clean flush: warnings_test.go:L2 (in (*Pool).Persist): flushes 8 bytes at 0x1000, which have not changed since the flush at warnings_test.go:L1"},
	{"wrong range flushed", func(b *builder) {
		b.store(0x1080, 7)
		b.trace.Base[0x1000] = 1
		b.persist(0x1000, 8)
	}, "never flushed: warnings_test.go:L1: stored, but never flushed by the end of the recording: the word at 0x1080"},
	{"redundant snapshots", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 16)
		b.snapshot(0x1010, 16)
		b.alloc(0x2000, 64)
		for range 2 {
			b.snapshot(0x1008, 16)
		}
		b.snapshot(0x2000, 8)
		b.store(0x1010, 4)
		b.commit([2]uint64{0x1000, 32}, [2]uint64{0x2000, 64})
	}, "redundant snapshot: warnings_test.go:L1 (in (*Tx).Snapshot): snapshots 16 bytes at 0x1008, of which the transaction has a snapshot already (2 times)\n" +
		"redundant snapshot: warnings_test.go:L2 (in (*Tx).Snapshot): snapshots 8 bytes at 0x2000, which is in an object that the transaction has allocated"},
}

// inUpdate calls f with Update on the stacks, as if f were its closure.
//
//go:noinline
func inUpdate(b *builder, f func()) {
	b.outside = append(b.outside, pc(txUpdate))
	f()
	b.outside = nil
}

// Ensure that what is wrong is said, once, with its line.
func TestWarnings(t *testing.T) {
	for _, test := range warned {
		t.Run(test.name, func(t *testing.T) {
			b := newBuilder()
			test.build(b)
			assert.Equal(t, test.want, warnings(b, diagnose.Options{}))
		})
	}
}

// correct are programs in which nothing is wrong.
var correct = []struct {
	name  string
	build func(b *builder)
}{
	{"persisted", func(b *builder) {
		b.store(0x1000, 1)
		b.store(0x1008, 1)
		b.persist(0x1000, 16)
	}},
	{"persisted by a neighbour's flush", func(b *builder) {
		b.store(0x1000, 1)
		b.store(0x1008, 1)
		b.persist(0x1008, 8)
	}},
	{"two flushes of one line", func(b *builder) {
		b.store(0x1000, 1)
		b.store(0x1008, 1)
		b.persist(0x1000, 8)
		b.persist(0x1008, 8)
	}},
	{"a flush of what another thread has flushed meanwhile", func(b *builder) {
		b.on(1).store(0x1000, 1)
		b.on(2).persist(0x1000, 64)
		b.on(1).persist(0x1000, 8)
	}},
	{"a loop that does not change anything now and then", func(b *builder) {
		for _, v := range []uint64{1, 1, 2} {
			b.store(0x1000, v)
			b.persist(0x1000, 8)
		}
	}},
	{"a value stored over itself, at the beginning", func(b *builder) {
		b.trace.Base[0x1000], b.now[0x1000] = 7, 7
		b.store(0x1000, 7)
		b.persist(0x1000, 8)
	}},
	{"zeros stored over zeros, later", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		b.store(0x1000, 0)
		b.persist(0x1000, 8)
		b.store(0x1000, 0)
		b.persist(0x1000, 8)
	}},
	{"zeros stored over zeros", func(b *builder) {
		b.store(0x1000, 0)
		b.persist(0x1000, 8)
	}},
	{"Sync of everything, twice", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		b.in((*libpmem.Mapping).Persist, (*libpmem.Mapping).Sync).flush(0, 0x4000).fence()
	}},
	{"a deep flush after a flush", func(b *builder) {
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		b.in((*libpmem.Mapping).DeepPersist).flush(0x1000, 8).fence()
	}},
	{"the drain on another thread, to which the goroutine moved", func(b *builder) {
		b.on(1).store(0x1000, 1)
		b.on(1).in(mappingFlush).flush(0x1000, 8)
		b.on(2).in(mappingDrain).fence()
	}},
	{"one drain for several flushes", func(b *builder) {
		for i := range uint64(4) {
			b.in().store(0x1000+i*64, 1)
			b.in(mappingFlush).flush(0x1000+i*64, 8)
		}
		b.in(mappingDrain).fence()
	}},
	{"a page written by its neighbour's msync", func(b *builder) {
		b.trace.Pages = true
		b.store(0x1000, 1)
		b.store(0x1ff8, 1)
		b.sync(0x1800, 8)
	}},
	{"a transaction", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 16)
		b.store(0x1000, 1, 2)
		b.alloc(0x2000, 64)
		b.store(0x2000, 1, 2, 3)
		b.commit([2]uint64{0x1000, 16}, [2]uint64{0x2000, 64})
	}},
	{"a nested transaction, and two snapshots for one store", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.in(txUpdate).begin().in()
		b.snapshot(0x1008, 8)
		b.store(0x1000, 1, 2)
		b.in(txUpdate).end(1).in()
		b.store(0x1008, 3)
		b.commit([2]uint64{0x1000, 16})
	}},
	{"a transaction that rolls back", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 5)
		b.alloc(0x2000, 64)
		b.store(0x2000, 1, 2, 3)
		b.in(txUpdate).c().store(0x1000, 0).flush(0x1000, 8).fence().end(0)
	}},
	{"a transaction that the recording cuts off", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 5)
	}},
	{"a snapshot that some calls need", func(b *builder) {
		b.in(txUpdate).begin().in()
		for _, off := range []uint64{0x1000, 0x1000, 0x1040} {
			b.snapshot(off, 8)
			b.store(off, off)
		}
		b.commit([2]uint64{0x1000, 8}, [2]uint64{0x1040, 8})
	}},
	{"snapshots that a method takes by itself", func(b *builder) {
		b.in(txUpdate).begin()
		for range 2 {
			b.in((*libpmemobj.Tx).Snapshot, (*libpmemobj.Bytes).Set).snapshotHere(0x1000, 8)
		}
		b.in().commit([2]uint64{0x1000, 8})
	}},
	{"Track after the store", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 1)
		b.in((*libpmemobj.Tx).Track).snapshotHere(0x1000, 8).in()
		b.commit([2]uint64{0x1000, 8})
	}},
	{"a reservation that is written before it joins the transaction", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 1)
		b.in((*libpmemobj.Tx).Publish).snapshotHere(0x1000, 64).in()
		b.commit([2]uint64{0x1000, 64})
	}},
	{"another goroutine's store, persisted on the thread of the transaction", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 1)
		b.commit()
		b.in((*libpmemobj.Pool).Persist).flush(0x1000, 8).fence()
	}},
	{"memory that nothing refers to, persisted in a transaction", func(b *builder) {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 1)
		b.in((*libpmemobj.Pool).Persist).flush(0x1000, 8).fence().in()
		b.commit()
	}},
	{"the function for after the commit", func(b *builder) {
		b.outside = []uintptr{pc(txUpdate)}
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		b.outside = nil
		b.mark(0, 1)
	}},
	{"two threads on one page, one of them in a transaction", func(b *builder) {
		b.on(1).in(txUpdate).begin().in()
		b.on(2).in(txUpdate).begin().in()
		b.on(2).snapshot(0x1040, 8)
		b.on(1).snapshot(0x1000, 8)
		// What was noticed together has the stack of the first store.
		b.on(1).store(0x1000, 1)
		b.on(1).store(0x1040, 1)
		b.on(1).store(0x1080, 1)
		b.on(1).commit([2]uint64{0x1000, 8})
		b.on(2).commit([2]uint64{0x1040, 8})
		b.on(3).persist(0x1080, 8)
	}},
	{"the library's own", func(b *builder) {
		b.in(txUpdate).begin()
		b.c().store(0x1000, 1)
		b.in((*libpmemobj.Mutex).Lock, txUpdate).c().store(0x1040, 1)
		b.in().commit()
	}},
	{"a lock that another thread waits for", func(b *builder) {
		b.on(1).in((*libpmemobj.Mutex).Lock).c().store(0x1000, 1)
		b.on(1).in(txUpdate).begin().in()
		b.on(1).store(0x1000, 2) // in fact, another thread's
		b.on(1).commit()
		b.on(1).in((*libpmemobj.Mutex).Unlock).c().store(0x1000, 0)
	}},
	{"no stack", func(b *builder) {
		b.store(0x1000, 1)
		b.trace.Stacks[b.trace.Events[0].Stack] = []uintptr{1, 2}
		b.store(0x1040, 1)
		b.trace.Events[1].Stack = 0
		b.store(0x1080, 1)
		b.trace.Events[2].Stack = 99
	}},
	{"nothing", func(b *builder) {}},
	{"empty and foreign ranges", func(b *builder) {
		b.in(mappingFlush).flush(0x1000, 0).flush(1<<40, 8).flush(1<<63, 1<<63).fence()
		b.sync(1<<40, 8).sync(0x1000, 0).sync(0x3000, 1<<63)
		b.end(1)
		b.snapshot(0x1000, 8)
		b.alloc(0x1000, 8)
	}},
}

// Ensure that there are no warnings about correct programs.
func TestWarningsAboutNothing(t *testing.T) {
	for _, test := range correct {
		t.Run(test.name, func(t *testing.T) {
			b := newBuilder()
			test.build(b)
			assert.Empty(t, warnings(b, diagnose.Options{}))
		})
	}
}

// Ensure that bytes that mean nothing need nothing.
func TestWarningsIgnore(t *testing.T) {
	b := newBuilder()
	b.in(txUpdate).begin().in()
	b.store(0x1000, 1)
	b.store(0x1040, 1)
	b.commit()
	assert.Len(t, diagnose.Warnings(&b.trace, diagnose.Options{}), 2)
	only := diagnose.Options{Ignore: func(off, n uint64) bool { return off == 0x1000 && n <= 8 }}
	got := warnings(b, only)
	assert.NotContains(t, got, "0x1000")
	assert.Contains(t, got, "0x1040")
}
