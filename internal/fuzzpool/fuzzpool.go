// Package fuzzpool gives a fuzz target one pool for all its runs, because making
// and checking one for each would take most of the time.
package fuzzpool

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Pool is a pool that can be closed and opened again in between.
type Pool struct {
	*libpmemobj.Pool
	reopen func(t testing.TB, p *libpmemobj.Pool) *libpmemobj.Pool
}

// New is a pool for one test. It is checked at each Reopen and at the end.
func New(t testing.TB) *Pool { return &Pool{testpool.New(t), testpool.Reopen} }

// NewShared is a pool for many runs: it is checked at the end.
func NewShared(f testing.TB) *Pool {
	path := testpool.Path(f)
	p, err := libpmemobj.Create(path, testpool.Layout, libpmemobj.WithSize(libpmemobj.MinPool), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(f, err)
	shared := &Pool{Pool: p, reopen: func(t testing.TB, p *libpmemobj.Pool) *libpmemobj.Pool {
		require.NoError(t, p.Close())
		p, err := libpmemobj.Open(path, testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
		require.NoError(t, err)
		return p
	}}
	f.Cleanup(func() {
		require.NoError(f, shared.Close())
		testpool.Check(f, path)
	})
	return shared
}

// Reopen closes the pool and opens it again.
func (p *Pool) Reopen(t testing.TB) {
	t.Helper()
	p.Pool = p.reopen(t, p.Pool)
}
