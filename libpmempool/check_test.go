package libpmempool_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemlog"
	. "github.com/pmem/pmdk-go/libpmempool"
)

func TestVersion(t *testing.T) {
	require.NoError(t, CheckVersion(MajorVersion, MinorVersion))
	err := CheckVersion(MajorVersion+1, 0)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "major version mismatch")
}

func TestCheckConsistent(t *testing.T) {
	dir := testpool.Dir(t)
	for kind, path := range map[Type]string{TypeLog: newLog(t, dir), TypeBlk: newBlk(t, dir), TypeObj: newObj(t, dir)} {
		before := contents(t, path)
		report, messages, err := check(t, path)
		require.NoError(t, err)
		assert.Equal(t, Report{Type: kind, Result: Consistent}, report)
		assert.Empty(t, messages, "nothing to say without WithVerbose")

		_, messages, err = check(t, path, WithVerbose())
		require.NoError(t, err)
		assert.Contains(t, messages, "pool header correct")
		for _, repair := range [][]Option{{WithRepair(), WithYes()}, {WithRepair(), WithDryRun()}, {WithRepair(), WithAdvanced()}} {
			report, _, err = check(t, path, repair...)
			require.NoError(t, err)
			assert.Equal(t, Consistent, report.Result)
			assert.True(t, report.Result.Sound())
		}
		assert.Equal(t, before, contents(t, path))
	}
}

// Ensure that what the header of a log lost is restored as far as it can be,
// and that what could not be restored is said.
func TestRepairLogHeader(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	damage(t, path, 4096, 0, 24)
	damaged := contents(t, path)

	report, messages, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, NotConsistent, report.Result)
	assert.False(t, report.Result.Sound())
	assert.Contains(t, strings.Join(messages, "\n"), "invalid pmemlog.start_offset: 0x0")

	// A dry run says what would be done, and does not do it.
	report, _, err = check(t, path, WithRepair(), WithYes(), WithDryRun())
	require.NoError(t, err)
	assert.Equal(t, Repaired, report.Result)
	require.Len(t, report.Caveats, 1)
	assert.Equal(t, damaged, contents(t, path))

	// Nobody to answer: no.
	report, messages, err = check(t, path, WithRepair())
	require.NoError(t, err)
	assert.Equal(t, NotConsistent, report.Result)
	assert.Empty(t, report.Caveats)
	assert.Contains(t, strings.Join(messages, "\n"), "Do you want to set pmemlog.start_offset to default 0x2000? no")
	assert.Equal(t, damaged, contents(t, path))

	var questions []string
	backup := path + ".backup"
	report, messages, err = check(t, path, WithRepair(), WithBackup(backup), WithAnswers(func(q Question) bool {
		questions = append(questions, q.Text)
		return true
	}))
	require.NoError(t, err)
	assert.Equal(t, Repaired, report.Result)
	assert.Equal(t, TypeLog, report.Type)
	require.Len(t, questions, 3)
	assert.Contains(t, messages, questions[0]+" yes")
	require.Len(t, report.Caveats, 1)
	assert.Contains(t, report.Caveats[0], "the log's end was lost and is now the end of the file")
	assert.Equal(t, damaged, contents(t, backup))

	// As the caveat says: the content, and zeros up to the end.
	l, err := libpmemlog.Open(path)
	require.NoError(t, err)
	defer l.Close()
	n, err := l.Len()
	require.NoError(t, err)
	assert.Equal(t, l.Cap(), n)
	b := make([]byte, n)
	_, err = l.ReadAt(b, 0)
	require.NoError(t, err)
	assert.Equal(t, logText, strings.TrimRight(string(b), "\x00"))
}

// Ensure that a pool header with a wrong checksum is repaired, the content
// untouched.
func TestRepairPoolHeader(t *testing.T) {
	dir := testpool.Dir(t)
	logPath, blkPath := newLog(t, dir), newBlk(t, dir)
	for _, path := range []string{logPath, blkPath} {
		damage(t, path, 4088, 0xaa, 8)
		report, _, err := check(t, path)
		require.NoError(t, err)
		assert.Equal(t, NotConsistent, report.Result)

		report, messages, err := check(t, path, WithRepair(), WithYes())
		require.NoError(t, err)
		assert.Equal(t, CannotRepair, report.Result, "%q", messages)
		assert.True(t, report.NeedsAdvanced)
		assert.Contains(t, strings.Join(messages, "\n"), "PMEMPOOL_CHECK_ADVANCED")

		report, _, err = check(t, path, WithRepair(), WithAdvanced(), WithYes())
		require.NoError(t, err)
		assert.Equal(t, Repaired, report.Result)
		assert.Empty(t, report.Caveats)
		report, _, err = check(t, path)
		require.NoError(t, err)
		assert.Equal(t, Consistent, report.Result)
	}
	requireBlocks(t, blkPath)
	require.NoError(t, libpmemlog.Check(logPath))
	l, err := libpmemlog.Open(logPath, libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
	require.NoError(t, err)
	defer l.Close()
	var content strings.Builder
	_, err = l.WriteTo(&content)
	require.NoError(t, err)
	assert.Equal(t, logText, content.String())
}

// Ensure that a block translation table is restored from its backup, however
// its info block was destroyed, and that no block is lost.
func TestRepairBTTInfo(t *testing.T) {
	original := newBlk(t, testpool.Dir(t))
	for name, fill := range map[string]byte{"garbage": 0xff, "zeros": 0} {
		t.Run(name, func(t *testing.T) {
			path := copied(t, original)
			damage(t, path, 8192, fill, 4096)
			damaged := contents(t, path)
			info, err := Info(path)
			require.NoError(t, err)
			require.NotEmpty(t, info.Damage)

			report, messages, err := check(t, path)
			require.NoError(t, err)
			assert.Equal(t, NotConsistent, report.Result)
			assert.Contains(t, strings.Join(messages, "\n"), "BTT Info")

			report, _, err = check(t, path, WithRepair(), WithYes(), WithDryRun())
			require.NoError(t, err)
			assert.Equal(t, Repaired, report.Result)
			report, _, err = check(t, path, WithRepair(), WithAnswers(func(Question) bool { return false }))
			require.NoError(t, err)
			assert.NotEqual(t, Repaired, report.Result)
			assert.Equal(t, damaged, contents(t, path))

			backup := path + ".backup"
			t.Cleanup(func() { os.Remove(backup) })
			asked := 0
			report, messages, err = check(t, path, WithRepair(), WithBackup(backup), WithAnswers(func(q Question) bool {
				asked++
				return true
			}))
			require.NoError(t, err)
			assert.Equal(t, Repaired, report.Result, "%q", messages)
			assert.NotZero(t, asked)
			assert.Equal(t, damaged, contents(t, backup))
			assert.Equal(t, contents(t, original), contents(t, path))
			requireBlocks(t, path)
			report, _, err = check(t, path)
			require.NoError(t, err)
			assert.Equal(t, Consistent, report.Result)
		})
	}
}

// Ensure that a damaged flog takes an advanced repair, which is not silent
// about what it cannot know.
func TestRepairBTTFlog(t *testing.T) {
	path := newBlk(t, testpool.Dir(t))
	info, err := Info(path)
	require.NoError(t, err)
	arena := info.Blk.Arenas[0]
	damage(t, path, arena.Start+int64(arena.Flog), 0xff, 64)
	report, _, err := check(t, path, WithRepair(), WithYes())
	require.NoError(t, err)
	assert.Equal(t, CannotRepair, report.Result)
	report, _, err = check(t, path, WithRepair(), WithYes(), WithAdvanced())
	require.NoError(t, err)
	assert.Equal(t, Repaired, report.Result)
	require.Len(t, report.Caveats, 1)
	assert.Contains(t, report.Caveats[0], "compare with a backup")
	requireBlocks(t, path)
}

// Ensure that the repair of an obj pool is refused in plain words, with what to
// do instead.
func TestRepairObj(t *testing.T) {
	path := newObj(t, testpool.Dir(t))
	damage(t, path, 40, 0xaa, 4)
	before := contents(t, path)
	report, _, err := check(t, path)
	require.NoError(t, err)
	assert.Equal(t, Report{Type: TypeObj, Result: NotConsistent}, report)
	for _, opts := range [][]Option{{WithRepair(), WithYes()}, {WithRepair(), WithAdvanced(), WithYes()}, {WithRepair(), WithDryRun()}} {
		report, messages, err := check(t, path, opts...)
		require.ErrorIs(t, err, ErrRepairUnsupported)
		require.ErrorContains(t, err, "restore the damaged files with Sync if the pool has replicas, or from a backup")
		assert.Equal(t, CannotRepair, report.Result)
		assert.Contains(t, messages, "the repair of pmemobj pools is not supported")
	}
	assert.Equal(t, before, contents(t, path))
}

// Ensure that a pool whose header says nothing any more is not taken for
// another one.
func TestCheckNoHeader(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	damage(t, path, 0, 0, 4096)
	report, messages, err := check(t, path, WithRepair(), WithAdvanced(), WithYes())
	require.NoError(t, err)
	assert.Equal(t, Report{Type: TypeDetect, Result: CannotRepair}, report)
	assert.Contains(t, messages, "cannot determine pool type")
}

// Ensure that files are refused in words that C would not survive, or would
// misunderstand.
func TestCheckRefused(t *testing.T) {
	dir := testpool.Dir(t)
	path := filepath.Join(dir, "file")
	logPath := newLog(t, dir)
	for _, size := range []int{0, 1, 11, 4095, 4096, 8191, 8192, 1 << 20, 2<<20 - 1} {
		require.NoError(t, os.WriteFile(path, []byte(contents(t, logPath)[:size]), 0o600))
		for name, opts := range map[string][]Option{"check": nil, "repair": {WithRepair(), WithYes(), WithAdvanced()}} {
			_, err := Check(t.Context(), path, opts...)
			var c *CorruptError
			require.ErrorAs(t, err, &c, "%s of %d bytes", name, size)
			assert.Equal(t, "file", c.Structure)
		}
	}
	require.NoError(t, os.Truncate(newBlk(t, dir), 8<<20))
	_, err := Check(t.Context(), filepath.Join(dir, "blk"))
	require.ErrorContains(t, err, "truncated: a blk pool has at least 16785408 bytes")

	_, err = Check(t.Context(), dir)
	require.ErrorIs(t, err, unix.EISDIR)
	_, err = Check(t.Context(), filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Check(t.Context(), "/dev/null")
	require.ErrorContains(t, err, "not a regular file")
	_, err = Check(t.Context(), "")
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = Check(t.Context(), "a\x00b")
	require.ErrorIs(t, err, unix.EINVAL)
	_, err = Check(t.Context(), strings.Repeat("x", 5000))
	require.ErrorIs(t, err, unix.ENAMETOOLONG)
}

// Ensure that a pool with holes has all its blocks before C writes to it, and
// keeps its holes where it doesn't.
func TestRepairHoles(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	require.NoError(t, writeSparse(path, []byte(contents(t, path))))
	damage(t, path, 4096, 0, 24)
	blocks := func() int64 {
		var st unix.Stat_t
		require.NoError(t, unix.Stat(path, &st))
		return st.Blocks * 512
	}
	before := blocks()
	require.Less(t, before, int64(libpmemlog.MinPool))
	_, _, err := check(t, path, WithRepair(), WithYes(), WithDryRun())
	require.NoError(t, err)
	assert.Equal(t, before, blocks())
	report, _, err := check(t, path, WithRepair(), WithYes())
	require.NoError(t, err)
	assert.Equal(t, Repaired, report.Result)
	assert.GreaterOrEqual(t, blocks(), int64(libpmemlog.MinPool))
}

func TestCheckOptions(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	for _, opt := range []Option{WithDryRun(), WithAdvanced(), WithYes(), WithBackup(path + ".b"), WithAnswers(func(Question) bool { return true })} {
		_, err := Check(t.Context(), path, opt)
		require.ErrorIs(t, err, unix.EINVAL)
		require.ErrorContains(t, err, "needs WithRepair")
	}
	_, err := Check(t.Context(), path, WithForce())
	require.ErrorContains(t, err, "option WithForce has no meaning here")
	_, err = Check(t.Context(), path, WithType(77))
	require.ErrorContains(t, err, "not a type")
	_, err = Check(t.Context(), path, WithRepair(), WithBackup(path))
	require.ErrorIs(t, err, os.ErrExist)
	_, err = Check(t.Context(), path, WithRepair(), WithYes(), WithAnswers(func(Question) bool { return true }))
	require.ErrorContains(t, err, "has none left")
}

// Ensure that a check that is left early releases the pool, and has no result.
func TestCheckAbandoned(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	c, err := Check(t.Context(), path, WithVerbose())
	require.NoError(t, err)
	for range c.Messages() {
		break
	}
	_, err = c.Result()
	require.ErrorIs(t, err, ErrAbandoned)
	for range c.Messages() {
		t.Fatal("a message after the end")
	}

	closed, err := Check(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	require.NoError(t, closed.Close())
	_, err = closed.Result()
	require.ErrorIs(t, err, ErrAbandoned)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancelled, err := Check(ctx, path, WithVerbose())
	require.NoError(t, err)
	n := 0
	for range cancelled.Messages() {
		n++
		cancel()
	}
	assert.Equal(t, 1, n)
	report, err := cancelled.Result()
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, CheckError, report.Result)

	report, _, err = check(t, path) // nobody holds a lock
	require.NoError(t, err)
	assert.Equal(t, Consistent, report.Result)
}

// Ensure that a panic in the loop or in an answer ends the check.
func TestCheckPanic(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	damage(t, path, 4096, 0, 24)
	c, err := Check(t.Context(), path, WithRepair(), WithAnswers(func(Question) bool { panic("ask me later") }))
	require.NoError(t, err)
	require.PanicsWithValue(t, "ask me later", func() { _, _ = c.Result() })
	require.NoError(t, c.Close())

	c, err = Check(t.Context(), path)
	require.NoError(t, err)
	require.PanicsWithValue(t, "enough", func() {
		for range c.Messages() {
			panic("enough")
		}
	})
	require.NoError(t, c.Close())
	report, _, err := check(t, path, WithRepair(), WithYes())
	require.NoError(t, err)
	assert.Equal(t, Repaired, report.Result)
}

// Ensure that a check that is lost is reported, and lets go of the pool.
func TestCheckLost(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	var lock sync.Mutex
	var leaks []cgoutil.Leak
	previous := cgoutil.SetLeakReporter(func(l cgoutil.Leak) {
		lock.Lock()
		defer lock.Unlock()
		leaks = append(leaks, l)
	})
	defer cgoutil.SetLeakReporter(previous)
	func() {
		_, err := Check(t.Context(), path)
		require.NoError(t, err)
	}()
	for i := 0; i < 500 && cgoutil.OpenWatches() > 0; i++ {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
	lock.Lock()
	defer lock.Unlock()
	require.Len(t, leaks, 1)
	assert.Equal(t, "libpmempool check", leaks[0].Kind)
	_, _, err := check(t, path)
	require.NoError(t, err)
}

// Ensure that pools that are open are left alone, with a clear error.
func TestCheckBusy(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	l, err := libpmemlog.Open(path)
	require.NoError(t, err)
	defer l.Close()
	_, err = Check(t.Context(), path)
	require.ErrorIs(t, err, unix.EAGAIN)
	require.ErrorContains(t, err, "locked: the pool is open")
	_, err = FeatureEnable(path, FeatureCheckBadBlocks)
	require.ErrorIs(t, err, unix.EAGAIN)
	_, err = Remove(path, WithForce())
	require.ErrorIs(t, err, unix.EAGAIN)
	info, err := Info(path)
	require.NoError(t, err)
	assert.True(t, info.Files[0].Busy)
	assert.Equal(t, TypeLog, info.Type)
	assert.Empty(t, info.Damage)
}

// Ensure that a process started in the middle of a check does not inherit its
// lock.
func TestCheckFork(t *testing.T) {
	path := newLog(t, testpool.Dir(t))
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("there is no sleep:", err)
	}
	var children []*exec.Cmd
	c, err := Check(t.Context(), path, WithVerbose())
	require.NoError(t, err)
	for range c.Messages() {
		cmd := exec.Command(sleep, "60")
		require.NoError(t, cmd.Start())
		children = append(children, cmd)
	}
	_, err = c.Result()
	require.NoError(t, err)
	_, _, err = check(t, path)
	for _, cmd := range children {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	require.NoError(t, err)
	require.NotEmpty(t, children)
}

// Ensure that goroutines that check one pool get results or EAGAIN, and that
// those with pools of their own do not disturb each other.
func TestCheckConcurrent(t *testing.T) {
	dir := testpool.Dir(t)
	shared := newLog(t, dir)
	own := []string{copied(t, shared), copied(t, newObj(t, dir))}
	var wg sync.WaitGroup
	for range 4 {
		for _, path := range append(own, shared) {
			wg.Go(func() {
				for range 5 {
					c, err := Check(context.Background(), path)
					if err == nil {
						var r Report
						if r, err = c.Result(); err == nil {
							assert.Equal(t, Consistent, r.Result)
						}
					}
					var e *Error
					if err != nil && assert.True(t, errors.As(err, &e), "%v", err) {
						assert.NotEmpty(t, e.Msg)
					}
				}
			})
			wg.Go(func() {
				for range 5 {
					_, err := FeatureQuery(path, FeatureChecksum2K)
					assert.True(t, err == nil || errors.Is(err, unix.EAGAIN), "%v", err)
				}
			})
		}
	}
	wg.Wait()
	for _, path := range append(own, shared) {
		report, _, err := check(t, path)
		require.NoError(t, err)
		assert.Equal(t, Consistent, report.Result)
	}
}
