package libpmemobj

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that a publication chooses what its cost suggests: many adjacent
// words go into a transaction, few words on lines of their own do not.
func TestTransactionIsCheaper(t *testing.T) {
	words := func(n, stride int) []word {
		var s []word
		for i := range n {
			s = append(s, word{addr: 1<<20 + uintptr(i*stride)*8})
		}
		return s
	}
	cases := []struct {
		n, stride int
		want      bool
	}{
		{32, 1, true}, {48, 1, true}, {1000, 1, true},
		{2, 8, false}, {5, 8, false}, {16, 8, false},
	}
	for _, c := range cases {
		a := &Actions{stores: words(c.n, c.stride)}
		require.Equal(t, c.want, a.transactionIsCheaper(), "%d words, %d apart", c.n, c.stride)
	}
}
