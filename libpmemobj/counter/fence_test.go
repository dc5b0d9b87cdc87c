package counter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/fencecount"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that operations wait for as many fences as the documentation says.
func TestFences(t *testing.T) {
	if !fencecount.Effective {
		t.Skip("PMDK's functions are not wrapped in programs built with -tags pmdk_dynamic")
	}
	p := testpool.New(t)
	c := open(t, p, "c")
	for name, tt := range map[string]struct {
		want int
		op   func() error
	}{
		"Add":   {1, func() error { return c.Add(1) }},
		"Store": {1, func() error { return c.Store(5) }},
		"Load":  {0, func() error { _, err := c.Load(); return err }},
		"three additions in a transaction": {5, func() error {
			return p.Update(func(tx *libpmemobj.Tx) error {
				for range 3 {
					if err := c.In(tx).Add(1); err != nil {
						return err
					}
				}
				return nil
			})
		}},
	} {
		n, err := fencecount.Of(p, tt.op)
		require.NoError(t, err)
		if n != tt.want {
			t.Errorf("%s: %d fences, want %d", name, n, tt.want)
		}
	}
}
