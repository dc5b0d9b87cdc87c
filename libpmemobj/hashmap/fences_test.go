package hashmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// Ensure that operations take as many fences as their comments say. Before each
// one is a crash point, and one more is at the end.
func TestFences(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about the price, not about what is right")
	}
	big := make([]byte, 100)
	type maps struct {
		fixed *hashmap.Map[uint64, [64]byte]
		word  *hashmap.Map[uint64, uint64]
		bytes *hashmap.Bytes
	}
	for _, tt := range []struct {
		name   string
		fences int
		op     func(m maps, i uint64) error
	}{
		{"put", 2, func(m maps, i uint64) error { return m.fixed.Put(100+i, [64]byte{}) }},
		{"replace", 2, func(m maps, i uint64) error { return m.fixed.Put(i, [64]byte{1}) }},
		{"replace a word", 1, func(m maps, i uint64) error { return m.word.Put(i, 7) }},
		{"update a word", 1, func(m maps, i uint64) error {
			return m.word.Update(i, func(v uint64, _ bool) (uint64, error) { return v + 1, nil })
		}},
		{"delete", 1, func(m maps, i uint64) error { _, err := m.fixed.Delete(i); return err }},
		{"get", 0, func(m maps, i uint64) error { _, _, err := m.fixed.Get(i); return err }},
		{"delete nothing", 0, func(m maps, i uint64) error { _, err := m.fixed.Delete(100 + i); return err }},
		{"put small bytes", 2, func(m maps, i uint64) error { return m.bytes.Put([]byte{100, byte(i)}, big[:20]) }},
		{"put large bytes", 5, func(m maps, i uint64) error { return m.bytes.Put([]byte{100, byte(i)}, big) }},
		{"replace large bytes", 5, func(m maps, i uint64) error { return m.bytes.Put([]byte{1, byte(i)}, big) }},
		{"delete large bytes", 4, func(m maps, i uint64) error { _, err := m.bytes.Delete([]byte{1, byte(i)}); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const n = 10
			r := crashtest.Run(t, crashtest.Config{Images: 1}, func(p *libpmemobj.Pool) (err error) {
				var m maps
				err = crashtest.Unchecked(func() (err error) {
					m.fixed, err = hashmap.Open[uint64, [64]byte](p, "fixed")
					require.NoError(t, err)
					m.word, err = hashmap.Open[uint64, uint64](p, "word")
					require.NoError(t, err)
					m.bytes, err = hashmap.OpenBytes(p, "bytes")
					require.NoError(t, err)
					for i := range uint64(n) {
						require.NoError(t, m.fixed.Put(i, [64]byte{}))
						require.NoError(t, m.word.Put(i, 0))
						require.NoError(t, m.bytes.Put([]byte{1, byte(i)}, big))
					}
					return nil
				})
				for i := uint64(0); i < n && err == nil; i++ {
					err = tt.op(m, i)
				}
				return err
			}, func(*libpmemobj.Pool, crashtest.Acked) error { return nil })
			assert.Equal(t, tt.fences, (r.Points-1)/n) // PMDK may make a new block once
		})
	}
}
