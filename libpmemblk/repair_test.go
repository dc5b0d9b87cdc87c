package libpmemblk_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/cblk"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// Where things are in a pool of MinPool bytes with blocks of 512, said once
// more so that a mistake in package btt is noticed here.
const (
	infoAt   = 8192
	backupAt = MinPool - 4096
	flogAt   = backupAt - 16384
	mapAt    = flogAt - 131072
	written  = 300 // blocks of it
)

// writtenPool makes a closed pool with some versions of its first blocks. It is
// damaged next, so nobody checks it in the end.
func writtenPool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(testpool.Dir(t), "pool")
	p, err := Create(path, 512, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
	require.NoError(t, err)
	for version := 1; version <= 3; version++ {
		for n := range int64(written) {
			require.NoError(t, p.WriteBlock(n, block(512, n, version)))
		}
	}
	require.NoError(t, p.Close())
	return path
}

// change writes to a file.
func change(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(b, off)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// requireWritten ensures that the pool holds what writtenPool wrote.
func requireWritten(t *testing.T, path string) {
	t.Helper()
	p := openPool(t, path)
	b := make([]byte, 512)
	for n := range int64(written) {
		require.NoError(t, p.ReadBlock(n, b))
		version, err := versionOf(b, n)
		require.NoError(t, err)
		require.Equal(t, 3, version, "block %d", n)
	}
	require.NoError(t, p.ReadBlock(written, b))
	require.Equal(t, make([]byte, 512), b)
	require.NoError(t, p.Close())
}

// requireCorrupt opens and checks a pool that has to be refused.
func requireCorrupt(t *testing.T, path, structure string, off int64, reasons ...string) {
	t.Helper()
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, do := range []func() error{
		func() error { p, err := Open(path); closeIfOpen(p); return err },
		func() error { return Check(path) },
	} {
		err := do()
		var c *CorruptError
		require.ErrorAs(t, err, &c)
		require.Equal(t, path, c.Path)
		require.Equal(t, structure, c.Structure)
		require.Equal(t, off, c.Offset)
		for _, reason := range reasons {
			require.Contains(t, c.Reason, reason)
		}
		require.ErrorContains(t, err, path)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, string(before) == string(after), "the file changed")
}

// Ensure that a pool whose BTT info block is damaged is refused, that PMDK's
// own opinion of it is as bad as we say, and that PMDK's repair brings every
// block back.
func TestInfoDestroyed(t *testing.T) {
	cases := map[string]struct {
		off    int64
		b      []byte
		reason string
	}{
		"zeroed":   {infoAt, make([]byte, 4096), "does not begin with its signature"},
		"garbage":  {infoAt, []byte("garbage garbage garbage garbage"), "does not begin with its signature"},
		"one bit":  {infoAt + 60, []byte{0xfe}, "checksum is"},
		"checksum": {infoAt + 4088, make([]byte, 8), "checksum is"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writtenPool(t)
			change(t, path, c.off, c.b)

			require.NoError(t, cblk.Check(path), "C notices nothing")
			p, err := cblk.Open(path)
			require.NoError(t, err)
			b := block(512, 7, 9)
			require.NoError(t, p.Read(7, b))
			require.Equal(t, make([]byte, 512), b, "C reads zeros")
			p.Close()

			requireCorrupt(t, path, "BTT info block", infoAt, c.reason, "though blocks were written", "before anything is written to the pool", "libpmemblk.Restore", "libpmempool.Check or pmempool check -r")
			if name == "zeroed" {
				// PMDK's checker takes it for the block of a new pool.
				n, err := Restore(path)
				require.NoError(t, err)
				require.Equal(t, 1, n)
			} else {
				repair(t, path)
			}
			checkPool(t, path)
			requireWritten(t, path)
			n, err := Restore(path)
			require.NoError(t, err)
			require.Zero(t, n)
		})
	}
}

// Ensure that Restore does what PMDK's repair does, byte for byte, and that it
// leaves a pool alone that is open, or that it cannot help.
func TestRestore(t *testing.T) {
	path := writtenPool(t)
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	change(t, path, infoAt, make([]byte, 100))
	n, err := Restore(path)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, string(want) == string(got))

	p := openPool(t, path)
	_, err = Restore(path)
	require.ErrorIs(t, err, unix.EAGAIN)
	require.NoError(t, p.Close())

	change(t, path, mapAt, []byte{0xff, 0xff, 0xff, 0xff})
	_, err = Restore(path)
	require.ErrorContains(t, err, "BTT map entry 0")
	change(t, path, 0, []byte("PMEMLOG"))
	_, err = Restore(path)
	require.ErrorContains(t, err, "not a pmemblk pool")
	_, err = Restore(path + ".none")
	require.ErrorIs(t, err, unix.ENOENT)
}

// Ensure that a pool with a damaged copy of the info block is as good as any,
// and that one without both is refused, and restored, though PMDK cannot.
func TestBackupDestroyed(t *testing.T) {
	path := writtenPool(t)
	change(t, path, backupAt, make([]byte, 4096))
	requireWritten(t, path)

	for _, damage := range [][]byte{make([]byte, 4096), []byte("garbage garbage")} {
		change(t, path, infoAt, damage)
		change(t, path, backupAt, damage)
		requireCorrupt(t, path, "BTT info block", infoAt, "though blocks were written", "damaged as well", "libpmemblk.Restore")
		n, err := Restore(path)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		checkPool(t, path)
		requireWritten(t, path)
	}
}

// Ensure that a pool with a wrong map or flog is refused, and that PMDK's repair
// costs the block that it concerns, and no other.
func TestMapDestroyed(t *testing.T) {
	path := writtenPool(t)
	change(t, path, mapAt+40, []byte{0xff, 0xff, 0xff, 0xff})
	requireCorrupt(t, path, "BTT map entry 10", mapAt+40, "pmempool check -r -a")
	repair(t, path, "-a")
	checkPool(t, path)
	p := openPool(t, path)
	b := make([]byte, 512)
	for n := range int64(written) {
		err := p.ReadBlock(n, b)
		if n == 10 {
			var bad *BadBlockError
			require.ErrorAs(t, err, &bad)
			require.EqualValues(t, 10, bad.Block)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, block(512, n, 3), b)
	}
	require.NoError(t, p.WriteBlock(10, block(512, 10, 3)))
	require.NoError(t, p.Close())
	requireWritten(t, path)

	change(t, path, flogAt, make([]byte, 16384))
	requireCorrupt(t, path, "BTT flog entry 0", flogAt, "sequence numbers 0 and 0", "pmempool check -r -a")
	repair(t, path, "-a")
	checkPool(t, path)
	requireWritten(t, path)
}

// Ensure that a pool with a damaged header is refused, and good again after
// PMDK's repair.
func TestHeaderDestroyed(t *testing.T) {
	path := writtenPool(t)
	change(t, path, 50, []byte("damage"))
	requireCorrupt(t, path, "pool header", 4088, "checksum is")
	repair(t, path, "-a")
	requireWritten(t, path)
}

// Ensure that the fields of headers and maps are looked at.
func TestCorrupt(t *testing.T) {
	le := binary.LittleEndian
	word := func(v uint32) []byte { return le.AppendUint32(nil, v) }
	cases := []struct {
		name      string
		off       int64
		b         []byte
		structure string
		at        int64
		reason    string
	}{
		{"another kind", 0, []byte("PMEMLOG"), "pool header", 0, "not a pmemblk pool: a pmemlog pool"},
		{"zeros", 0, make([]byte, 4096), "pool header", 0, "all zeros"},
		{"no block size", 4096, word(0), "block pool header", 4096, "blocks of 0 bytes"},
		{"another block size", 4096, word(4096), "BTT info block", infoAt + 56, "blocks of 512 bytes, in a pool with blocks of 4096"},
		{"huge block size", 4096, word(1 << 31), "area of blocks", infoAt, "no room for 256 blocks of 2147483648 bytes"},
		{"flog", flogAt, word(1 << 31), "BTT flog entry 0", flogAt, "block 2147483648 of"},
		{"map", mapAt + 40, word(0xffffffff), "BTT map entry 10", mapAt + 40, "internal block 1073741823 of"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := writtenPool(t)
			change(t, path, c.off, c.b)
			requireCorrupt(t, path, c.structure, c.at, c.reason)
		})
	}
}

// Ensure that a file of any length is opened or refused, but never a fault.
func TestTruncated(t *testing.T) {
	path := writtenPool(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	cases := map[int64]string{
		0: "it is empty", 1: "not a pmemblk pool", 6: "not a pmemblk pool",
		8: "truncated", 4095: "truncated", 4096: "truncated", 8192: "truncated", 1 << 20: "truncated", MinPool - 1: "truncated",
	}
	for size, reason := range cases {
		require.NoError(t, os.WriteFile(path, whole[:size], 0o600))
		_, err := Open(path)
		var c *CorruptError
		require.ErrorAs(t, err, &c, "%d bytes", size)
		require.ErrorContains(t, err, reason)
	}
	// PMDK cares for no more than what the info block says.
	require.NoError(t, os.WriteFile(path, append(whole, make([]byte, 3<<20)...), 0o600))
	requireWritten(t, path)
}

// Ensure that one part of a pool set is refused.
func TestPart(t *testing.T) {
	path := writtenPool(t)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	h := b[:4096]
	h[60] ^= 1
	binary.LittleEndian.PutUint64(h[4088:], poolheader.HeaderChecksum(h))
	change(t, path, 0, h)
	requireCorrupt(t, path, "pool header", 56, "one part of a pool set")
}

// Ensure that a pool that PMDK has marked as failed can be read, and that writes
// say why they fail.
func TestFailedPool(t *testing.T) {
	path := writtenPool(t)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	info := b[infoAt : infoAt+4096]
	info[48] = 1
	binary.LittleEndian.PutUint64(info[4088:], poolheader.Checksum(info, 4088))
	change(t, path, infoAt, info)
	requireWritten(t, path)
	p := openPool(t, path)
	for _, err := range []error{p.WriteBlock(3, block(512, 3, 4)), p.SetZero(3), p.SetError(3)} {
		require.ErrorIs(t, err, unix.EIO)
		require.ErrorContains(t, err, "block 3: the pool has failed before and takes no writes")
		var bad *BadBlockError
		require.NotErrorAs(t, err, &bad)
	}
	require.NoError(t, p.Close())
	requireWritten(t, path)
}
