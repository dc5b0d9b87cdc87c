package plainpool

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ensure that what others create meanwhile is opened, and that no other error
// leads to a creation or a second try.
func TestOpenOrCreate(t *testing.T) {
	other := errors.New("another")
	for _, test := range []struct {
		open, create, then error
		calls              string
		want               error
	}{
		{nil, nil, nil, "o", nil},
		{other, nil, nil, "o", other},
		{fs.ErrNotExist, nil, nil, "oc", nil},
		{fs.ErrNotExist, other, nil, "oc", other},
		{fs.ErrNotExist, fs.ErrExist, nil, "oco", nil},
		{fs.ErrNotExist, fs.ErrExist, other, "oco", other},
	} {
		calls, opens := "", []error{test.open, test.then}
		_, err := OpenOrCreate(
			func() (int, error) {
				calls += "o"
				err := opens[0]
				opens = opens[1:]
				return 1, err
			},
			func() (int, error) {
				calls += "c"
				return 2, test.create
			},
		)
		require.Equal(t, test.want, err)
		require.Equal(t, test.calls, calls)
	}
}
