// Package leaktest fails a package's tests when they leave callback handles
// or open handles behind.
package leaktest

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Runner is what Main needs of *testing.M.
type Runner interface {
	Run() int
}

// Main runs the tests and ends the process; call it from TestMain. Tests
// that pass but leak fail the package, with what leaked on standard error.
func Main(m Runner) {
	os.Exit(Run(m, os.Stderr))
}

// Run is Main without the exit: it returns the exit code and writes its
// complaint to w.
func Run(m Runner, w io.Writer) int {
	var mu sync.Mutex
	var lost []string
	cgoutil.RecordLeakStacks(true)
	previous := cgoutil.SetLeakReporter(func(l cgoutil.Leak) {
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, l.String())
	})
	defer cgoutil.SetLeakReporter(previous)
	defer cgoutil.RecordLeakStacks(false)

	code := m.Run()
	settle()

	mu.Lock()
	defer mu.Unlock()
	var complaint strings.Builder
	for _, l := range lost {
		fmt.Fprintln(&complaint, "leaked:", l)
	}
	if n := cgoutil.OpenWatches(); n != 0 {
		fmt.Fprintf(&complaint, "leaked: %d handles still open and reachable\n", n)
	}
	if n := cgoutil.OpenHandles(); n != 0 {
		fmt.Fprintf(&complaint, "leaked: %d callback handles not released\n", n)
	}
	if complaint.Len() == 0 {
		return code
	}
	fmt.Fprint(w, complaint.String())
	if code == 0 {
		return 1
	}
	return code
}

// settle gives the garbage collector the chance to find what was lost.
// Cleanups run some time after the collection that queued them, so a clean
// state ends the wait early and a leak costs the whole of it.
func settle() {
	for range 20 {
		runtime.GC()
		if cgoutil.OpenWatches() == 0 && cgoutil.OpenHandles() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
