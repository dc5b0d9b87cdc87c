package crashtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// callsOf knows the calls of Run in each test that is under way.
type callsOf struct {
	lock    sync.Mutex
	begun   map[string]int
	reports map[string]*Report // by callName, of calls that have returned
}

var calls = callsOf{begun: make(map[string]int), reports: make(map[string]*Report)}

func callName(test string, run int) string { return fmt.Sprintf("%s#%d", test, run) }

// next is the number of the call that begins in the test, from 1.
func (c *callsOf) next(t testing.TB) int {
	name := t.Name()
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.begun[name] == 0 {
		t.Cleanup(func() { c.forget(name) }) // with -test.count it runs again
	}
	c.begun[name]++
	return c.begun[name]
}

// done notes what the latest call returns.
func (c *callsOf) done(t testing.TB, r *Report) *Report {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.reports[callName(t.Name(), c.begun[t.Name()])] = r
	return r
}

func (c *callsOf) forget(test string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for run := range c.begun[test] {
		delete(c.reports, callName(test, run+1))
	}
	delete(c.begun, test)
}

// save writes the reports that there are to a file.
func (c *callsOf) save(path string) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	text, err := json.Marshal(c.reports)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// earlier is what a call returned in the process that this is a worker of. It
// is empty if the call comes later there.
func earlier(child *worker.Child, test string, run int) *Report {
	r := new(Report)
	reports := make(map[string]*Report)
	text, err := os.ReadFile(filepath.Join(child.Job, reportsFile))
	if err != nil || json.Unmarshal(text, &reports) != nil {
		return r
	}
	if found := reports[callName(test, run)]; found != nil {
		return found
	}
	return r
}
