package vector_test

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
	v, w := open[uint64](t, p, "v"), open[wide](t, p, "w")
	_, err := v.AppendN(200, 1)
	require.NoError(t, err)
	_, err = w.AppendN(70, wide{})
	require.NoError(t, err)
	tests := []struct {
		name string
		want int
		op   func() error
	}{
		{"Append", 2, func() error { return second(v.Append(1)) }},
		{"AppendN", 2, func() error { return second(v.AppendN(20, 1)) }},
		{"Set", 1, func() error { return v.Set(3, 4) }},
		{"Set wide", 5, func() error { return w.Set(3, makeWide(4)) }},
		{"Pop", 1, func() error { return second(v.Pop()) }},
		{"At", 0, func() error { return second(v.At(3)) }},
		{"Append in a transaction", 5, func() error {
			return p.Update(func(tx *libpmemobj.Tx) error { return second(v.In(tx).Append(3)) })
		}},
	}
	for _, tt := range tests {
		n, err := fencecount.Of(p, tt.op)
		require.NoError(t, err)
		if n != tt.want {
			t.Errorf("%s: %d fences, want %d", tt.name, n, tt.want)
		}
	}
}
