package crashtest_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// quiet is a test that takes notes of what a Run reports instead of failing.
type quiet struct {
	testing.TB
	lock   sync.Mutex
	errors []string
	logs   []string
	fatal  string
}

func (q *quiet) Errorf(format string, args ...any) {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.errors = append(q.errors, fmt.Sprintf(format, args...))
}

func (q *quiet) Logf(format string, args ...any) {
	q.lock.Lock()
	defer q.lock.Unlock()
	q.logs = append(q.logs, fmt.Sprintf(format, args...))
}

func (q *quiet) Fatalf(format string, args ...any) {
	q.fatal = fmt.Sprintf(format, args...)
	q.Log(q.fatal)
	runtime.Goexit()
}

// aside calls f in a goroutine that may end by runtime.Goexit.
func aside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// needRecorder skips a test in programs that can't record.
func needRecorder(t testing.TB) {
	t.Helper()
	if !interpose.Effective {
		t.Skip("a program built with -tags pmdk_dynamic can't be recorded")
	}
}

// count is a workload: it counts to n at offset 0, correctly.
func count(n int) func(*libpmem.Mapping) error {
	return func(m *libpmem.Mapping) error {
		for i := range n {
			binary.LittleEndian.PutUint64(m.Bytes(), uint64(i+1))
			if err := m.Persist(0, 8); err != nil {
				return err
			}
			crashtest.Ack(int64(i + 1))
		}
		return nil
	}
}

// counted is a check of count.
func counted(m *libpmem.Mapping, acked crashtest.Acked) error {
	if n := value(m); n < acked.Last() || n > acked.Last()+1 {
		return fmt.Errorf("counted to %d, %d was acknowledged", n, acked.Last())
	}
	return nil
}

func value(m *libpmem.Mapping) int64 { return int64(binary.LittleEndian.Uint64(m.Bytes())) }

// children are the processes whose parent is this one.
func children(t testing.TB) []string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	var all []string
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			all = append(all, string(text))
		}
	}
	return all
}

// requireEmpty asserts that nothing is in a folder.
func requireEmpty(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
