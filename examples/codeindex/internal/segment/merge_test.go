package segment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Ensure that a merged segment says what its sources say, whichever files are
// dead, and that merging in stages changes nothing.
func TestMergeProperty(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		var segs []Segment
		dead := IDs{}
		for id := range 2 + r.IntN(40) {
			segs = append(segs, fileSegment(t, id, randomTerms(r, 30)))
			if r.IntN(4) == 0 && seed%2 == 0 {
				dead[uint32(id)] = struct{}{}
			}
		}
		want := read(dead, segs...)

		whole := mergeSegments(t, segs, dead)
		require.Equal(t, want, read(nil, whole), "seed %d", seed)
		require.Zero(t, whole.header.First)
		require.EqualValues(t, len(segs), whole.header.End)

		cut := 1 + r.IntN(len(segs)-1)
		newer := mergeSegments(t, segs[cut:], dead)
		require.EqualValues(t, cut, newer.header.First)
		require.Equal(t, want, read(dead, append(slices.Clone(segs[:cut]), newer)...), "seed %d, newer half merged", seed)
		older := mergeSegments(t, segs[:cut], nil)
		require.Equal(t, want, read(dead, older, newer), "seed %d, both halves merged, in one all alive", seed)
		require.Equal(t, whole.body, mergeSegments(t, []Segment{older, newer}, dead).body, "seed %d, merged in two stages", seed)
	}
}

// Ensure that terms that only dead files had are gone with them.
func TestMergeDropsTerms(t *testing.T) {
	a := fileSegment(t, 1, []source.Term{{Name: "only", Lines: []uint32{1}}})
	s := mergeSegments(t, []Segment{a}, IDs{1: {}})
	assert.Zero(t, s.Terms())
	assert.Empty(t, s.body)
}

func TestUnion(t *testing.T) {
	line := []uint32{1}
	segs := []Segment{
		fileSegment(t, 1, []source.Term{{Name: "a", Lines: line}, {Name: "c", Lines: line}}),
		fileSegment(t, 2, nil),
		fileSegment(t, 3, []source.Term{{Name: "b", Lines: line}, {Name: "c", Lines: line}}),
	}
	tests := []struct {
		from string
		want []string
	}{
		{"", []string{"a [1]", "b [3]", "c [1 3]"}},
		{"b", []string{"b [3]", "c [1 3]"}},
		{"bb", []string{"c [1 3]"}},
		{"d", nil},
	}
	for _, test := range tests {
		var got []string
		for name, lists := range Union(segs, test.from) {
			var files []uint32
			for _, posts := range lists {
				for p := range Postings(posts) {
					files = append(files, p.File)
				}
			}
			got = append(got, fmt.Sprint(string(name), " ", files))
		}
		assert.Equal(t, test.want, got, "from %q", test.from)
	}
	for name := range Union(segs, "") {
		assert.Equal(t, "a", string(name))
		break // an early end of the loop ends the walk
	}
}
