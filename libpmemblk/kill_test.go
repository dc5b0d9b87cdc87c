package libpmemblk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// The durability test: a child writes numbered versions of blocks and prints
// each number once the write has returned; it is killed at a random moment;
// every block must hold the last version that was printed or the one that was
// under way, whole. One pool goes through many rounds, so that damage adds up.

const (
	killBlock   = 2048 // bytes
	killWriters = 4
	killEach    = 5 // blocks of one writer, written in turn
)

func init() {
	testchild.Register("blocks", func(args []string) error {
		writers, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		durability := DurabilityProcessCrash
		if args[2] == DurabilityMsync.String() {
			durability = DurabilityMsync
		}
		p, err := Open(args[0], WithDurability(durability))
		if err != nil {
			return err
		}
		failed := make(chan error)
		for g := range writers {
			go func() { failed <- writeVersions(p, g) }()
		}
		return <-failed
	})
}

// killedBlock is the block that a writer writes its nth version to.
func killedBlock(g, version int) int64 { return int64(g*killEach + version%killEach) }

// writeVersions continues where the writer's blocks end, and prints "G N" for
// each version N.
func writeVersions(p *Pool, g int) error {
	last, err := lastVersion(p, g)
	if err != nil {
		return err
	}
	b := make([]byte, killBlock)
	var line []byte
	for version := last + 1; ; version++ {
		n := killedBlock(g, version)
		fillBlock(b, n, version)
		if version%3 == 0 {
			// In two parts, of which the first may be there alone.
			err = errors.Join(p.SetZero(n), p.WriteBlock(n, b))
		} else {
			err = p.WriteBlock(n, b)
		}
		if err != nil {
			return err
		}
		line = fmt.Appendf(line[:0], "%d %d\n", g, version)
		if _, err := os.Stdout.Write(line); err != nil {
			return err
		}
	}
}

// lastVersion finds a writer's last version and ensures that the blocks before
// it are those that it wrote.
func lastVersion(p *Pool, g int) (int, error) {
	b := make([]byte, killBlock)
	var versions [killEach]int
	last := 0
	for i := range versions {
		n := killedBlock(g, i)
		if err := p.ReadBlock(n, b); err != nil {
			return 0, err
		}
		version, err := versionOf(b, n)
		if err != nil {
			return 0, err
		}
		versions[i] = version
		last = max(last, version)
	}
	for version := max(1, last-killEach+1); version <= last; version++ {
		got := versions[version%killEach]
		if got == version {
			continue
		}
		// The next version of the same block may have begun with zeros.
		if got == 0 && version == last-killEach+1 && (last+1)%3 == 0 {
			continue
		}
		return 0, fmt.Errorf("writer %d: version %d in place of %d, with %d the last", g, got, version, last)
	}
	return last, nil
}

// Ensure that blocks are durable and whole when the process is killed.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 200
	if testing.Short() {
		rounds = 12
	}
	rnd := newRand(t)
	var path string
	var acknowledged [killWriters]int
	var total, unacknowledged, busy, fresh int
	for round := range rounds {
		if round%10 == 0 { // a new pool, to be laid out
			path = filepath.Join(testpool.Dir(t), "pool")
			p, err := Create(path, killBlock, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
			require.NoError(t, err)
			require.NoError(t, p.Close())
			acknowledged = [killWriters]int{}
			fresh++
		}
		writers, durability := 1+round%2*(killWriters-1), DurabilityProcessCrash
		if round%5 == 4 && interpose.Effective {
			durability = DurabilityMsync
		}
		before := acknowledged
		killAtRandom(t, rnd, testchild.Start(t, "blocks", path, strconv.Itoa(writers), durability.String()), &acknowledged)

		if round%5 == 0 {
			require.NoError(t, testpool.PmempoolCheck(t, path), "round %d", round)
		}
		require.NoError(t, Check(path), "round %d", round)
		p, err := Open(path, WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		for g := range acknowledged {
			last, err := lastVersion(p, g)
			require.NoError(t, err, "round %d", round)
			require.Contains(t, []int{acknowledged[g], acknowledged[g] + 1}, last, "round %d, writer %d", round, g)
			total += acknowledged[g] - before[g]
			unacknowledged += last - acknowledged[g]
			acknowledged[g] = last
		}
		if acknowledged != before {
			busy++
		}
		require.NoError(t, p.Close())
	}
	t.Logf("%d kills of %d pools, %d of them with work done; %d versions acknowledged, %d more written", rounds, fresh, busy, total, unacknowledged)
	require.Greater(t, busy, rounds/2, "most children were killed before they had done anything")
}

// killAtRandom kills a child some time after its start, or after the first
// line, and notes what it acknowledged.
func killAtRandom(t *testing.T, rnd *rand.Rand, c *testchild.Child, acknowledged *[killWriters]int) {
	t.Helper()
	note := func(line string) {
		var g, n int
		_, err := fmt.Sscan(line, &g, &n)
		require.NoError(t, err, line)
		require.Equal(t, acknowledged[g]+1, n, "numbers were left out")
		acknowledged[g] = n
	}
	c.KillAtRandom(t, rnd, 10*time.Millisecond, note)
}
