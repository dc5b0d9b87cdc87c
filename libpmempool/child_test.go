package libpmempool_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmempool"
)

func init() {
	testchild.Register("mutants", tryMutants)
	testchild.Register("sync", syncForever)
	testchild.Register("transform", func(args []string) error {
		fmt.Println("transforming")
		if err := Transform(args[0], args[1]); err != nil {
			return err
		}
		testchild.Wait()
		return nil
	})
}

// tryMutants damages a pool in many ways and lets every function loose on it. It
// says what comes next, for the parent to know what killed it. Its arguments are
// the paths of the base image and of the file to damage, and of a pool set, if
// that is part of one.
func tryMutants(args []string) error {
	base, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	victim, target := args[1], args[1]
	if len(args) > 2 {
		target = args[2]
	}
	rng := rand.New(rand.NewPCG(7, 9))
	calls, n := []string{"check", "repair", "dry run", "ask", "query", "change"}, 60
	if target != victim {
		calls, n = []string{"check", "repair", "query", "sync", "remove"}, 8
	}
	for i, mutant := range mutants(base, rng, n) {
		for _, name := range calls {
			if err := writeSparse(victim, mutant.bytes); err != nil {
				return err
			}
			fmt.Printf("%d: %s: %s\n", i, mutant.how, name)
			try(name, target)
		}
	}
	fmt.Println("done")
	return nil
}

// syncForever destroys a replica and restores it, again and again. Its arguments
// are the paths of the pool set and of the replica.
func syncForever(args []string) error {
	set, replica := args[0], args[1]
	fmt.Println("syncing")
	for i := 0; ; i++ {
		if i%2 == 0 {
			if err := os.Remove(replica); err != nil {
				return err
			}
		} else {
			f, err := os.OpenFile(replica, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 4096), 0)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
		if err := Sync(set); err != nil {
			return err
		}
	}
}

// writeSparse writes a file that is mostly zeros.
func writeSparse(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = f.Truncate(int64(len(b)))
	zero := make([]byte, 4096)
	for off := 0; off < len(b) && err == nil; off += len(zero) {
		if page := b[off:min(off+len(zero), len(b))]; !bytes.Equal(page, zero[:len(page)]) {
			_, err = f.WriteAt(page, int64(off))
		}
	}
	return errors.Join(err, f.Close())
}

// try calls one function; what it says is not looked at, only that it returns.
func try(name, path string) {
	all := func(opts ...Option) {
		c, err := Check(context.Background(), path, opts...)
		if err != nil {
			return
		}
		_, _ = c.Result()
	}
	switch name {
	case "check":
		all()
	case "repair":
		all(WithRepair(), WithAdvanced(), WithYes())
	case "dry run":
		all(WithRepair(), WithAdvanced(), WithYes(), WithDryRun())
	case "ask":
		n := 0
		all(WithRepair(), WithAdvanced(), WithAnswers(func(Question) bool { n++; return n%3 != 0 }))
	case "query":
		for _, f := range Features() {
			_, _ = FeatureQuery(path, f)
		}
	case "change":
		_, _ = FeatureDisable(path, FeatureShutdownState)
		_, _ = FeatureDisable(path, FeatureChecksum2K)
		_, _ = FeatureEnable(path, FeatureCheckBadBlocks)
	case "sync":
		_ = Sync(path, WithDryRun())
		_ = Sync(path)
	case "remove":
		_, _ = Remove(path, WithDryRun())
	}
}

type mutant struct {
	how   string
	bytes []byte
}

// mutants are damaged forms of a pool: cut off, zeroed, and with words changed
// where the structures are, half of them with checksums that are right.
func mutants(base []byte, rng *rand.Rand, n int) []mutant {
	var all []mutant
	for _, size := range []int{0, 1, 11, 4095, 4096, 8191, 8193, 12288, 2<<20 - 1, 3 << 20, 5 << 20, len(base) - 4096, len(base) - 1} {
		if size < len(base) {
			all = append(all, mutant{fmt.Sprintf("%d bytes", size), base[:size]})
		}
	}
	for _, cut := range [][2]int{{0, 4096}, {4096, 8192}, {8192, 12288}, {0, 12288}, {len(base) - 4096, len(base)}} {
		for _, fill := range []byte{0, 0xff} {
			b := append([]byte(nil), base...)
			for i := cut[0]; i < cut[1]; i++ {
				b[i] = fill
			}
			all = append(all, mutant{fmt.Sprintf("%x at %v", fill, cut), b})
		}
	}
	values := []uint64{0, 1, 0xff, 4096, uint64(len(base)), 1 << 40, ^uint64(0), 0x5a5a5a5a5a5a5a5a}
	places := []int{0, 0, 4096, 8192, 8192, 8192, len(base) - 4096}
	for range n {
		b := append([]byte(nil), base...)
		place := places[rng.IntN(len(places))]
		off := place + 4*rng.IntN(32)
		value := values[rng.IntN(len(values))]
		width := 4
		if rng.IntN(2) == 0 {
			width = 8
		}
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], value)
		copy(b[off:off+width], word[:])
		sealed := rng.IntN(3) > 0
		if sealed {
			seal(b)
			for _, info := range []int{8192, len(b) - 4096} {
				if place == info {
					binary.LittleEndian.PutUint64(b[info+4088:], poolheader.Checksum(b[info:info+4096], 4088))
				}
			}
			if place == 8192 && rng.IntN(2) == 0 {
				copy(b[len(b)-4096:], b[8192:12288]) // the backup agrees
			}
		}
		all = append(all, mutant{fmt.Sprintf("%x at %d, %d bytes, sealed: %v", value, off, width, sealed), b})
	}
	return all
}

// Ensure that no damage makes C fault or hang.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if raceDetector {
		t.Skip("the race detector sees nothing of C, and makes this ten times slower; make test has a stage without it")
	}
	for _, kind := range []string{"log", "blk", "obj", partA, partB, mirror} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := testpool.Dir(t)
			var path, set string
			switch kind {
			case "log":
				path = newLog(t, dir)
			case "blk":
				path = newBlk(t, dir)
			case "obj":
				path = newObj(t, dir)
			default:
				set = newSet(t, dir)
				path = filepath.Join(dir, kind)
			}
			args := []string{copied(t, path), path}
			if set != "" {
				args = append(args, set)
			}
			quiet := func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "GOTRACEBACK=none") }
			c := testchild.StartWith(t, quiet, "mutants", args...)
			for last := "the start"; last != "done"; {
				last = c.LineAfter(t, last)
			}
			require.NoError(t, c.End(), "%s", c.Stderr())
		})
	}
}

// Ensure that a Sync that is killed can be repeated, and never harms the
// replica that it copies.
func TestSyncKilled(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	replica := filepath.Join(dir, mirror)
	data := contents(t, filepath.Join(dir, partA))[8192:] + contents(t, filepath.Join(dir, partB))[4096:]
	kills := 12
	if testing.Short() {
		kills = 5
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range kills {
		c := testchild.Start(t, "sync", path, replica)
		require.Equal(t, "syncing", c.Line(t))
		time.Sleep(time.Duration(rng.IntN(40_000)) * time.Microsecond)
		c.Kill(t)

		err := Sync(path)
		if err != nil { // on a file that the kill left empty
			var c *CorruptError
			require.ErrorAs(t, err, &c)
			require.ErrorContains(t, err, "delete it")
			require.Equal(t, replica, c.Path)
			require.NoError(t, os.Remove(replica))
			require.NoError(t, Sync(path))
		}
		report, messages, err := check(t, path)
		require.NoError(t, err)
		require.Equal(t, Consistent, report.Result, "%q", messages)
		now := contents(t, filepath.Join(dir, partA))[8192:] + contents(t, filepath.Join(dir, partB))[4096:]
		require.True(t, data == now, "the master has changed")
		require.True(t, data == contents(t, replica)[8192:][:len(data)], "the replicas differ")
	}
}

// Ensure that after a Transform that is killed, the documented steps lead to
// the pool set that was wanted.
func TestTransformKilled(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	third := filepath.Join(dir, "third")
	set, err := ReadPoolSet(path)
	require.NoError(t, err)
	set.AddReplica().AddPart(third, 2*partSize)
	more := filepath.Join(dir, "more.set")
	require.NoError(t, set.WriteFile(more, 0o600))
	rng := rand.New(rand.NewPCG(1, 1))
	kills := 10
	if testing.Short() {
		kills = 3
	}
	for range kills {
		c := testchild.Start(t, "transform", path, more)
		require.Equal(t, "transforming", c.Line(t))
		time.Sleep(time.Duration(rng.IntN(15_000)) * time.Microsecond)
		c.Kill(t)

		if Sync(more) != nil {
			if err := os.Remove(third); err != nil {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
			require.NoError(t, Transform(path, more))
		}
		report, messages, err := check(t, more)
		require.NoError(t, err)
		require.Equal(t, Consistent, report.Result, "%q", messages)
		require.True(t, contents(t, filepath.Join(dir, mirror))[8192:] == contents(t, third)[8192:], "the replicas differ")
		require.NoError(t, Transform(more, path)) // back
		require.NoFileExists(t, third)
	}
}
