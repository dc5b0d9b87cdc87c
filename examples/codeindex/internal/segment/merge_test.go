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

// Ensure that a merged segment says what its sources say, whatever mix of new,
// changed and deleted files they hold, and that merging in stages changes nothing.
func TestMergeProperty(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 5))
		var (
			segs []Segment
			live []uint32
		)
		kill := func() []uint32 {
			if len(live) == 0 || r.IntN(3) > 0 {
				return nil
			}
			i := r.IntN(len(live))
			id := live[i]
			live = slices.Delete(live, i, i+1)
			return []uint32{id}
		}
		for id := range uint32(2 + r.IntN(40)) {
			if dead := kill(); dead != nil && r.IntN(2) == 0 {
				segs = append(segs, build(t, ForDeleted(dead)))
				continue
			} else {
				file := FileEntry{ID: id, Path: fmt.Sprintf("/dir/%d.go", id), Size: int64(id), ModTime: r.Int64()}
				segs = append(segs, fileSegment(t, file, randomTerms(r, 30), dead...))
				live = append(live, id)
			}
		}
		want := read(segs...)
		require.Len(t, want.Files, len(live))

		whole := mergeSegments(t, segs)
		require.Equal(t, want, read(whole), "seed %d", seed)
		require.Zero(t, whole.Dead(), "all dead files were among the sources")

		cut := r.IntN(len(segs))
		newer := mergeSegments(t, segs[cut:])
		require.Equal(t, want, read(append(slices.Clone(segs[:cut]), newer)...), "seed %d, newer half merged", seed)
		older := mergeSegments(t, segs[:cut])
		require.Equal(t, want, read(older, newer), "seed %d, both halves merged", seed)
		require.Equal(t, whole.body, mergeSegments(t, []Segment{older, newer}).body, "seed %d, merged in two stages", seed)
	}
}

// Ensure that a declaration outlives the merge as long as its file is elsewhere.
func TestMergeKeepsOutsideTombstones(t *testing.T) {
	term := []source.Term{{Name: "x", Lines: []uint32{1}}}
	old := fileSegment(t, FileEntry{ID: 1, Path: "/a"}, term)
	a := fileSegment(t, FileEntry{ID: 2, Path: "/a"}, term, 1)
	b := fileSegment(t, FileEntry{ID: 3, Path: "/a"}, term, 2)

	young := mergeSegments(t, []Segment{a, b})
	assert.Equal(t, IDs{1: {}}, DeadIDs([]Segment{young}), "2 is settled, 1 is not")
	all := mergeSegments(t, []Segment{old, young})
	assert.Zero(t, all.Dead())
	assert.Equal(t, []Posting{{3, 1}}, slices.Collect(Postings(all.Find("x"))))
}

// Ensure that terms that only dead files had are gone with them.
func TestMergeDropsTerms(t *testing.T) {
	a := fileSegment(t, FileEntry{ID: 1, Path: "/a"}, []source.Term{{Name: "only", Lines: []uint32{1}}})
	s := mergeSegments(t, []Segment{a, build(t, ForDeleted([]uint32{1}))})
	assert.Zero(t, s.Terms())
	assert.Zero(t, s.Files())
	assert.Empty(t, s.body)
}

func TestUnion(t *testing.T) {
	line := []uint32{1}
	segs := []Segment{
		fileSegment(t, FileEntry{ID: 1, Path: "/a"}, []source.Term{{Name: "a", Lines: line}, {Name: "c", Lines: line}}),
		fileSegment(t, FileEntry{ID: 2, Path: "/b"}, nil),
		fileSegment(t, FileEntry{ID: 3, Path: "/c"}, []source.Term{{Name: "b", Lines: line}, {Name: "c", Lines: line}}),
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
