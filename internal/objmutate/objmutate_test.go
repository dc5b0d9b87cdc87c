package objmutate

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/objmutate/cpool"
)

var (
	seedFlag      = flag.Uint64("objmutate.seed", 1, "seed of the mutations")
	countFlag     = flag.Uint64("objmutate.n", 3000, "number of mutated images (-short: a tenth)")
	stopsFlag     = flag.Int("objmutate.stops", 1000, "number of moments (-short: a tenth)")
	killsFlag     = flag.Int("objmutate.kills", 120, "number of kills (-short: a tenth)")
	unguardedFlag = flag.Bool("objmutate.unguarded", false, "hand C also what only the full check refuses, and count")
)

// scaled is n, or a tenth of it with -short.
func scaled[T int | uint64](n T) T {
	if testing.Short() {
		return n/10 + 1
	}
	return n
}

// Ensure that no damaged file which the full check accepts kills or hangs the
// process when C opens and uses it, and none which the cheap check accepts when
// C opens and closes it.
func TestMutants(t *testing.T) {
	seed, n := *seedFlag, scaled(*countFlag)
	t.Logf("-objmutate.seed=%d -objmutate.n=%d", seed, n)
	dir := workDir(t)
	bases := basePools(t, dir)
	patience := patience
	if *unguardedFlag {
		patience = 5 * time.Second // many will hang
	}

	const workers = 2
	results := make([]map[string][]result, workers)
	failures := make([]error, workers)
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		results[w] = map[string][]result{}
		wg.Go(func() {
			for _, base := range bases {
				got, err := runMutants(t, base, dir, seed, w, workers, n/uint64(len(bases)), *unguardedFlag, patience)
				results[w][filepath.Base(base)] = got
				if err != nil {
					failures[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}

	y := tally{}
	reasons := map[string]int{}
	total := 0
	for _, byBase := range results {
		for base, rs := range byBase {
			for _, r := range rs {
				total++
				y.add(r)
				if r.end == "error" {
					reasons[r.reason]++
				}
				switch {
				case !r.bad():
				case r.verdict == "":
					t.Errorf("the check itself: %s on %s nr. %d (%s: %s)", r.end, base, r.nth, r.region, r.how)
				case r.verdict == "verify" && *unguardedFlag:
					t.Logf("unguarded %s: %s nr. %d (%s: %s); the full check says: %s", r.end, base, r.nth, r.region, r.how, r.reason)
				default:
					t.Errorf("%s: %s nr. %d was accepted (%s: %s); the full check says: %s", r.end, base, r.nth, r.region, r.how, r.reason)
				}
			}
		}
	}
	t.Logf("%d images\n%s", total, y)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("%d times C opened nothing: %s", reasons[reason], reason)
	}
	require.GreaterOrEqual(t, total, int(n)-len(bases)*workers)
	// The test would prove nothing if all were refused or all let through.
	require.NotZero(t, y["total"]["refused"])
	require.NotZero(t, y["total"]["fine"])
}

// bad says whether the image was the end of its child.
func (r *result) bad() bool { return r.end == "hang" || strings.HasPrefix(r.end, "signal") }

// outcome is the column of the table that r belongs in.
func (r *result) outcome() string {
	switch {
	case r.bad():
		if r.verdict == "verify" {
			return "(" + strings.Fields(r.end)[0] + ")"
		}
		return strings.TrimSuffix(strings.Fields(r.end)[0], ":")
	case r.verdict == "cheap":
		return "refused"
	case r.verdict == "verify":
		return "verify"
	}
	return r.end
}

// tally counts outcomes by region.
type tally map[string]map[string]int

func (y tally) add(r result) {
	for _, region := range []string{r.region, "total"} {
		if y[region] == nil {
			y[region] = map[string]int{}
		}
		y[region][r.outcome()]++
	}
}

func (y tally) String() string {
	columns := []string{"refused", "verify", "fine", "error", "signal", "hang", "(signal:)", "(hang)"}
	var b strings.Builder
	fmt.Fprintf(&b, "%-20s", "")
	for _, c := range columns {
		fmt.Fprintf(&b, "%10s", c)
	}
	for _, region := range slices.Sorted(maps.Keys(y)) {
		fmt.Fprintf(&b, "\n%-20s", region)
		for _, c := range columns {
			fmt.Fprintf(&b, "%10d", y[region][c])
		}
	}
	return b.String()
}

// Ensure that a pool which was killed at any moment is never refused, and that C
// can go on with it.
func TestKilledPools(t *testing.T) {
	seed, n := *seedFlag, scaled(*killsFlag)
	t.Logf("-objmutate.seed=%d -objmutate.kills=%d", seed, n)
	rnd := rand.New(rand.NewPCG(seed, 0))
	dir := workDir(t)
	path := filepath.Join(dir, "pool")
	size := uint64(8 << 20)
	for i := range n {
		if i%20 == 0 {
			// A pool of its own for each score of kills.
			os.Remove(path)
			fillPool(t, path, size, i, 100, i/20%2*5)
		}
		churnPool(t, path, size, int(rnd.Int32()), time.Duration(rnd.IntN(15000))*time.Microsecond)
		cheap, deep, err := judge(path)
		require.NoError(t, err)
		require.NoError(t, cheap, "kill %d", i)
		require.NoError(t, deep, "kill %d", i)
		if i%20 == 19 {
			require.NoError(t, cpool.Use(path))
			cheap, deep, err = judge(path)
			require.NoError(t, err)
			require.NoError(t, cheap)
			require.NoError(t, deep)
		}
	}
}

// Ensure that a pool which stopped changing at any moment is never refused. A
// stopped process leaves the same file as a killed one, and can be stopped
// again a moment later.
func TestStoppedPools(t *testing.T) {
	seed, n := *seedFlag, scaled(*stopsFlag)
	t.Logf("-objmutate.seed=%d -objmutate.stops=%d", seed, n)
	rnd := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(workDir(t), "pool")
	const size = 8 << 20
	fillPool(t, path, size, 1, 100, 5)
	c := start(t, "churn", path, strconv.Itoa(size), "1")
	require.Equal(t, "churning", c.Line(t))

	pool, err := os.Open(path)
	require.NoError(t, err)
	defer pool.Close()
	image := make([]byte, size)
	busy := 0
	for i := range n {
		time.Sleep(time.Duration(rnd.IntN(200)) * time.Microsecond)
		require.NoError(t, c.Process().Signal(unix.SIGSTOP))
		var st unix.WaitStatus
		_, err := unix.Wait4(c.Process().Pid, &st, unix.WUNTRACED, nil)
		require.NoError(t, err)
		require.True(t, st.Stopped(), "the child ended: %v", st)
		_, err = pool.ReadAt(image, 0)
		require.NoError(t, err)
		require.NoError(t, c.Process().Signal(unix.SIGCONT))
		if logsInUse(image) {
			busy++
		}
		for _, check := range []func(io.ReaderAt, int64) (objheap.Info, error){objheap.Check, objheap.Verify} {
			_, err = check(bytes.NewReader(image), size)
			require.NoError(t, err, "stop %d", i)
		}
	}
	t.Logf("%d of %d in the middle of something", busy, n)
	require.NotZero(t, busy)
}

// logsInUse says whether recovery of the image would have a redo log to finish.
func logsInUse(image []byte) bool {
	for lane := range 1024 {
		at := lanesAt + lane*laneBytes
		if binary.LittleEndian.Uint64(image[at:])|binary.LittleEndian.Uint64(image[at+256:]) != 0 {
			return true
		}
	}
	return false
}
