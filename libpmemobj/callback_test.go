package libpmemobj_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that callbacks run once, after the end of the transaction, in order,
// and only those of the way it ended.
func TestCallbacks(t *testing.T) {
	cases := []struct {
		name  string
		end   func(tx *Tx) error
		calls []string
		cause string
	}{
		{"commit", func(*Tx) error { return nil }, []string{"commit 1", "commit 2"}, ""},
		{"error", func(*Tx) error { return errStop }, []string{"abort 1", "abort 2"}, "stop"},
		{"panic", func(*Tx) error { panic("oops") }, []string{"abort 1", "abort 2"}, "panic or Goexit"},
		{"Goexit", func(*Tx) error { runtime.Goexit(); return nil }, []string{"abort 1", "abort 2"}, "panic or Goexit"},
		{"failed Mut", func(tx *Tx) error { Ptr[node]{}.Mut(tx); return nil }, []string{"abort 1", "abort 2"}, "null pointer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testpool.New(t)
			root := rootOf(t, p)
			var calls []string
			var causes []error
			inGoroutine(func() {
				_ = panicOf(func() {
					_ = p.Update(func(tx *Tx) error {
						for _, n := range []string{"1", "2"} {
							require.NoError(t, tx.OnCommit(func() {
								require.EqualValues(t, 7, root.Get().Count)
								calls = append(calls, "commit "+n)
							}))
							require.NoError(t, tx.OnAbort(func(cause error) {
								require.Zero(t, root.Get().Count, "not rolled back yet")
								calls = append(calls, "abort "+n)
								causes = append(causes, cause)
							}))
						}
						root.Mut(tx).Count = 7
						return c.end(tx)
					})
				})
			})
			require.Equal(t, c.calls, calls)
			for _, err := range causes {
				require.ErrorContains(t, err, c.cause)
			}
			require.NoError(t, p.Update(func(*Tx) error { return nil }))
			require.Equal(t, c.calls, calls, "a later transaction called them again")
		})
	}
}
