package cgoutil_test

import (
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
)

type watched struct {
	name  string
	watch *cgoutil.Watcher
}

// openAndLose opens a handle and drops it, closed or not.
//
//go:noinline
func openAndLose(name string, closed bool) {
	w := &watched{name: name}
	w.watch = cgoutil.Watch(w, "test handle", name)
	if closed {
		w.watch.Stop()
	}
}

// collectLeaks hears of every leak until the test ends.
func collectLeaks(t *testing.T) <-chan cgoutil.Leak {
	leaks := make(chan cgoutil.Leak, 100)
	previous := cgoutil.SetLeakReporter(func(l cgoutil.Leak) { leaks <- l })
	t.Cleanup(func() { cgoutil.SetLeakReporter(previous) })
	return leaks
}

// nextLeak collects garbage until a leak is reported.
func nextLeak(t *testing.T, leaks <-chan cgoutil.Leak) cgoutil.Leak {
	t.Helper()
	for range 500 {
		runtime.GC()
		select {
		case l := <-leaks:
			return l
		case <-time.After(10 * time.Millisecond):
		}
	}
	require.Fail(t, "no leak was reported")
	return cgoutil.Leak{}
}

// noneOpen waits until no handle counts as open: a leak that an earlier test
// has heard of is counted down a moment later.
func noneOpen(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return cgoutil.OpenWatches() == 0 }, 10*time.Second, time.Millisecond)
}

// Ensure that a lost handle is reported and a closed one isn't, although the
// closed one went first.
func TestLeakReported(t *testing.T) {
	cgoutil.RecordLeakStacks(false)
	defer cgoutil.RecordLeakStacks(true)
	leaks := collectLeaks(t)
	openAndLose("/closed", true)
	openAndLose("/lost", false)
	assert.Equal(t, cgoutil.Leak{Kind: "test handle", Path: "/lost"}, nextLeak(t, leaks))

	openAndLose("/lost again", false)
	assert.Equal(t, "/lost again", nextLeak(t, leaks).Path)
	assert.Empty(t, leaks)
}

func TestLeakStack(t *testing.T) {
	cgoutil.RecordLeakStacks(true)
	leaks := collectLeaks(t)
	openAndLose("/lost", false)
	l := nextLeak(t, leaks)
	assert.Contains(t, l.Stack, "openAndLose")
	assert.Contains(t, l.String(), "test handle /lost never closed; opened at:\n")
}

func TestLeakString(t *testing.T) {
	assert.Equal(t, "pool /p never closed", cgoutil.Leak{Kind: "pool", Path: "/p"}.String())
	assert.Equal(t, "context never closed", cgoutil.Leak{Kind: "context"}.String())
}

// Ensure that a handle counts as open from Watch to the first Stop.
func TestWatchCount(t *testing.T) {
	noneOpen(t)
	w := &watched{}
	w.watch = cgoutil.Watch(w, "test handle", "")
	assert.Equal(t, 1, cgoutil.OpenWatches())
	w.watch.Stop()
	w.watch.Stop()
	assert.Zero(t, cgoutil.OpenWatches())
	runtime.KeepAlive(w)

	var none *cgoutil.Watcher
	none.Stop()
	assert.Zero(t, cgoutil.OpenWatches())
}

// Ensure that the default reporter writes its line to standard error and
// does nothing worse.
func TestDefaultLeakReporter(t *testing.T) {
	cgoutil.RecordLeakStacks(false)
	defer cgoutil.RecordLeakStacks(true)
	previous := cgoutil.SetLeakReporter(nil)
	defer cgoutil.SetLeakReporter(previous)

	r, w, err := os.Pipe()
	require.NoError(t, err)
	stderr := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = stderr }()

	noneOpen(t)
	openAndLose("/lost", false)
	for i := 0; i < 500 && cgoutil.OpenWatches() > 0; i++ {
		runtime.GC()
		time.Sleep(10 * time.Millisecond)
	}
	require.NoError(t, w.Close())
	line, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, "pmdk-go: test handle /lost never closed\n", string(line))
}

//go:noinline
func openAndLoseReleasable(release func()) {
	w := &watched{name: "r"}
	w.watch = cgoutil.WatchAndRelease(w, "test handle", w.name, release)
}

// Ensure that a lost handle is released, once, after its report, and that one
// that was closed is not.
func TestWatchAndRelease(t *testing.T) {
	leaks := collectLeaks(t)
	released := make(chan int, 10)
	openAndLoseReleasable(func() { released <- len(leaks) })
	require.Equal(t, 1, nextReleased(t, released), "released before the report")
	assert.Equal(t, cgoutil.Leak{Kind: "test handle", Path: "r"}.String(), firstLine((<-leaks).String()))

	w := &watched{}
	w.watch = cgoutil.WatchAndRelease(w, "test handle", "", func() { released <- -1 })
	w.watch.Stop()
	w = nil
	openAndLoseReleasable(func() { released <- len(leaks) })
	require.Equal(t, 1, nextReleased(t, released))
	assert.Empty(t, released)
	<-leaks
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, ";")
	return line
}

// nextReleased collects garbage until something is released.
func nextReleased(t *testing.T, released <-chan int) int {
	t.Helper()
	for range 500 {
		runtime.GC()
		select {
		case n := <-released:
			return n
		case <-time.After(10 * time.Millisecond):
		}
	}
	require.Fail(t, "nothing was released")
	return 0
}
