package libpmem

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
)

// Ensure that a range is found in the region that holds all of it, and in no
// other, whatever the order in which regions came and went.
func TestRegionOf(t *testing.T) {
	// Addresses only: nothing is mapped, nothing is touched.
	make := func(base uintptr, n int) *region { return &region{base: unsafe.Add(nil, base), len: n} }
	a, b, c := make(0x1000, 0x1000), make(0x2000, 0x800), make(0x9000, 1)
	before := spans.Load()
	defer spans.Store(before)
	spans.Store(new(spanTable))
	assert.Nil(t, regionOf(0x1000, 1), "nothing is open")
	assert.Nil(t, regionOf(0, 1))
	assert.True(t, outside(0))

	remember(c)
	remember(a)
	remember(b)
	tests := []struct {
		name string
		addr uintptr
		n    int
		want *region
	}{
		{"first byte", 0x1000, 1, a},
		{"last byte", 0x1fff, 1, a},
		{"all", 0x1000, 0x1000, a},
		{"one too many", 0x1000, 0x1001, nil},
		{"across two neighbours", 0x1fff, 2, nil},
		{"neighbour", 0x2000, 0x800, b},
		{"one byte past", 0x2800, 1, nil},
		{"one byte before", 0xfff, 1, nil},
		{"starts before", 0xfff, 2, nil},
		{"between", 0x5000, 16, nil},
		{"smallest", 0x9000, 1, c},
		{"past all", 0xa000, 1, nil},
		{"end wraps around", 0x1000, -1, nil},
		{"null", 0, 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Same(t, tt.want, regionOf(tt.addr, tt.n))
		})
	}

	assert.True(t, outside(0xfff))
	assert.False(t, outside(0x1000))
	assert.False(t, outside(0x5000), "between them is not outside")
	assert.False(t, outside(0x9000))
	assert.True(t, outside(0x9001))

	forget(a)
	assert.Nil(t, regionOf(0x1000, 1))
	assert.Same(t, b, regionOf(0x2000, 1))
	assert.Same(t, c, regionOf(0x9000, 1))
	forget(b)
	forget(c)
	assert.Nil(t, regionOf(0x9000, 1))
}
