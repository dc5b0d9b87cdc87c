package poolheader_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/internal/poolheader"
)

// header is a right one of a pmemlog pool.
func header() []byte {
	le := binary.LittleEndian
	b := make([]byte, Size)
	copy(b, "PMEMLOG\x00")
	le.PutUint32(b[8:], 1)
	le.PutUint32(b[12:], FeatureCheckBadBlocks)
	le.PutUint32(b[16:], FeatureChecksum2K|FeatureShutdownState)
	for i := range 6 {
		copy(b[24+16*i:], []byte{0x79, 0x56, 0x34, 0x12, 0xcd, 0xab, 0x01, 0xef, 1, 2, 3, 4, 5, 6, 7, 8})
	}
	le.PutUint64(b[120:], 1_000_000_000)
	le.PutUint64(b[128:], 0x7f737777310)
	b[136], b[137] = 2, 1
	le.PutUint16(b[142:], 62)
	return seal(b)
}

func seal(b []byte) []byte {
	binary.LittleEndian.PutUint64(b[4088:], HeaderChecksum(b))
	return b
}

func TestParse(t *testing.T) {
	h, err := Parse(header())
	require.NoError(t, err)
	assert.Equal(t, Log, h.Kind)
	assert.Equal(t, "log", h.Kind.String())
	assert.EqualValues(t, 1, h.Major)
	assert.EqualValues(t, FeatureCheckBadBlocks, h.Compat)
	assert.Equal(t, "12345679-abcd-ef01-0102-030405060708", h.UUID.String())
	assert.False(t, h.Part())
	assert.Equal(t, int64(1_000_000_000), h.Created.Unix())
	assert.EqualValues(t, 62, h.Machine)
	assert.False(t, h.Shutdown.Dirty)
	assert.NoError(t, h.Check(Log))

	_, err = Parse(make([]byte, Size-1))
	assert.ErrorContains(t, err, "4096 bytes, not 4095")
	assert.Equal(t, "Kind(9)", Kind(9).String())
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		off    int64
		reason string
		damage func(b []byte)
	}{
		{"kind", 0, "not a pmemlog pool: a pmemobj pool", func(b []byte) { copy(b, "PMEMOBJ\x00") }},
		{"zeros", 0, "all zeros", func(b []byte) { clear(b) }},
		{"text", 0, `it begins with "rubbish!"`, func(b []byte) { copy(b, "rubbish!") }},
		{"set", 0, "a pool set file", func(b []byte) { copy(b, "PMEMPOOLSET\n") }},
		{"checksum", 4088, "checksum is", func(b []byte) { b[4088]++ }},
		{"covered", 4088, "should be", func(b []byte) { b[200]++ }},
		{"major", 8, "format version 3", func(b []byte) { b[8] = 3; seal(b) }},
		{"incompat", 16, "0x8, which", func(b []byte) { b[16] |= 8; seal(b) }},
	} {
		b := header()
		test.damage(b)
		h, err := Parse(b)
		require.NoError(t, err)
		err = h.Check(Log)
		var f *Fault
		require.True(t, errors.As(err, &f), test.name)
		assert.Equal(t, test.off, f.Offset, test.name)
		assert.Contains(t, f.Reason, test.reason, test.name)
		assert.ErrorContains(t, err, fmt.Sprintf("pool header at offset %d", test.off))
	}
	// Ensure that what the checksum leaves out by the 2K feature is left out,
	// and without it is not.
	b := header()
	b[3000]++
	h, err := Parse(b)
	require.NoError(t, err)
	assert.NoError(t, h.Check(Log))
	b[16] &^= FeatureChecksum2K
	seal(b)
	b[3000]++
	h, err = Parse(b)
	require.NoError(t, err)
	assert.Error(t, h.Check(Log))
}

func TestReadFrom(t *testing.T) {
	h, err := ReadFrom(bytes.NewReader(append(header(), "more"...)))
	require.NoError(t, err)
	assert.Equal(t, Log, h.Kind)
	for _, n := range []int{0, 5, 8, 4095} {
		h, err := ReadFrom(bytes.NewReader(header()[:n]))
		assert.ErrorIs(t, err, ErrShort)
		assert.Equal(t, n >= 8, h.Kind == Log, "%d bytes", n)
	}
	b := header()
	b[60]++
	h, err = ReadFrom(bytes.NewReader(b))
	require.NoError(t, err)
	assert.True(t, h.Part())
}

// Ensure that the headers of pools which PMDK's tool makes are read as it made
// them: of each kind.
func TestPmempool(t *testing.T) {
	pmempool, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skip("PMDK's tool pmempool is not installed:", err)
	}
	for kind, args := range map[Kind][]string{
		Obj: {"--layout", "x", "obj"},
		Log: {"log"},
		Blk: {"blk", "512"},
	} {
		path := filepath.Join(t.TempDir(), "pool")
		args = append([]string{"create", "-s", "20M"}, append(args, path)...)
		out, err := exec.Command(pmempool, args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		f, err := os.Open(path)
		require.NoError(t, err)
		defer f.Close()
		h, err := ReadFrom(f)
		require.NoError(t, err)
		assert.Equal(t, kind, h.Kind)
		assert.NoError(t, h.Check(kind))
		for other := range Blk + 1 {
			if other != kind {
				assert.Error(t, h.Check(other))
			}
		}
		assert.False(t, h.Part())
		assert.WithinDuration(t, time.Now(), h.Created, time.Minute)
		assert.Equal(t, h.Shutdown.Computed, h.Shutdown.Checksum)

		out, err = exec.Command(pmempool, "info", path).CombinedOutput()
		require.NoError(t, err, "%s", out)
		text := strings.Join(strings.Fields(string(out)), " ")
		assert.Contains(t, text, "Pool set UUID : "+h.PoolSet.String())
		assert.Contains(t, text, " UUID : "+h.UUID.String())
		assert.Contains(t, text, fmt.Sprintf("Checksum : %#x [OK]", h.Checksum))
	}
}
