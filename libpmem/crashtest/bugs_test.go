package crashtest_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// seeded is a small program with a bug, and the same program without it.
type seeded struct {
	name string
	run  runner
	says string // what the check finds

	// hint is more of what the report of the bug must say. An @ in it stands
	// for the line that is marked "BUG: " and the program's name.
	hint string
}

// runner tests a program, with its bug or without.
type runner func(t *testing.T, c crashtest.Config, buggy bool) *crashtest.Report

// Ensure that the bug of every program is found and explained, and that
// nothing is found in its corrected twin.
func TestSeededBugs(t *testing.T) {
	needRecorder(t)
	lines := marked(t)
	for _, kind := range []struct {
		name string
		bugs []seeded
	}{
		{"mapping", mappingBugs},
		{"obj", objBugs},
		{"log", logBugs},
		{"blk", blkBugs},
	} {
		for i, b := range kind.bugs {
			t.Run(kind.name+"/"+strings.ReplaceAll(b.name, " ", "-"), func(t *testing.T) {
				if testing.Short() && i%4 != 0 {
					t.Skip("-short takes every fourth")
				}
				line := lines[b.name]
				// Two tests, as a process that checks images comes to the Run
				// of its test only.
				t.Run("bug", func(t *testing.T) {
					report := b.run(t, budget(), true)
					text := describe(report)
					require.NotEmpty(t, report.Failures, "the bug was not found: %s", text)
					t.Log(text)
					assert.Contains(t, text, b.says)
					assert.Contains(t, text, strings.ReplaceAll(b.hint, "@", line))
				})
				t.Run("twin", func(t *testing.T) {
					report := b.run(t, budget(), false)
					t.Log(report)
					assert.Empty(t, report.Failures, "%s", describe(report))
					assert.Empty(t, report.Warnings, "%s", describe(report))
					assert.Greater(t, report.Images, 2, "so few images prove nothing")
				})
			})
		}
	}
}

// Ensure that each program has a marked line, and each mark a program.
func TestSeededBugsMarked(t *testing.T) {
	lines := marked(t)
	for _, b := range slices.Concat(mappingBugs, objBugs, logBugs, blkBugs) {
		assert.Contains(t, lines, b.name)
		delete(lines, b.name)
	}
	assert.Empty(t, lines)
}

// describe is all that a report says.
func describe(r *crashtest.Report) string {
	var b strings.Builder
	fmt.Fprintln(&b, r)
	for _, f := range r.Failures {
		fmt.Fprintln(&b, f)
	}
	for _, w := range r.Warnings {
		fmt.Fprintln(&b, "warning:", w)
	}
	return b.String()
}

// budget is what each program is given. The first failures are enough, and
// the twins are small.
func budget() crashtest.Config {
	return crashtest.Config{Seed: 1, Images: 60, PerPoint: 12}
}

// marked are the places of the lines marked as bugs, "file.go:line", by the
// names that stand behind the marks.
func marked(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("bugs_*_test.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	lines := map[string]string{}
	for _, name := range files {
		f, err := os.Open(name)
		require.NoError(t, err)
		s := bufio.NewScanner(f)
		for n := 1; s.Scan(); n++ {
			_, bug, ok := strings.Cut(s.Text(), "// BUG: ")
			if !ok {
				continue
			}
			require.NotContains(t, lines, bug, "marked twice")
			lines[bug] = fmt.Sprintf("%s:%d", name, n)
		}
		require.NoError(t, s.Err())
		require.NoError(t, f.Close())
	}
	return lines
}

// expecting is a test that is not failed by what Run finds.
type expecting struct{ *testing.T }

func (expecting) Errorf(string, ...any) {}
func (expecting) Logf(string, ...any)   {}

// program is a workload, with its bug or without, and its check. The workload
// stays on its thread: what is flushed on one is not waited for on another.
// Images of pools, whose checks take long, are checked in processes.
func program[S crashtest.Store](work func(s S, buggy bool) error, check func(s S, acked crashtest.Acked) error) runner {
	return func(t *testing.T, c crashtest.Config, buggy bool) *crashtest.Report {
		workload := func(s S) error {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			return work(s, buggy)
		}
		var s S
		switch any(s).(type) {
		case *libpmemobj.Pool, *libpmemblk.Pool:
			return crashtest.Run(expecting{t}, c, workload, check)
		}
		report, err := crashtest.Explore(c, workload, check)
		require.NoError(t, err)
		return report
	}
}

// onDisk is a program whose store is an ordinary file.
func onDisk(run runner) runner {
	return func(t *testing.T, c crashtest.Config, buggy bool) *crashtest.Report {
		c.Durability = crashtest.DurabilityMsync
		return run(t, c, buggy)
	}
}

// onMapping is a program over a mapping that holds a T.
func onMapping[T any](work func(m *libpmem.Mapping, v *T, buggy bool) error, check func(v *T, acked crashtest.Acked) error) runner {
	view := func(m *libpmem.Mapping) *T { return (*T)(unsafe.Pointer(unsafe.SliceData(m.Bytes()))) }
	return program(
		func(m *libpmem.Mapping, buggy bool) error { return work(m, view(m), buggy) },
		func(m *libpmem.Mapping, acked crashtest.Acked) error { return check(view(m), acked) },
	)
}

// at is where a part of a mapping lies: offset and length for Persist and the like.
func at[F any](m *libpmem.Mapping, field *F) (off, n int) {
	base := unsafe.Pointer(unsafe.SliceData(m.Bytes()))
	return int(uintptr(unsafe.Pointer(field)) - uintptr(base)), int(unsafe.Sizeof(*field))
}

// onPool is a program over a pool whose root object is a T. There is no crash
// point before it exists.
func onPool[T any](work func(p *libpmemobj.Pool, root *T, buggy bool) error, check func(p *libpmemobj.Pool, root *T, acked crashtest.Acked) error) runner {
	return program(
		func(p *libpmemobj.Pool, buggy bool) error {
			var root libpmemobj.Ptr[T]
			err := crashtest.Unchecked(func() (err error) {
				root, err = libpmemobj.Root[T](p)
				return err
			})
			if err != nil {
				return err
			}
			return work(p, root.Get(), buggy)
		},
		func(p *libpmemobj.Pool, acked crashtest.Acked) error {
			root, err := libpmemobj.Root[T](p)
			if err != nil {
				return err
			}
			return check(p, root.Get(), acked)
		},
	)
}
