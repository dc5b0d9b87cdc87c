//go:build !race && !asan

package hashmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// Ensure that no operation allocates on the Go heap, page splits included.
func TestGoHeap(t *testing.T) {
	p := testpool.New(t, libpmemobj.WithSize(64<<20))
	m, err := hashmap.Open[uint64, [64]byte](p, "m")
	require.NoError(t, err)
	b, err := hashmap.OpenBytes(p, "b")
	require.NoError(t, err)
	const runs = 2000
	var keys [runs + 1][]byte
	for i := range keys {
		keys[i] = fmt.Append(nil, "key", i)
	}
	small, large, buf := make([]byte, 20), make([]byte, 200), make([]byte, 0, 256)
	next := func(_ []byte, _ bool) ([]byte, error) { return small, nil }
	for _, tt := range []struct {
		name string
		op   func(i int) error
	}{
		{"put", func(i int) error { return m.Put(uint64(i), [64]byte{}) }},
		{"get", func(i int) error { _, _, err := m.Get(uint64(i)); return err }},
		{"put if absent", func(i int) error { _, err := m.PutIfAbsent(uint64(i), [64]byte{}); return err }},
		{"update", func(i int) error {
			return m.Update(uint64(i), func(v [64]byte, _ bool) ([64]byte, error) { v[0]++; return v, nil })
		}},
		{"delete", func(i int) error { _, err := m.Delete(uint64(i)); return err }},
		{"put bytes", func(i int) error { return b.Put(keys[i], small) }},
		{"put large bytes", func(i int) error { return b.Put(keys[i], large) }},
		{"get large bytes", func(i int) error { _, _, err := b.AppendGet(buf, keys[i]); return err }},
		{"delete large bytes", func(i int) error { _, err := b.Delete(keys[i]); return err }},
		{"update bytes", func(i int) error { return b.Update(keys[i], next) }}, // there is nothing to copy
		{"length", func(int) error { _, err := b.Len(); return err }},
	} {
		i := 0
		assert.Zero(t, testing.AllocsPerRun(runs, func() {
			if err := tt.op(i); err != nil {
				t.Fatal(err)
			}
			i++
		}), tt.name)
	}
}
