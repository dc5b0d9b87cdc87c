package libpmempool_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmempool"
)

// childEnv makes the test binary a child process: it holds the paths of the
// base image and of the file to damage, and of a pool set, if that is part of
// one.
const childEnv = "LIBPMEMPOOL_TEST_CHILD"

// child damages a pool in many ways and lets every function loose on it. It
// says what comes next, for the parent to know what killed it.
func child(args string) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1")
	arg := strings.Split(args, "\n")
	switch arg[0] {
	case "sync":
		syncForever(arg[1], arg[2])
	case "transform":
		fmt.Println("transforming")
		must(Transform(arg[1], arg[2]))
		return
	}
	base, err := os.ReadFile(arg[0])
	must(err)
	victim, target := arg[1], arg[1]
	if len(arg) > 2 {
		target = arg[2]
	}
	rng := rand.New(rand.NewPCG(7, 9))
	calls, n := []string{"check", "repair", "dry run", "ask", "query", "change"}, 60
	if target != victim {
		calls, n = []string{"check", "repair", "query", "sync", "remove"}, 8
	}
	for i, mutant := range mutants(base, rng, n) {
		for _, name := range calls {
			must(writeSparse(victim, mutant.bytes))
			fmt.Printf("%d: %s: %s\n", i, mutant.how, name)
			try(name, target)
		}
	}
	fmt.Println("done")
}

// syncForever destroys a replica and restores it, again and again.
func syncForever(set, replica string) {
	fmt.Println("syncing")
	for i := 0; ; i++ {
		if i%2 == 0 {
			must(os.Remove(replica))
		} else {
			f, err := os.OpenFile(replica, os.O_RDWR, 0)
			must(err)
			_, err = f.WriteAt(make([]byte, 4096), 0)
			must(errors.Join(err, f.Close()))
		}
		must(Sync(set))
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

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
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
			args := copied(t, path) + "\n" + path
			if set != "" {
				args += "\n" + set
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0])
			cmd.Env = append(os.Environ(), childEnv+"="+args, "GOTRACEBACK=none")
			var last string
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			require.NoError(t, cmd.Start())
			for lines := bufio.NewScanner(out); lines.Scan(); {
				last = lines.Text()
			}
			err = errors.Join(cmd.Wait(), ctx.Err())
			require.NoError(t, err, "killed by: %s\n%s", last, stderr.String())
			assert.Equal(t, "done", last)
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
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=sync\n"+path+"\n"+replica)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "syncing\n", line)
		time.Sleep(time.Duration(rng.IntN(40_000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()

		err = Sync(path)
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
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"=transform\n"+path+"\n"+more)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		time.Sleep(time.Duration(rng.IntN(15_000)) * time.Microsecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()

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
