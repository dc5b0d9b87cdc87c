package libpmem_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

func TestFlagsString(t *testing.T) {
	assert.Equal(t, "0", libpmem.Flags(0).String())
	assert.Equal(t, "NoDrain|NonTemporal|Temporal|WriteCombine|WriteBack|NoFlush", libpmem.Flags(63).String())
	assert.Equal(t, "NoFlush|0x40", (libpmem.NoFlush | 64).String())
}

// Ensure that the flags are those of the C header.
func TestFlagsValues(t *testing.T) {
	assert.Equal(t, []libpmem.Flags{1, 2, 4, 8, 16, 32}, []libpmem.Flags{libpmem.NoDrain, libpmem.NonTemporal,
		libpmem.Temporal, libpmem.WriteCombine, libpmem.WriteBack, libpmem.NoFlush})
}

// Ensure that each of the 64 combinations either copies, moves and fills, or
// is refused with a word on what contradicts what, by every function that
// takes flags.
func TestFlagCombinations(t *testing.T) {
	m := newMapping(t, 8192)
	const nt, tt, wc, wb, nf = libpmem.NonTemporal, libpmem.Temporal, libpmem.WriteCombine, libpmem.WriteBack, libpmem.NoFlush
	excluded := []libpmem.Flags{nt | tt, wc | wb, nt | nf, wc | nf, nt | wb, tt | wc}
	valid := func(f libpmem.Flags) bool {
		for _, pair := range excluded {
			if f&pair == pair {
				return false
			}
		}
		return true
	}
	count := 0
	for f := libpmem.Flags(0); f < 64; f++ {
		src := []byte{1, byte(f), 3}
		b := m.Bytes()
		calls := []struct {
			name string
			call func() error
			want []byte
		}{
			{"Memcpy", func() error { return libpmem.Memcpy(b, src, f) }, src},
			{"Memmove", func() error { return libpmem.Memmove(b, src, f) }, src},
			{"Memset", func() error { return libpmem.Memset(b[:3], byte(f)+1, f) }, []byte{byte(f) + 1, byte(f) + 1, byte(f) + 1}},
			{"CopyAt", func() error { return m.CopyAt(0, src, f) }, src},
			{"MoveAt", func() error { copy(b[4096:], src); return m.MoveAt(0, 4096, 3, f) }, src},
			{"SetAt", func() error { return m.SetAt(0, 3, byte(f)+1, f) }, []byte{byte(f) + 1, byte(f) + 1, byte(f) + 1}},
		}
		for _, c := range calls {
			clear(b[:3])
			err := c.call()
			if valid(f) {
				require.NoError(t, f.Check())
				require.NoError(t, err, "%s with %v", c.name, f)
				require.Equal(t, c.want, b[:3], "%s with %v", c.name, f)
				count++
				continue
			}
			requireErrno(t, err, unix.EINVAL, "exclude each other")
			require.Equal(t, []byte{0, 0, 0}, b[:3], "%s with %v must touch nothing", c.name, f)
		}
	}
	assert.Equal(t, 6*22, count, "22 combinations are valid: 11, with and without NoDrain")
}

func TestFlagErrorsNameBoth(t *testing.T) {
	m := newMapping(t, 4096)
	for _, tt := range []struct {
		flags libpmem.Flags
		want  string
	}{
		{libpmem.NonTemporal | libpmem.Temporal, "flags NonTemporal and Temporal exclude each other"},
		{libpmem.WriteCombine | libpmem.WriteBack, "flags WriteCombine and WriteBack exclude each other"},
		{libpmem.NoFlush | libpmem.NonTemporal, "flags NonTemporal and NoFlush exclude each other"},
		{libpmem.NoFlush | libpmem.WriteCombine, "flags WriteCombine and NoFlush exclude each other"},
		{libpmem.NonTemporal | libpmem.WriteBack, "flags NonTemporal and WriteBack exclude each other"},
		{libpmem.Temporal | libpmem.WriteCombine | libpmem.NoDrain, "flags Temporal and WriteCombine exclude each other"},
		{64, "unknown flags 0x40"},
		{1 << 31, "unknown flags 0x80000000"},
	} {
		requireErrno(t, m.CopyAt(0, []byte("x"), tt.flags), unix.EINVAL, tt.want)
		requireErrno(t, tt.flags.Check(), unix.EINVAL, tt.want)
		requireErrno(t, libpmem.Memset(m.Bytes(), 1, tt.flags), unix.EINVAL, tt.want)
	}
}
