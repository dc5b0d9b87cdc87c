package libpmempool_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmemobj"
	. "github.com/pmem/pmdk-go/libpmempool"
)

const blockSize = 4096

// The content of the pools made here.
const logText = "first line\nsecond line\n"

func block(n int64) []byte {
	return bytes.Repeat([]byte{byte(n), byte(n >> 8), 0xb1}, blockSize)[:blockSize]
}

func writtenBlocks() []int64 { return []int64{0, 1, 7, 100, 3000} }

func newLog(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "log")
	l, err := libpmemlog.Create(path, libpmemlog.WithSize(libpmemlog.MinPool), libpmemlog.WithDurability(libpmemlog.DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, l.Append([]byte(logText)))
	require.NoError(t, l.Close())
	return path
}

func newBlk(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "blk")
	p, err := libpmemblk.Create(path, blockSize, libpmemblk.WithSize(libpmemblk.MinPool), libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	require.NoError(t, err)
	for _, n := range writtenBlocks() {
		require.NoError(t, p.WriteBlock(n, block(n)))
	}
	require.NoError(t, p.Close())
	return path
}

// requireBlocks checks that the pool holds what newBlk wrote.
func requireBlocks(t testing.TB, path string) {
	t.Helper()
	p, err := libpmemblk.Open(path, libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	require.NoError(t, err)
	defer p.Close()
	b := make([]byte, blockSize)
	for _, n := range writtenBlocks() {
		require.NoError(t, p.ReadBlock(n, b))
		require.Equal(t, block(n), b)
	}
}

func newObj(t testing.TB, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "obj")
	p, err := libpmemobj.Create(path, testpool.Layout, libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	return path
}

const (
	partA, partB, mirror = "a", "b", "mirror"
	partSize             = 8 << 20 // less is too small for Sync
)

// newSet makes an obj pool of two parts and a mirror.
func newSet(t testing.TB, dir string) (path string) {
	t.Helper()
	set := new(PoolSet).AddPart(filepath.Join(dir, partA), partSize).AddPart(filepath.Join(dir, partB), partSize)
	set.AddReplica().AddPart(filepath.Join(dir, mirror), 2*partSize)
	path = filepath.Join(dir, "pool.set")
	require.NoError(t, set.WriteFile(path, 0o600))
	p, err := libpmemobj.Create(path, testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	require.NoError(t, p.Close())
	// Content of both replicas, far from anything that PMDK looks at here.
	rng := rand.New(rand.NewPCG(5, 6))
	const off, n = 4 << 20, 64 << 10
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	for name, at := range map[string]int64{partB: off, mirror: partSize + off - 4096} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = f.WriteAt(data, at)
		require.NoError(t, errors.Join(err, f.Close()))
	}
	return path
}

// pmempool runs PMDK's tool, which must succeed.
func pmempool(t testing.TB, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("pmempool, of package pmdk-tools, is not installed:", err)
	}
	out, err := exec.Command(program, args...).CombinedOutput()
	require.NoError(t, err, "pmempool %v: %s", args, out)
	return string(out)
}

// damage writes n bytes b at off.
func damage(t testing.TB, path string, off int64, b byte, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{b}, n), off)
	require.NoError(t, errors.Join(err, f.Close()))
}

// copied is a copy of the file.
func copied(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	to := path + ".copy"
	require.NoError(t, os.WriteFile(to, b, 0o600))
	return to
}

func contents(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// check goes through a check and returns its messages as well.
func check(t testing.TB, path string, opts ...Option) (report Report, messages []string, err error) {
	t.Helper()
	c, err := Check(context.Background(), path, opts...)
	require.NoError(t, err)
	for m := range c.Messages() {
		messages = append(messages, m.String())
	}
	report, err = c.Result()
	require.NoError(t, c.Close())
	return report, messages, err
}

// seal makes the checksum of a pool header right.
func seal(b []byte) {
	sum := poolheader.HeaderChecksum(b[:poolheader.Size])
	for i := range 8 {
		b[4088+i] = byte(sum >> (8 * i))
	}
}
