package libpmempool_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemblk"
	"github.com/pmem/pmdk-go/libpmemlog"
	"github.com/pmem/pmdk-go/libpmemobj"
	. "github.com/pmem/pmdk-go/libpmempool"
)

// Ensure that those who look whether a pool is in use, which takes its lock for
// a moment, disturb nobody else in the process: neither each other nor the
// functions of features, which abort it on a pool that is locked.
func TestFeatureWhileOthersLook(t *testing.T) {
	dir := testpool.Dir(t)
	for name, pool := range map[string]struct {
		path string
		look func(path string) error
	}{
		"log": {newLog(t, dir), libpmemlog.Check},
		"blk": {newBlk(t, dir), libpmemblk.Check},
		"obj": {newObj(t, dir), func(path string) error { return libpmemobj.Check(path, "") }},
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					for range 50 {
						assert.NoError(t, pool.look(pool.path))
					}
				})
				wg.Go(func() {
					for range 200 {
						_, err := FeatureQuery(pool.path, FeatureChecksum2K)
						assert.NoError(t, err)
					}
				})
			}
			wg.Wait()
			require.NoError(t, pool.look(pool.path))
		})
	}
}
