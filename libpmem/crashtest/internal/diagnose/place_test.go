package diagnose

import (
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that full names are taken apart, and shortened to how one calls them.
func TestFunctionNames(t *testing.T) {
	const m = modulePath
	for _, test := range []struct{ function, pkg, call string }{
		{m + "/libpmem.Persist", m + "/libpmem", "libpmem.Persist"},
		{m + "/libpmem.(*Mapping).Persist", m + "/libpmem", "(*Mapping).Persist"},
		{m + "/libpmemobj.Ptr[...].Mut", m + "/libpmemobj", "Ptr.Mut"},
		{m + "/libpmemobj.(*Slice[go.shape.struct { a/b.C [3]int }]).Mut", m + "/libpmemobj", "(*Slice).Mut"},
		{m + "/libpmemobj.MutAt[...]", m + "/libpmemobj", "libpmemobj.MutAt"},
		{m + "/libpmemobj.(*Pool).Update.func1", m + "/libpmemobj", "(*Pool).Update"},
		{m + "/libpmemobj.(*Pool).Update.deferwrap2", m + "/libpmemobj", "(*Pool).Update"},
		{m + "/libpmemobj.Root[...].func1.2", m + "/libpmemobj", "libpmemobj.Root"},
		{m + "/libpmemobj.(*Pool).Persist-fm", m + "/libpmemobj", "(*Pool).Persist"},
		{"gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3", "yaml.v3.Marshal"},
		{"main.main", "main", "main.main"},
		{"runtime.memmove", "runtime", "runtime.memmove"},
		{"memmove", "", ".memmove"},
	} {
		pkg, name := split(test.function)
		assert.Equal(t, test.pkg, pkg, test.function)
		if pkg != "" {
			assert.Equal(t, test.call, call(pkg, name), test.function)
		}
	}
}

// Ensure that exactly the libraries are not the program.
func TestLibraries(t *testing.T) {
	for pkg, want := range map[string]bool{
		"/libpmem": true, "/libpmemobj": true, "/libpmemlog": true, "/libpmemblk": true, "/libpmempool": true,
		"/cgoutil": true, "/internal/leafcall": true, "/libpmem/crashtest": true,
		"/libpmem/crashtest/internal/record": true, "/third_party/pmdk": true,
		"/libpmem_test": false, "/libpmemobj_test": false, "/libpmem/crashtest_test": false,
		"/libpmemobj/hashmap": false, "/libpmemobj/journal": false, "/examples/eventlog": false, "": false,
	} {
		assert.Equal(t, want, isLibrary(modulePath+pkg, "file.go"), pkg)
		assert.False(t, isLibrary(modulePath+pkg, "file_test.go"), pkg)
	}
	assert.False(t, isLibrary("main", "main.go"))
	for pkg, want := range map[string]bool{
		"runtime": true, "sync/atomic": true, "encoding/binary": true, "internal/runtime/atomic": true,
		"main": false, "bank": false, "syncer": false, "a.org/sync": false,
	} {
		assert.Equal(t, want, standard(pkg), pkg)
	}
}

// Ensure that the functions that are judged by name exist under it.
func TestJudgedFunctions(t *testing.T) {
	name := func(f any) string {
		pkg, name := split(runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name())
		return call(pkg, name)
	}
	is := func(set map[string]bool, functions ...any) {
		t.Helper()
		for _, f := range functions {
			assert.True(t, set[name(f)], name(f))
		}
	}
	is(flushers, libpmem.Persist, libpmem.Flush, (*libpmem.Mapping).Persist, (*libpmem.Mapping).Flush,
		(*libpmemobj.Pool).Persist, (*libpmemobj.Pool).Flush, (*libpmemobj.Pool).XPersist, (*libpmemobj.Pool).XFlush)
	is(copies, libpmem.Memcpy, libpmem.MemcpyPersist, libpmem.MemcpyNodrain, libpmem.Memmove, libpmem.MemmovePersist,
		libpmem.MemmoveNodrain, libpmem.Memset, libpmem.MemsetPersist, libpmem.MemsetNodrain,
		(*libpmem.Mapping).CopyAt, (*libpmem.Mapping).MoveAt, (*libpmem.Mapping).SetAt, (*libpmem.Mapping).WriteAt,
		(*libpmemobj.Pool).Memcpy, (*libpmemobj.Pool).Memmove, (*libpmemobj.Pool).Memset)
	is(snapshots, (*libpmemobj.Tx).Snapshot, (*libpmemobj.Tx).SnapshotWith, (*libpmemobj.Tx).Track)
}

// stack is that of its caller.
//
//go:noinline
func stack() []uintptr {
	pcs := make([]uintptr, 32)
	return pcs[:runtime.Callers(2, pcs)]
}

// Ensure that the line of a call is the program's, whatever lies between, and
// that functions of the standard library do not count.
func TestResolve(t *testing.T) {
	at := func(f any) uintptr { return reflect.ValueOf(f).Pointer() + 1 }
	here := stack()
	_, _, line, _ := runtime.Caller(0)

	s := resolve(append([]uintptr{at(atomic.AddUint64), at((*libpmem.Mapping).Persist), at((*libpmem.Mapping).Sync)}, here...), false)
	assert.Equal(t, "(*Mapping).Sync", s.Call, "what the program called, not what that called")
	assert.Equal(t, "place_test.go", s.File)
	assert.Equal(t, line-1, s.Line)
	assert.Equal(t, library, s.owner)
	assert.Empty(t, s.FromFile)

	s = resolve(append([]uintptr{at(atomic.AddUint64)}, here...), false)
	assert.Equal(t, Place{File: "place_test.go", Line: line - 1, Func: modulePath + "/libpmem/crashtest/internal/diagnose.TestResolve"}, s.Place)
	assert.Equal(t, program, s.owner)
	assert.False(t, s.update)

	s = resolve(append(append([]uintptr{at(assert.Equal)}, at((*libpmemobj.Pool).Update)), here...), false)
	assert.Regexp(t, `^assert/assertions\.go:\d+ \(called from place_test\.go:\d+\)$`, s.String())
	assert.Equal(t, line-1, s.FromLine)
	assert.Equal(t, program, s.owner)
	assert.True(t, s.update)

	s = resolve(append([]uintptr{1, at((*libpmem.Mapping).CopyAt)}, here...), true)
	assert.Equal(t, program, s.owner, "it stores what and where the program says")
	s = resolve(append([]uintptr{1, at((*libpmem.Mapping).Close)}, here...), true)
	assert.Equal(t, library, s.owner)

	s = resolve([]uintptr{1, at((*libpmem.Mapping).CopyAt)}, true)
	assert.Equal(t, library, s.owner)
	assert.Equal(t, "an unknown line", s.String())
	assert.Equal(t, unknown, resolve([]uintptr{1}, true).owner)
	assert.Equal(t, unknown, resolve(nil, true).owner)
}

// Ensure that the first entry of a store's stack is not taken for a return
// address: the instruction before it may be another function's.
func TestResolveExact(t *testing.T) {
	// The first instruction of the second line of stack.
	entry := reflect.ValueOf(stack).Pointer()
	line := func(pc uintptr) int { _, n := runtime.FuncForPC(entry).FileLine(pc); return n }
	pc := entry
	for line(pc) <= line(entry) {
		pc++
	}
	p := newPlaces(&trace.Trace{Stacks: [][]uintptr{nil, {pc}}})
	assert.Equal(t, line(pc), p.of(&trace.Event{Kind: trace.Store, Stack: 1}).Line)
	assert.Equal(t, line(pc-1), p.of(&trace.Event{Kind: trace.Flush, Stack: 1}).Line)
	assert.NotEqual(t, line(pc), line(pc-1))
}

// Ensure that in a pool of libpmemobj only objects are the program's.
func TestOwned(t *testing.T) {
	type root struct{ words [8]uint64 }
	path := t.TempDir() + "/pool"
	pool, err := libpmemobj.Create(path, "diagnose", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pool.Close()) })
	r, err := libpmemobj.Root[root](pool)
	require.NoError(t, err)
	var freed libpmemobj.OID
	live, err := pool.Zalloc(nil, 64, 1)
	require.NoError(t, err)
	freed, err = pool.Zalloc(nil, 64, 1)
	require.NoError(t, err)
	gone := freed.Off
	require.NoError(t, pool.Free(&freed))

	base := unsafe.Add(unsafe.Pointer(r.Get()), -int(r.OID().Off))
	image := append([]byte(nil), unsafe.Slice((*byte)(base), pool.Size())...)
	w := newOwned(image, Options{})
	require.NotNil(t, w.heap)
	of := func(off uint64) bool { return w.of(off&^63, 0xff<<(off&63)) != 0 }
	assert.True(t, of(r.OID().Off))
	assert.True(t, of(r.OID().Off+56))
	assert.True(t, of(live.Off))
	assert.False(t, of(live.Off-16), "the header of an object")
	assert.False(t, of(gone), "a free object")
	assert.False(t, of(8192+64), "a lane")

	// The same through Warnings.
	b := &trace.Trace{Base: image, Stacks: [][]uintptr{nil, stack()}}
	b.Stacks[1][0]--
	for _, off := range []uint64{live.Off, live.Off - 8, gone, 8192} {
		e := trace.Event{Kind: trace.Store, Off: off &^ 63, Stack: 1, Words: 1 << (off & 63 / 8), Data: new([64]byte)}
		copy(e.Data[:], image[e.Off:])
		e.Data[off&63] ^= 1
		if n := len(b.Events); n > 0 && b.Events[n-1].Off == e.Off {
			copy(e.Data[:], b.Events[n-1].Data[:])
			e.Data[off&63] ^= 1
		}
		b.Events = append(b.Events, e)
	}
	got := Warnings(b, Options{})
	require.Len(t, got, 1)
	assert.Equal(t, NeverFlushed, got[0].Kind)
	assert.Equal(t, 1, got[0].Count)
	b.Base = make([]byte, len(image)) // no pool
	assert.Equal(t, 4, Warnings(b, Options{})[0].Count)
}

// Ensure that a line that is not exactly known is told as such.
func TestAlone(t *testing.T) {
	store := func(off uint64, stack int32) trace.Event {
		return trace.Event{Kind: trace.Store, Off: off, Stack: stack}
	}
	tr := &trace.Trace{Events: []trace.Event{
		store(0, 1), {Kind: trace.Fence}, store(0, 1), store(8, 2), store(64, 1), store(4096, 1), store(4096, 2),
	}}
	for event, want := range map[int]bool{0: true, 2: false, 3: true, 4: false, 5: true, 6: true} {
		assert.Equal(t, want, alone(tr, event), event)
	}
}

// Ensure that ranges join and answer by line.
func TestRanges(t *testing.T) {
	var r ranges
	r.add(100, 110)
	r.add(110, 120)
	r.add(10, 20)
	r.add(40, 50)
	r.add(60, 60)
	assert.Len(t, r, 3)
	assert.True(t, r.covers(105, 115))
	assert.False(t, r.covers(15, 25))
	assert.False(t, r.covers(60, 61))
	assert.Equal(t, part(0, 10, 20)|part(0, 40, 50), r.line(0))
	assert.Equal(t, part(64, 100, 120), r.line(64))
	assert.Zero(t, r.line(128))
	r.add(15, 105)
	assert.Equal(t, ranges{{10, 120}}, r)
	assert.Equal(t, mask(0xffffffffffffffff), part(0, 0, 64))
	assert.Equal(t, uint8(0b11), part(0, 7, 9).words())
}
