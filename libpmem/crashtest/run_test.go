package crashtest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that correct programs over each kind of store, and in both modes,
// pass.
func TestRunPasses(t *testing.T) {
	for _, d := range []crashtest.Durability{crashtest.DurabilityProcessCrash, crashtest.DurabilityMsync} {
		c := crashtest.Config{Durability: d, Images: 100, PerPoint: 4, Dir: t.TempDir()}
		name := d.String()
		var r *crashtest.Report
		passed := func(t *testing.T) {
			assert.Empty(t, r.Failures)
			assert.Zero(t, r.Failing)
			assert.GreaterOrEqual(t, r.Points, 5)
			assert.GreaterOrEqual(t, r.Images, 5)
			assert.LessOrEqual(t, r.Images, 100)
			assert.Greater(t, r.Events, r.Points)
			requireEmpty(t, c.Dir)
			assert.Empty(t, children(t))
		}
		t.Run(name+"/mapping", func(t *testing.T) {
			needRecorder(t)
			r = crashtest.Run(t, c, count(5), counted)
			passed(t)
		})
		t.Run(name+"/libpmemobj", func(t *testing.T) {
			needRecorder(t)
			type counter struct{ N int64 }
			r = crashtest.Run(t, c, func(p *libpmemobj.Pool) error {
				var root libpmemobj.Ptr[counter]
				err := crashtest.Unchecked(func() (err error) {
					root, err = libpmemobj.Root[counter](p)
					return err
				})
				if err != nil {
					return err
				}
				for i := range int64(5) {
					err := p.Update(func(tx *libpmemobj.Tx) error {
						root.Mut(tx).N = i + 1
						return nil
					})
					if err != nil {
						return err
					}
					crashtest.Ack(i + 1)
				}
				return nil
			}, func(p *libpmemobj.Pool, acked crashtest.Acked) error {
				root, err := libpmemobj.Root[counter](p)
				if err != nil {
					return err
				}
				if n := root.Get().N; n < acked.Last() || n > acked.Last()+1 {
					return fmt.Errorf("counted to %d, %d was acknowledged", n, acked.Last())
				}
				// A check may go on with the pool as the program would.
				return p.Update(func(tx *libpmemobj.Tx) error {
					root.Mut(tx).N = 1000
					return nil
				})
			})
			passed(t)
		})
		t.Run(name+"/libpmemlog", func(t *testing.T) {
			needRecorder(t)
			r = crashtest.Run(t, c, func(l *libpmemlog.Log) error {
				for i := range int64(5) {
					if err := l.Append([]byte("ten bytes.")); err != nil {
						return err
					}
					crashtest.AckAs(3, i+1)
				}
				return nil
			}, func(l *libpmemlog.Log, acked crashtest.Acked) error {
				n, err := l.Len()
				if n%10 != 0 || n < 10*acked.Of(3) || n > 10*(acked.Last()+1) {
					return fmt.Errorf("%d bytes, acknowledged %v", n, acked)
				}
				return err
			})
			passed(t)
		})
		t.Run(name+"/libpmemblk", func(t *testing.T) {
			needRecorder(t)
			r = crashtest.Run(t, c, func(p *libpmemblk.Pool) error {
				block := make([]byte, p.BlockSize())
				for i := range int64(5) {
					binary.LittleEndian.PutUint64(block, uint64(i+1))
					if err := p.WriteBlock(0, block); err != nil {
						return err
					}
					crashtest.Ack(i + 1)
				}
				return nil
			}, func(p *libpmemblk.Pool, acked crashtest.Acked) error {
				block := make([]byte, p.BlockSize())
				err := p.ReadBlock(0, block)
				if n := int64(binary.LittleEndian.Uint64(block)); n < acked.Last() || n > acked.Last()+1 {
					return fmt.Errorf("block %d, %d was acknowledged", n, acked.Last())
				}
				return err
			})
			passed(t)
		})
	}
}

// Ensure that whatever a check does to say no, or happens to it, is reported as
// what it is, and that all other images are checked.
func TestRunFails(t *testing.T) {
	gone, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(gone)) })

	for _, c := range []struct {
		name    string
		fail    func(t *testing.T) error // of the images that hold 3
		phase   string
		message []string
	}{
		{"error", func(*testing.T) error { return errors.New("three is wrong") }, "user", []string{"three is wrong"}},
		{"panic", func(*testing.T) error { panic("three!") }, "panic", []string{"the check panicked: three!", "run_test.go"}},
		{"goexit", func(*testing.T) error { runtime.Goexit(); return nil }, "user", []string{"ended its goroutine"}},
		{"FailNow", func(t *testing.T) error { require.Equal(t, 2, 3); return nil }, "user", []string{"It printed:", "Not equal"}},
		{"Error", func(t *testing.T) error { t.Error("three of t"); return nil }, "user", []string{"failed the test", "three of t"}},
		{"print", func(*testing.T) error { fmt.Println("to stdout"); os.Exit(0); return nil }, "crash", []string{"exit status 0", "to stdout"}},
		{"exit", func(*testing.T) error { os.Exit(7); return nil }, "crash", []string{"exit status 7"}},
		{"fault", func(*testing.T) error { return fmt.Errorf("%d", gone[0]) }, "crash", []string{"SIGSEGV: segmentation violation", "run_test.go"}},
		{"kill", func(*testing.T) error { return unix.Kill(os.Getpid(), unix.SIGKILL) }, "crash", []string{"signal: killed"}},
		{"hang", func(*testing.T) error { select {} }, "timeout", []string{"not done after 1s", "SIGQUIT", "run_test.go"}},
		{"spin", func(*testing.T) error {
			for { //nolint:staticcheck // on purpose
			}
		}, "timeout", []string{"not done after 1s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			needRecorder(t)
			q := &quiet{TB: t}
			dir := t.TempDir()
			config := crashtest.Config{Workers: 2, Dir: dir, Timeout: 30 * time.Second}
			if c.phase == "timeout" {
				config.Timeout = time.Second
			}
			r := crashtest.Run(q, config, count(5), func(m *libpmem.Mapping, acked crashtest.Acked) error {
				if value(m) == 3 {
					return c.fail(t)
				}
				return counted(m, acked)
			})
			require.Len(t, r.Failures, 1)
			f := r.Failures[0]
			assert.Equal(t, c.phase, f.Phase, f.Message)
			for _, text := range c.message {
				assert.Contains(t, f.Message, text)
			}
			assert.EqualValues(t, 2, f.Acked.Last(), "the smallest image comes first")
			assert.Equal(t, r.Failing, f.Seen)
			assert.Less(t, r.Failing, r.Images)
			require.Len(t, q.errors, 1)
			assert.Contains(t, q.errors[0], f.Text)
			assert.Contains(t, q.errors[0], "-crashtest.keep=")
			assert.Contains(t, q.errors[0], "-crashtest.replay=")
			assert.Contains(t, q.errors[0], "'^TestRunFails$/^"+c.name+"$'")
			assert.NotEmpty(t, q.logs)
			assert.Regexp(t, `^crashtest: \d+ images at \d+ crash points \(\d+ equal ones skipped\), \d+ failures? .*images/s, recording `, q.logs[0])
			requireEmpty(t, dir)
			assert.Empty(t, children(t))
		})
	}
}

// Ensure that a process serves the call of Run that it was made for.
func TestRunCalls(t *testing.T) {
	needRecorder(t)
	for call := range 3 {
		q := &quiet{TB: t}
		r := crashtest.Run(q, crashtest.Config{Dir: t.TempDir()}, count(2), func(*libpmem.Mapping, crashtest.Acked) error {
			return fmt.Errorf("this is call %c", 'a'+call)
		})
		require.NotEmpty(t, r.Failures)
		assert.Equal(t, fmt.Sprintf("this is call %c", 'a'+call), r.Failures[0].Message)
	}
}

// Ensure that a process finds its test under whatever name.
func TestRunNames(t *testing.T) {
	for _, name := range []string{"", "a b", "a/b", "[x", "x]", "(1|2)", "a.*", "^a$", `back\slash`, `"quoted"`, "tab\t", "Größe/日本", "same", "same", "#01"} {
		t.Run(name, func(t *testing.T) {
			needRecorder(t)
			r := crashtest.Run(t, crashtest.Config{Workers: 1, Dir: t.TempDir()}, count(1), func(m *libpmem.Mapping, acked crashtest.Acked) error {
				if t.Name() == "" {
					return errors.New("no name")
				}
				return counted(m, acked)
			})
			assert.NotZero(t, r.Images)
		})
	}
}

// Ensure that tests that are parallel take turns.
func TestRunParallel(t *testing.T) {
	needRecorder(t)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			r := crashtest.Run(t, crashtest.Config{Workers: 1, Dir: t.TempDir()}, count(i+1), counted)
			assert.GreaterOrEqual(t, r.Points, i+1)
		})
	}
}

// Ensure that a budget is kept, and that one seed takes one set of images.
func TestRunBudget(t *testing.T) {
	needRecorder(t)
	scatter := func(m *libpmem.Mapping) error { // many lines in flight
		for i := range 40 {
			for j := range 12 {
				binary.LittleEndian.PutUint64(m.Bytes()[64*j:], uint64(i+1))
			}
			if err := m.Persist(0, 64*12); err != nil {
				return err
			}
		}
		return nil
	}
	seen := func(*libpmem.Mapping, crashtest.Acked) error { return nil }
	r := crashtest.Run(t, crashtest.Config{Dir: t.TempDir(), Images: 50}, scatter, seen)
	assert.Equal(t, 50, r.Images)
	assert.Equal(t, 41, r.Points)

	began := time.Now()
	r = crashtest.Run(t, crashtest.Config{Dir: t.TempDir(), Images: 1 << 20, PerPoint: 200, Time: time.Second}, scatter,
		func(*libpmem.Mapping, crashtest.Acked) error {
			time.Sleep(10 * time.Millisecond)
			return nil
		})
	assert.NotZero(t, r.Images)
	assert.Less(t, r.Images, 1000, "it took %v", time.Since(began))
}

// Ensure that a workload that fails is told from a check that does, and leaves
// nothing behind.
func TestRunWorkload(t *testing.T) {
	needRecorder(t)
	for _, c := range []struct {
		name, fatal string
		workload    func(*libpmem.Mapping) error
	}{
		{"error", "the workload failed: no luck", func(*libpmem.Mapping) error { return errors.New("no luck") }},
		{"panic", "the workload panicked: ouch", func(*libpmem.Mapping) error { panic("ouch") }},
		{"goexit", "", func(*libpmem.Mapping) error { runtime.Goexit(); return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := &quiet{TB: t}
			dir := t.TempDir()
			returned := false
			aside(func() {
				crashtest.Run(q, crashtest.Config{Dir: dir}, c.workload, counted)
				returned = true
			})
			assert.False(t, returned)
			assert.Contains(t, q.fatal, c.fatal)
			assert.Equal(t, c.fatal == "", q.fatal == "")
			requireEmpty(t, dir)
		})
	}
	// The recorder is free again.
	r := crashtest.Run(t, crashtest.Config{Dir: t.TempDir()}, count(1), counted)
	assert.NotZero(t, r.Images)
}

// Ensure that a test that does not get to Run again is told so.
func TestRunNotReached(t *testing.T) {
	needRecorder(t)
	const variable = "CRASHTEST_TEST_FIRST"
	if os.Getenv(variable) != "" {
		return // in the worker, which inherits it
	}
	t.Setenv(variable, "1")
	q := &quiet{TB: t}
	aside(func() { crashtest.Run(q, crashtest.Config{Dir: t.TempDir()}, count(1), counted) })
	assert.Contains(t, q.fatal, "ended without reaching crashtest.Run, exit status 0")
	assert.Contains(t, q.fatal, "PASS: TestRunNotReached")
}

// Ensure that warnings go where they are wanted.
func TestRunWarnings(t *testing.T) {
	needRecorder(t)
	forgetful := func(m *libpmem.Mapping) error {
		m.Bytes()[1000] = 1
		return count(2)(m)
	}
	for _, c := range []struct {
		name                 string
		warnings             crashtest.Warnings
		logs, errors, report int
	}{{"log", crashtest.Log, 2, 0, 1}, {"fail", crashtest.Fail, 1, 1, 1}, {"ignore", crashtest.Ignore, 1, 0, 0}} {
		t.Run(c.name, func(t *testing.T) {
			q := &quiet{TB: t}
			r := crashtest.Run(q, crashtest.Config{Dir: t.TempDir(), Warnings: c.warnings}, forgetful, counted)
			require.Len(t, q.logs, c.logs)
			require.Len(t, q.errors, c.errors)
			require.Len(t, r.Warnings, c.report)
			if c.report == 1 {
				assert.Equal(t, "never flushed", r.Warnings[0].Kind)
				assert.Contains(t, fmt.Sprint(q.logs, q.errors), "crashtest: warning: run_test.go:")
			}
		})
	}
}

// Ensure that a Config that makes no sense is refused.
func TestRunConfig(t *testing.T) {
	needRecorder(t)
	for want, c := range map[string]crashtest.Config{
		"Config.Size is 1 bytes; the smallest mapping has 65536": {Size: 1},
		"Config.Durability is dax":                               {Durability: libpmemobj.DurabilityDAX},
		"a number in Config is negative":                         {Workers: -1},
		"Config.Warnings is 9":                                   {Warnings: 9},
	} {
		q := &quiet{TB: t}
		aside(func() { crashtest.Run(q, c, count(1), counted) })
		assert.Contains(t, q.fatal, want)
	}
}
