package libpmemlog_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

// The durability tests: a child appends numbered entries from several
// goroutines and prints each number once it is acknowledged; it is killed at a
// random moment; whatever it printed must be in the log, whole and in order,
// and nothing else but what was under way. One log goes through all rounds.

const killWriters = 4

// entry is what writer g appends as its nth.
func entry(g, n int) []byte {
	return append(fmt.Appendf(nil, "%d %d ", g, n), pattern(n*37%500, g+n)...)
}

// appender appends an entry, or several, and returns how many.
type appender func(g, n int) (int, error)

// runAppenders is the child: it prints "G N" for each entry N of writer G.
// Its arguments are the log's path, the number of writers, the durability, and
// the numbers of their next entries.
func runAppenders(args []string, open func(*Log) (appender, error)) error {
	durability := map[string]Durability{"msync": DurabilityMsync, "process-crash": DurabilityProcessCrash}[args[2]]
	l, err := Open(args[0], WithDurability(durability))
	if err != nil {
		return err
	}
	add, err := open(l)
	if err != nil {
		return err
	}
	goroutines, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	failed := make(chan error)
	for g := range goroutines {
		n, err := strconv.Atoi(args[3+g])
		if err != nil {
			return err
		}
		go func() {
			for {
				done, err := add(g, n)
				if errors.Is(err, ErrFull) {
					select {} // the parent will make room
				}
				if err != nil {
					failed <- err
					return
				}
				n += done
				if _, err := fmt.Printf("%d %d\n", g, n); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

func init() {
	testchild.Register("append", func(args []string) error {
		return runAppenders(args, func(l *Log) (appender, error) {
			return func(g, n int) (int, error) {
				// The size comes first.
				b := entry(g, n)
				head := fmt.Appendf(nil, "%04d", len(b))
				if n%2 == 0 {
					return 1, l.Appendv([][]byte{head, b})
				}
				return 1, l.Append(append(head, b...))
			}, nil
		})
	})
	testchild.Register("records", func(args []string) error {
		return runAppenders(args, func(l *Log) (appender, error) {
			r, err := OpenRecords(l)
			return func(g, n int) (int, error) {
				if n%5 == 0 {
					_, err := r.AppendAll([][]byte{entry(g, n), entry(g, n+1), entry(g, n+2)})
					return 3, err
				}
				_, err := r.Append(entry(g, n))
				return 1, err
			}, err
		})
	})
}

// Ensure that appends are durable and whole when the process is killed.
func TestKillAppend(t *testing.T) {
	t.Parallel()
	testKills(t, "append", 1, func(l *Log) (entries []string, err error) {
		all := contents(t, l)
		for len(all) > 0 {
			n, err := strconv.Atoi(all[:min(4, len(all))])
			if err != nil || len(all) < 4+n {
				return nil, fmt.Errorf("no entry %d bytes before the end: %.10q", len(all), all)
			}
			entries = append(entries, all[4:4+n])
			all = all[4+n:]
		}
		return entries, nil
	})
}

// Ensure that records are, and that those appended together are there
// together.
func TestKillRecords(t *testing.T) {
	t.Parallel()
	testKills(t, "records", 3, func(l *Log) (entries []string, err error) {
		r, err := OpenRecords(l)
		if err != nil {
			return nil, err
		}
		return recordsFrom(r, 0)
	})
}

// testKills runs a child for some rounds; parse reads its entries. At most
// atOnce are appended together.
func testKills(t *testing.T, name string, atOnce int, parse func(*Log) ([]string, error)) {
	rounds := 200
	if testing.Short() {
		rounds = 12
	}
	rnd := newRand(t)
	path := logPath(t)
	l, err := Create(path, WithSize(2*MinPool), WithDurability(DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, l.Close())

	var next, before [killWriters]int // entries of each writer, and those that a rewind dropped
	var total, unacknowledged, busy, rewinds int
	for round := range rounds {
		durability := "process-crash"
		if round%5 == 4 && interpose.Effective {
			durability = "msync"
		}
		args := []string{path, strconv.Itoa(1 + round%2*(killWriters-1)), durability}
		for _, n := range next {
			args = append(args, strconv.Itoa(n))
		}
		acknowledged := next
		killAtRandom(t, rnd, testchild.Start(t, name, args...), &acknowledged)

		if round%4 == 0 {
			require.NoError(t, testpool.PmempoolCheck(t, path), "round %d", round)
		}
		l, err := Open(path, WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		entries, err := parse(l)
		require.NoError(t, err, "round %d", round)
		found := before
		for _, e := range entries {
			var g, n int
			_, err := fmt.Sscan(e, &g, &n)
			require.NoError(t, err, "round %d: %.20q", round, e)
			require.Equal(t, found[g], n, "round %d: entries of writer %d lost, doubled or out of order", round, g)
			require.True(t, e == string(entry(g, n)), "round %d: entry %d of writer %d is damaged", round, n, g)
			found[g]++
		}
		for g := range found {
			require.GreaterOrEqual(t, found[g], acknowledged[g], "round %d: acknowledged entries of writer %d are lost", round, g)
			more := found[g] - acknowledged[g]
			require.LessOrEqual(t, more, atOnce)
			if more > 0 && atOnce > 1 {
				want := 1
				if acknowledged[g]%5 == 0 {
					want = 3
				}
				require.Equal(t, want, more, "round %d: half a batch", round)
			}
			unacknowledged += more
			total += acknowledged[g] - next[g]
		}
		if acknowledged != next {
			busy++
		}
		next = found
		if used, err := l.Len(); used > l.Cap()/8 {
			require.NoError(t, err)
			require.NoError(t, l.Rewind())
			before = found
			rewinds++
		}
		require.NoError(t, l.Close())
	}
	t.Logf("%d kills, %d of them with work done; %d entries acknowledged, %d more appended, %d rewinds", rounds, busy, total, unacknowledged, rewinds)
	require.Greater(t, busy, rounds/2, "most children were killed before they had done anything")
}

// killAtRandom kills a child some time after its first entry, or before, and
// notes what it acknowledged.
func killAtRandom(t *testing.T, rnd *rand.Rand, c *testchild.Child, acknowledged *[killWriters]int) {
	t.Helper()
	note := func(line string) {
		var g, n int
		_, err := fmt.Sscan(line, &g, &n)
		require.NoError(t, err, line)
		require.Greater(t, n, acknowledged[g])
		acknowledged[g] = n
	}
	c.KillAtRandom(t, rnd, 6*time.Millisecond, note)
}

// generation is how many entries the child "rewind" appends before each Rewind.
const generation = 20

func init() {
	// Appends entries "GENERATION NUMBER" and rewinds after each generation. It
	// prints them, and "GENERATION 0" after a rewind.
	testchild.Register("rewind", func(args []string) error {
		gen, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		l, err := Open(args[0], WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		for ; ; gen++ {
			if err := l.Rewind(); err != nil {
				return err
			}
			fmt.Println(gen, 0)
			for n := range generation {
				if err := l.Append(fmt.Appendf(nil, "%10d%10d", gen, n+1)); err != nil {
					return err
				}
				fmt.Println(gen, n+1)
			}
		}
	})
}

// Ensure that a rewind has happened or has not, whenever the process is
// killed, and that nothing of before is seen behind it.
func TestKillRewind(t *testing.T) {
	t.Parallel()
	rounds := 60
	if testing.Short() {
		rounds = 6
	}
	rnd := newRand(t)
	path := logPath(t)
	l, err := Create(path, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, l.Close())
	gen := 1
	rewound := 0
	for round := range rounds {
		c := testchild.Start(t, "rewind", path, strconv.Itoa(gen))
		var last, n int
		note := func(line string) {
			_, err := fmt.Sscan(line, &last, &n)
			require.NoError(t, err, line)
		}
		note(c.Line(t))
		c.KillAfter(t, time.Duration(rnd.Int64N(int64(4*time.Millisecond))), note)

		l, err := Open(path, WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		all := contents(t, l)
		require.NoError(t, l.Close())
		require.Zero(t, len(all)%20)
		count := len(all) / 20
		if count == 0 && n == generation {
			rewound++ // and not said so
		} else {
			require.Contains(t, []int{n, n + 1}, count, "round %d", round)
		}
		for i := range count {
			require.Equal(t, fmt.Sprintf("%10d%10d", last, i+1), all[20*i:][:20], "round %d", round)
		}
		gen = last + 1
	}
	t.Logf("%d generations; %d rewinds were done, but not acknowledged", gen, rewound)
	require.Greater(t, gen, rounds)
}

// Ensure that a process killed inside Create leaves nothing behind: either
// there is a sound log, or no file at all.
func TestKillCreate(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	rnd := newRand(t)
	dir := testpool.Dir(t)
	var none, sound int
	for round := range rounds {
		c := testchild.Start(t, "create", dir+"/log")
		require.Equal(t, "creating", c.Line(t))
		time.Sleep(time.Duration(rnd.Int64N(int64(10 * time.Millisecond))))
		c.Kill(t)
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		if len(left) == 0 {
			none++
			continue
		}
		sound++
		require.Len(t, left, 1, "round %d", round)
		require.Equal(t, "log", left[0].Name(), "round %d", round)
		require.NoError(t, Check(dir+"/log"))
		require.NoError(t, os.Remove(dir+"/log"))
	}
	t.Logf("%d kills left no file, %d a log", none, sound)
	require.NotZero(t, none, "no kill came before the end of a creation")
}

func init() {
	// Creates and removes a log until it is killed.
	testchild.Register("create", func(args []string) error {
		fmt.Println("creating")
		for {
			l, err := Create(args[0], WithSize(16<<20), WithDurability(DurabilityProcessCrash))
			if err != nil {
				return err
			}
			if err := errors.Join(l.Close(), os.Remove(args[0])); err != nil {
				return err
			}
		}
	})
}
