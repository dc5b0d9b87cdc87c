package radix

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fencecount"
)

// Ensure that operations wait for as many fences as the documentation says.
func TestFences(t *testing.T) {
	if !fencecount.Effective {
		t.Skip("PMDK's functions are not wrapped in programs built with -tags pmdk_dynamic")
	}
	p, m := openMap(t)
	long := []byte(strings.Repeat("long ", 40))
	key := func(i int) []byte { return []byte(scattered(i)) }
	put := func(i int, v []byte) func() error { return func() error { return m.Put(key(i), v) } }
	remove := func(i int) func() error { return func() error { _, err := m.Delete(key(i)); return err } }
	for i := range 20 {
		require.NoError(t, put(i, nil)())
	}
	require.NoError(t, put(100, long)()) // blocks for records
	require.NoError(t, remove(100)())
	count := func(op func() error) int {
		n, err := fencecount.Of(p, op)
		require.NoError(t, err)
		return n
	}
	assert.Equal(t, 2, count(put(20, nil)), "put")
	assert.Equal(t, 2, count(put(20, []byte("v"))), "replace")
	assert.Equal(t, 0, count(func() error { _, err := m.PutIfAbsent(key(20), nil); return err }), "put if absent")
	assert.Equal(t, 0, count(func() error { _, _, err := m.Get(key(20)); return err }), "get")
	assert.Equal(t, 0, count(func() error {
		for range m.All() {
		}
		return nil
	}), "range")
	assert.Equal(t, 1, count(remove(20)), "delete")
	assert.Equal(t, 0, count(remove(20)), "delete what is not there")
	assert.Equal(t, 5, count(put(20, long)), "put a record")
	assert.Equal(t, 6, count(put(20, long)), "replace a record")
	assert.Equal(t, 5, count(remove(20)), "delete a record")
	splits := map[int]int{}
	for i := 30; i < 200; i++ {
		splits[count(put(i, nil))-2]++
	}
	merges := map[int]int{}
	for i := 30; i < 200; i++ {
		merges[count(remove(i))-1]++
	}
	assert.Positive(t, splits[5], "splits")
	assert.Positive(t, merges[5], "merges")
}
