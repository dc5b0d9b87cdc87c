package libpmempool_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmempool"
)

// toolInfo is what PMDK's tool prints, the last value of each name.
func toolInfo(t *testing.T, path string) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("pmempool"); err != nil {
		return nil
	}
	fields := map[string]string{}
	for line := range strings.Lines(pmempool(t, "info", path)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return fields
}

// Ensure that Info reads what PMDK's tool reads.
func TestInfo(t *testing.T) {
	dir := testpool.Dir(t)
	for kind, path := range map[Type]string{TypeLog: newLog(t, dir), TypeBlk: newBlk(t, dir), TypeObj: newObj(t, dir)} {
		before := contents(t, path)
		info, err := Info(path)
		require.NoError(t, err)
		assert.Equal(t, kind, info.Type)
		assert.Equal(t, path, info.Path)
		assert.Nil(t, info.Set)
		assert.Empty(t, info.Damage)
		require.Len(t, info.Files, 1)
		f := info.Files[0]
		assert.True(t, f.HeaderOK)
		assert.EqualValues(t, len(before), f.Size)
		h := f.Header
		assert.Equal(t, "PMEM"+strings.ToUpper(kind.String()), h.Signature)
		assert.Equal(t, h.Computed, h.Checksum)
		assert.WithinDuration(t, time.Now(), h.Created, time.Minute)
		assert.Equal(t, h.UUID, h.NextPart)
		assert.NotEqual(t, UUID{}, h.PoolSet)
		assert.False(t, h.Dirty)

		hex := func(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }
		fields := map[string]string{
			"size":          strconv.FormatInt(f.Size, 10),
			"Signature":     h.Signature,
			"Major":         strconv.Itoa(int(h.Major)),
			"Pool set UUID": h.PoolSet.String(),
			"UUID":          h.UUID.String(),
			"Creation Time": h.Created.Format("Mon Jan 02 2006 15:04:05"),
		}
		switch kind {
		case TypeLog:
			require.NotNil(t, info.Log)
			assert.EqualValues(t, len(logText), info.Log.Write-info.Log.Start)
			fields["Start offset"], fields["End offset"] = hex(info.Log.Start), hex(info.Log.End)
			fields["Write offset"] = hex(info.Log.Write) + " [OK]"
		case TypeBlk:
			require.NotNil(t, info.Blk)
			assert.True(t, info.Blk.Written())
			require.Len(t, info.Blk.Arenas, 1)
			a := info.Blk.Arenas[0]
			assert.Equal(t, InfoValid, a.Primary)
			assert.Equal(t, InfoValid, a.Second)
			assert.Equal(t, h.PoolSet, a.Parent)
			delete(fields, "Signature") // here that of the table
			fields["Block size"] = strconv.Itoa(blockSize)
			fields["External LBA count"] = strconv.Itoa(int(a.ExternalBlocks))
			fields["Internal LBA count"] = strconv.Itoa(int(a.InternalBlocks))
			fields["Free blocks"] = strconv.Itoa(int(a.FreeBlocks))
			fields["Arena data offset"], fields["Area map offset"] = hex(a.Data), hex(a.Map)
			fields["Area flog offset"], fields["Info block backup offset"] = hex(a.Flog), hex(a.Backup)
			fields["Checksum"] = hex(a.Checksum) + " [OK]"
		case TypeObj:
			require.NotNil(t, info.Obj)
			fields["Layout"] = testpool.Layout
			fields["Number of lanes"] = strconv.FormatUint(info.Obj.LaneCount, 10)
			fields["Heap offset"], fields["Heap size"] = hex(info.Obj.HeapOffset), strconv.FormatUint(info.Obj.HeapSize, 10)
			fields["Checksum"] = hex(info.Obj.Checksum) + " [OK]"
		}
		if tool := toolInfo(t, path); tool != nil {
			for name, value := range fields {
				if kind == TypeBlk && name == "Major" {
					continue
				}
				assert.Equal(t, tool[name], value, "%v: %s", kind, name)
			}
		}
		assert.Equal(t, before, contents(t, path))
	}
}

// Ensure that Info says what is wrong, and reads the rest all the same.
func TestInfoDamaged(t *testing.T) {
	dir := testpool.Dir(t)
	logPath, objPath, blkPath := newLog(t, dir), newObj(t, dir), newBlk(t, dir)
	cases := []struct {
		name  string
		path  string
		off   int64
		bytes int
		want  string
	}{
		{"checksum", logPath, 4088, 8, "pool header at offset 4088: checksum is 0xaaaaaaaaaaaaaaaa"},
		{"version", logPath, 8, 4, "checksum"},
		{"log start", logPath, 4096, 8, "the content starts at 0xaaaaaaaaaaaaaaaa"},
		{"log end", logPath, 4104, 8, "the content ends at"},
		{"log write", logPath, 4112, 8, "the next byte goes to"},
		{"obj descriptor", objPath, 4100, 8, "pool descriptor at offset 6136: checksum"},
		{"obj heap", objPath, 0x302000, 8, "heap header"},
		{"BTT", blkPath, 8192, 8, "BTT Info of arena 0 at offset 8192: wrong signature or checksum; its backup is valid"},
		{"BTT backup", blkPath, 16<<20 + 8<<10 - 4096, 8, "BTT Info of arena 0, backup at offset 16781312"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := copied(t, c.path)
			damage(t, path, c.off, 0xaa, c.bytes)
			info, err := Info(path)
			require.NoError(t, err)
			require.NotEmpty(t, info.Damage)
			var texts []string
			for _, d := range info.Damage {
				texts = append(texts, d.Error())
				var corrupt *CorruptError
				require.ErrorAs(t, d, &corrupt)
				assert.Equal(t, path, corrupt.Path)
			}
			assert.Contains(t, strings.Join(texts, "\n"), c.want)
			assert.NotEqual(t, TypeDetect, info.Type)
			assert.True(t, info.Log != nil || info.Blk != nil || info.Obj != nil)
		})
	}
	path := copied(t, logPath)
	damage(t, path, 0, 0, 4096)
	info, err := Info(path)
	require.NoError(t, err)
	assert.Equal(t, TypeDetect, info.Type)
	require.NotEmpty(t, info.Damage)
	assert.ErrorContains(t, info.Damage[0], "not a pool: all zeros")
	info, err = Info(path, WithType(TypeLog))
	require.NoError(t, err)
	require.NotNil(t, info.Log)
	assert.EqualValues(t, len(logText), info.Log.Write-info.Log.Start)
}

// Ensure that a pool set is described file by file, also where files are
// missing.
func TestInfoSet(t *testing.T) {
	dir := testpool.Dir(t)
	path := newSet(t, dir)
	info, err := Info(path)
	require.NoError(t, err)
	assert.Equal(t, TypeObj, info.Type)
	assert.Empty(t, info.Damage)
	require.Len(t, info.Files, 3)
	assert.Len(t, info.Set.Replicas, 2)
	assert.Equal(t, info.Files[0].Header.NextPart, info.Files[1].Header.UUID)
	assert.Equal(t, info.Files[0].Header.NextReplica, info.Files[2].Header.UUID)
	assert.Equal(t, 1, info.Files[2].Replica)
	assert.Equal(t, testpool.Layout, info.Obj.Layout)

	part, err := Info(filepath.Join(dir, partB))
	require.NoError(t, err)
	assert.Equal(t, info.Files[1].Header, part.Files[0].Header)

	require.NoError(t, os.Remove(filepath.Join(dir, partA)))
	require.NoError(t, os.Truncate(filepath.Join(dir, partB), 100))
	info, err = Info(path)
	require.NoError(t, err)
	assert.Equal(t, TypeObj, info.Type)
	require.NotEmpty(t, info.Damage)
	assert.ErrorIs(t, info.Damage[0], os.ErrNotExist)
}

// Ensure that no content makes Info panic or lose itself.
func TestInfoRandom(t *testing.T) {
	dir := testpool.Dir(t)
	rng := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(dir, "random")
	var originals [][]byte
	for _, p := range []string{newLog(t, dir), newBlk(t, dir), newObj(t, dir)} {
		originals = append(originals, []byte(contents(t, p)))
	}
	damaged := 0
	for range 60 {
		b := append([]byte(nil), originals[rng.IntN(3)]...)
		for range 1 + rng.IntN(3) {
			off := []int{0, 4096, 8192, len(b) - 4096}[rng.IntN(4)] + 8*rng.IntN(16)
			binary.LittleEndian.PutUint64(b[off:], []uint64{0, 1, 1 << 62, ^uint64(0), uint64(len(b)), rng.Uint64()}[rng.IntN(6)])
		}
		if rng.IntN(2) == 0 {
			seal(b)
		}
		if rng.IntN(5) == 0 {
			b = b[:rng.IntN(len(b))]
		}
		require.NoError(t, os.WriteFile(path, b, 0o600))
		for _, kind := range []Type{TypeDetect, TypeLog, TypeBlk, TypeObj, TypeBTT} {
			info, err := Info(path, WithType(kind))
			require.NoError(t, err)
			damaged += len(info.Damage)
		}
	}
	assert.NotZero(t, damaged)
}
