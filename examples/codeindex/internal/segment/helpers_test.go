package segment

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// build writes the segment into memory that is dirty, as recycled persistent
// memory is, and hands back a view.
func build(t testing.TB, b Builder) Segment {
	t.Helper()
	body := make([]byte, BodySize(b))
	for i := range body {
		body[i] = 0xA5
	}
	h := new(Header)
	Build(b, h, body)
	s, err := View(h, body)
	require.NoError(t, err)
	require.NoError(t, s.Check())
	return s
}

func fileSegment(t testing.TB, id int, terms []source.Term) Segment {
	t.Helper()
	b, err := ForFile(id, terms)
	require.NoError(t, err)
	return build(t, b)
}

func mergeSegments(t testing.TB, segs []Segment, dead IDs) Segment {
	t.Helper()
	b, err := Merge(segs, dead)
	require.NoError(t, err)
	return build(t, b)
}

// read is everything that segs say, dead files left out.
func read(dead IDs, segs ...Segment) map[string][]Posting {
	terms := map[string][]Posting{}
	for name, lists := range Union(segs, "") {
		for _, posts := range lists {
			for p := range Postings(posts) {
				if !dead.Has(p.File) {
					terms[string(name)] = append(terms[string(name)], p)
				}
			}
		}
	}
	return terms
}

// randomTerms makes up to n terms from a small vocabulary, so that files share some.
func randomTerms(r *rand.Rand, n int) []source.Term {
	names := map[string]bool{}
	for range r.IntN(n + 1) {
		names[fmt.Sprintf("%c%d", 'a'+r.IntN(4), r.IntN(n))] = true
	}
	var terms []source.Term
	for name := range names {
		line, lines := uint32(0), []uint32(nil)
		for range 1 + r.IntN(5) {
			line += 1 + uint32(r.IntN(1<<r.IntN(20)))
			lines = append(lines, line)
		}
		terms = append(terms, source.Term{Name: name, Lines: lines})
	}
	slices.SortFunc(terms, func(a, b source.Term) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return terms
}
