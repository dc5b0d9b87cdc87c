package radix

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that Get is right with a guide, whatever becomes of the leaves that it
// names: that they are split, merged, freed, and are leaves again elsewhere,
// also when the numbers in the guide begin again.
func TestGuide(t *testing.T) {
	_, m := openMap(t)
	const keys = 12_000
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{}
	check := func() {
		t.Helper()
		for i := range keys {
			got, found, err := m.Get([]byte(scattered(i)))
			require.NoError(t, err)
			want, had := model[scattered(i)]
			require.Equal(t, had, found, i)
			require.Equal(t, want, string(got), i)
		}
	}
	for round := range 6 {
		for i := range keys {
			k, v := scattered(i), scattered(rnd.IntN(1<<30))
			if round > 0 && rnd.IntN(3) == 0 {
				continue
			}
			require.NoError(t, m.Put([]byte(k), []byte(v)))
			model[k] = v
		}
		require.NotNil(t, m.t.guide.Load())
		check()
		check() // with what the first one remembered
		if round == 1 {
			m.t.gone.Store(3*goneMask + 2 - 40) // forty merges before
		}
		before := m.t.gone.Load()
		for i := range keys {
			if rnd.IntN(100) < 80 {
				_, err := m.Delete([]byte(scattered(i)))
				require.NoError(t, err)
				delete(model, scattered(i))
			}
		}
		require.Greater(t, m.t.gone.Load(), before+40, "merges")
		check()
		require.NoError(t, m.t.verify())
	}
	require.NoError(t, m.Clear())
	require.Nil(t, m.t.guide.Load())
	model = nil
	check()
}

// Ensure that readers, who take no locks, see nothing of a transaction before
// it has committed, and all of it afterwards.
func TestReadersAndTransactions(t *testing.T) {
	p, m := openMap(t)
	const keys = 6000
	for i := range keys {
		require.NoError(t, m.Put([]byte(scattered(i)), []byte("0")))
	}
	value := func(n int) []byte { return AppendUint64(nil, uint64(n)) }
	const watched = 20
	for i := range watched {
		require.NoError(t, m.Put([]byte(scattered(i)), value(0)))
	}
	var committed, begun atomic.Uint64
	var stop atomic.Bool
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(3, uint64(r)))
			for !stop.Load() {
				least := committed.Load()
				v, found, err := m.Get([]byte(scattered(rnd.IntN(watched))))
				most := begun.Load()
				if !assert.NoError(t, err) || !assert.True(t, found) {
					return
				}
				got, _, err := Uint64(v)
				if !assert.NoError(t, err) || !assert.GreaterOrEqual(t, got, least) || !assert.LessOrEqual(t, got, most) {
					return
				}
			}
		})
	}
	sorry := errors.New("sorry")
	rounds := 400
	if testing.Short() {
		rounds = 100
	}
	for n := 1; n <= rounds; n++ {
		version, gone := m.t.version.Load(), m.t.gone.Load()
		err := p.Update(func(tx *libpmemobj.Tx) error {
			for i := range watched {
				if err := m.In(tx).Put([]byte(scattered(i)), value(1<<40)); err != nil {
					return err
				}
			}
			// Those who looked at them before find out.
			assert.NotEqual(t, version, m.t.version.Load())
			assert.NotEqual(t, gone, m.t.gone.Load())
			_, _, ok := m.t.glance(hash([]byte(scattered(0))), []byte(scattered(0)), make([]byte, 0, 100))
			assert.False(t, ok)
			if n%50 == 0 { // others go, and leaves with them
				for i := watched; i < keys; i++ {
					if _, err := m.In(tx).Delete([]byte(scattered(i))); err != nil {
						return err
					}
				}
			}
			return sorry
		})
		require.ErrorIs(t, err, sorry)
		begun.Store(uint64(n))
		require.NoError(t, p.Update(func(tx *libpmemobj.Tx) error {
			for i := range watched {
				if err := m.In(tx).Put([]byte(scattered(i)), value(n)); err != nil {
					return err
				}
			}
			return nil
		}))
		committed.Store(uint64(n))
	}
	stop.Store(true)
	readers.Wait()
	require.NoError(t, m.t.verify())
}
