package hashmap_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// FuzzBytes does what its input says: each byte is an operation, and the one
// after it chooses the key; a few pairs are a transaction.
func FuzzBytes(f *testing.F) {
	f.Add(uint16(8), []byte("0a1a2b3c4d5e6f7g"))
	f.Add(uint16(100), []byte("\x00\x01\x00\x02\x05\x01\xff\x03\x04\x02\x00\x01"))
	rnd := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 3000)
	for i := range long {
		long[i] = byte(rnd.Uint32())
	}
	f.Add(uint16(16), long)
	p := testpool.New(f, libpmemobj.WithSize(64<<20))
	f.Fuzz(func(t *testing.T, inline uint16, input []byte) {
		m, err := hashmap.OpenBytes(p, "m", hashmap.WithInline(8+int(inline)%1000))
		require.NoError(t, err)
		model := map[string]string{}
		apply := func(op, key byte, model map[string]string,
			put func(k, v []byte) error, remove func(k []byte) (bool, error), get func(k []byte) ([]byte, bool, error)) {
			k := fmt.Appendf(nil, "%0*d", 1+key%60, key)
			switch op % 4 {
			case 0, 1:
				v := fmt.Appendf(nil, "%0*d", op, op)
				require.NoError(t, put(k, v))
				model[string(k)] = string(v)
			case 2:
				_, had := model[string(k)]
				found, err := remove(k)
				require.NoError(t, err)
				require.Equal(t, had, found)
				delete(model, string(k))
			case 3:
				want, had := model[string(k)]
				v, found, err := get(k)
				require.NoError(t, err)
				require.Equal(t, had, found)
				require.Equal(t, want, string(v))
			}
		}
		for ; len(input) >= 2; input = input[2:] {
			op, key := input[0], input[1]
			if op < 250 || len(input) < 12 {
				apply(op, key, model, m.Put, m.Delete, m.Get)
				continue
			}
			next := maps.Clone(model)
			err := p.Update(func(tx *libpmemobj.Tx) error {
				m := m.In(tx)
				for i := 2; i < 12; i += 2 {
					apply(input[i], input[i+1], next, m.Put, m.Delete, m.Get)
				}
				if key%2 == 0 {
					return errStop
				}
				return nil
			})
			if key%2 == 0 {
				require.ErrorIs(t, err, errStop)
			} else {
				require.NoError(t, err)
				model = next
			}
			input = input[10:]
		}
		got := map[string]string{}
		for k, v := range m.All() {
			got[string(k)] = string(v)
		}
		require.Equal(t, model, got)
		require.NoError(t, directory.Remove(p, "m"))
		require.LessOrEqual(t, objects(p), 1, "something is left beside the directory")
	})
}
