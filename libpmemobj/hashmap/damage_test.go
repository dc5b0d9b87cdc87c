package hashmap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// Ensure that a damaged header or directory is an error when the map is opened,
// not a fault later.
func TestDamage(t *testing.T) {
	const headerDir = 6 // words
	for _, tt := range []struct {
		name   string
		damage func(header []uint64, at func(off uint64) []uint64)
		want   string
	}{
		{"magic", func(h []uint64, _ func(uint64) []uint64) { h[0]++ }, "it begins with"},
		{"version", func(h []uint64, _ func(uint64) []uint64) { h[1] += 1 }, "layout version 2; this program knows version 1"},
		{"kind", func(h []uint64, _ func(uint64) []uint64) { h[1] += 2 << 32 }, "do not belong together"},
		{"slots", func(h []uint64, _ func(uint64) []uint64) { h[5] -= 1 << 32 }, "do not belong together"},
		{"directory", func(h []uint64, _ func(uint64) []uint64) { h[headerDir] += 16 }, "directory"},
		{"depth", func(h []uint64, at func(uint64) []uint64) { at(h[headerDir])[0]++ }, "directory has depth"},
		{"offset", func(h []uint64, at func(uint64) []uint64) { at(h[headerDir])[1] += 1 << 40 }, "entry 0"},
		{"null", func(h []uint64, at func(uint64) []uint64) { at(h[headerDir])[1] &= 63 }, "entry 0"},
		{"depth of a page", func(h []uint64, at func(uint64) []uint64) { at(h[headerDir])[1] |= 63 }, "entry 0"},
		{"share", func(h []uint64, at func(uint64) []uint64) { at(h[headerDir])[1]-- }, "instead of"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := testpool.New(t)
			m, err := hashmap.Open[uint64, [500]byte](p, "m")
			require.NoError(t, err)
			for i := range uint64(100) {
				require.NoError(t, m.Put(i, [500]byte{}))
			}
			p = testpool.Reopen(t, p)
			for e, err := range directory.List(p) {
				require.NoError(t, err)
				at := func(off uint64) []uint64 {
					return libpmemobj.PtrOf[uint64](libpmemobj.OID{Pool: p.UUID(), Off: off}).Slice(6)
				}
				tt.damage(libpmemobj.PtrOf[uint64](libpmemobj.OID{Pool: p.UUID(), Off: e.Off}).Slice(8), at)
			}
			p = testpool.Reopen(t, p)
			_, err = hashmap.Open[uint64, [500]byte](p, "m")
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, `hashmap open "m"`)
		})
	}
}
