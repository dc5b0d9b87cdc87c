package libpmemobj_test

import (
	"encoding/json"
	"expvar"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

func statsOf(t *testing.T, p *Pool) Stats {
	t.Helper()
	s, err := p.Stats()
	require.NoError(t, err)
	return s
}

// Ensure that the figures follow what is allocated and freed, and add up.
func TestStats(t *testing.T) {
	p := testpool.New(t, WithArenas(2))
	require.NoError(t, p.SetStatsMode(StatsBoth))
	mode, err := p.StatsMode()
	require.NoError(t, err)
	require.Equal(t, StatsBoth, mode)

	empty := statsOf(t, p)
	require.Equal(t, StatsBoth, empty.Mode)
	require.Zero(t, empty.Allocated)
	require.Equal(t, empty.HeapSize, empty.Free)
	require.Equal(t, empty.Free, empty.LargestFree)
	require.Len(t, empty.Arenas, 2)
	require.True(t, empty.Arenas[0].Automatic)
	require.Equal(t, 2, empty.Arenas[1].ID)

	small := oneObject(t, p, 100, 1)
	huge := oneObject(t, p, 3<<20, 1)
	s := statsOf(t, p)
	const block = 256 << 10
	require.EqualValues(t, 128+(3<<20+block), s.Allocated)
	require.EqualValues(t, 128, s.RunAllocated)
	require.Positive(t, s.RunActive)
	require.Equal(t, s.Free, s.FreeBlocks+s.FreeUnits)
	require.Positive(t, s.FreeUnits)
	require.Less(t, s.LargestFree, empty.LargestFree)
	require.Positive(t, s.Arenas[0].Size+s.Arenas[1].Size)

	require.NoError(t, p.Free(&huge))
	require.EqualValues(t, 128, statsOf(t, p).Allocated)
	require.NoError(t, p.Free(&small))
	require.Zero(t, statsOf(t, p).Allocated)

	for _, m := range []StatsMode{-1, 4, 1 << 40} {
		require.ErrorIs(t, p.SetStatsMode(m), unix.EINVAL)
	}
	require.Equal(t, "disabled", StatsDisabled.String())
	require.Equal(t, "StatsMode(7)", StatsMode(7).String())
	require.NoError(t, p.SetStatsMode(StatsDisabled))
	oneObject(t, p, 100, 1)
	require.Zero(t, statsOf(t, p).Allocated)

	require.NoError(t, p.Close())
	_, err = p.Stats()
	require.ErrorIs(t, err, ErrClosed)
	_, err = p.StatsMode()
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, p.SetStatsMode(StatsBoth), ErrClosed)
}

// Ensure that the expvar variable is JSON while the pool is open and after,
// that publishing again replaces the pool, and that nothing panics.
func TestPublishExpvar(t *testing.T) {
	type shown struct {
		Path   string
		Size   int64
		Closed bool
		Stats  *Stats
	}
	read := func(v expvar.Var) (s shown) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(v.String()), &s))
		return s
	}
	const name = "libpmemobj_test"
	p := testpool.New(t)
	require.NoError(t, PublishExpvar(name, p))
	require.NoError(t, PublishExpvar(name, p))
	s := read(expvar.Get(name))
	require.Equal(t, p.Path(), s.Path)
	require.Equal(t, p.Size(), s.Size)
	require.Equal(t, statsOf(t, p), *s.Stats)

	private := p.Expvar()
	require.NoError(t, p.Close())
	for range 2 {
		require.True(t, read(private).Closed)
		require.True(t, read(expvar.Get(name)).Closed)
	}
	require.ErrorIs(t, PublishExpvar(name, p), ErrClosed)
	require.ErrorIs(t, PublishExpvar(name, nil), ErrNull)

	again := testpool.Open(t, p.Path())
	require.NoError(t, PublishExpvar(name, again))
	require.NotNil(t, read(expvar.Get(name)).Stats)

	err := PublishExpvar("memstats", again)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, "another variable")
}
