package segment

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that the size is predicted exactly: memory is reserved by it.
func TestRunSize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		file := r.Uint32() >> r.IntN(32)
		lines := make([]uint32, 1+r.IntN(20))
		for i := range lines {
			lines[i] = r.Uint32() >> r.IntN(32)
		}
		slices.Sort(lines)
		require.EqualValues(t, len(appendRun(nil, file, lines)), runSize(file, lines))
	}
	assert.EqualValues(t, 5, uvarintSize(math.MaxUint32))
}

// Ensure that bytes that are no postings end the walk and never panic.
func FuzzPostings(f *testing.F) {
	f.Add(appendRun(nil, 300, []uint32{1, 2, 1000}))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, posts []byte) {
		n := 0
		for range Postings(posts) {
			n++
		}
		if n > len(posts) {
			t.Fatalf("%d postings out of %d bytes", n, len(posts))
		}
	})
}
