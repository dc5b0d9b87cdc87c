package segment

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
)

// Ensure that what goes into a file's segment comes out again.
func TestFileRoundTrip(t *testing.T) {
	tests := []struct {
		name  string
		id    int
		terms []source.Term
	}{
		{name: "nothing in it", id: 1},
		{name: "one term", id: 1, terms: []source.Term{{Name: "a", Lines: []uint32{1}}}},
		{name: "several", id: 300,
			terms: []source.Term{{Name: "a", Lines: []uint32{1, 2, 900}}, {Name: "a.b", Lines: []uint32{7}}, {Name: "世界", Lines: []uint32{128}}}},
		{name: "largest numbers", id: math.MaxUint32 - 1,
			terms: []source.Term{{Name: "z", Lines: []uint32{1, math.MaxUint32}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fileSegment(t, test.id, test.terms)
			assert.EqualValues(t, test.id, s.Header().First)
			assert.EqualValues(t, test.id+1, s.Header().End)
			require.Equal(t, len(test.terms), s.Terms())
			for i, term := range test.terms {
				assert.Equal(t, term.Name, string(s.Name(i)))
				assert.Equal(t, i, s.Search(term.Name))
				var lines []uint32
				for p := range Postings(s.Find(term.Name)) {
					assert.EqualValues(t, test.id, p.File)
					lines = append(lines, p.Line)
				}
				assert.Equal(t, term.Lines, lines)
			}
			assert.Nil(t, s.Find("no such term"))
		})
	}
}

// Ensure that the lookup positions between and beyond the terms are right.
func TestSearchBetween(t *testing.T) {
	s := fileSegment(t, 1, []source.Term{
		{Name: "b", Lines: []uint32{1}}, {Name: "bb", Lines: []uint32{1}}, {Name: "d", Lines: []uint32{1}},
	})
	for name, want := range map[string]int{"": 0, "a": 0, "b": 0, "ba": 1, "bb": 1, "c": 2, "d": 2, "e": 3} {
		assert.Equal(t, want, s.Search(name), name)
	}
}

// Ensure that Check notices every single flipped bit, of header and body.
func TestCheckNoticesAnyBit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := fileSegment(t, 7, randomTerms(r, 12))
	for i := range s.body {
		for bit := range 8 {
			s.body[i] ^= 1 << bit
			require.ErrorIs(t, s.Check(), ErrDamaged, "byte %d bit %d", i, bit)
			s.body[i] ^= 1 << bit
		}
	}
	for i, field := range []*uint32{&s.header.First, &s.header.End, &s.header.Terms, &s.header.Names, &s.header.Posts, &s.header.CRC} {
		*field ^= 1
		require.ErrorIs(t, s.Check(), ErrDamaged, "field %d", i)
		*field ^= 1
	}
	s.header.Postings ^= 1
	require.ErrorIs(t, s.Check(), ErrDamaged)
	s.header.Postings ^= 1
	require.NoError(t, s.Check())
}

// Ensure that Check does not take a good checksum for a good segment.
func TestCheckNoticesWrongBuilder(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(s Segment)
		reason string
	}{
		{"terms out of order", func(s Segment) { copy(s.names, "zy") }, `term "y" follows "z"`},
		{"file id of another segment", func(s Segment) { s.posts[0] = 9 }, "file 9 is not in this segment"},
		{"a line twice", func(s Segment) { s.posts[3] = 0 }, "line 1 follows 1"},
		{"no lines", func(s Segment) { s.posts[1] = 0 }, "file 1 has no lines"},
		{"a run cut short", func(s Segment) { s.posts[1] = 3 }, "bytes are postings"},
		{"wrong count", func(s Segment) { s.header.Postings++ }, "the header says 4"},
		{"wrong end of a name", func(s Segment) { s.terms[0] = 9 }, "before its start"},
		{"names not used up", func(s Segment) { s.terms[8] = 1 }, "of 2 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := fileSegment(t, 1, []source.Term{{Name: "a", Lines: []uint32{1, 2}}, {Name: "b", Lines: []uint32{5}}})
			test.spoil(s)
			s.header.CRC = s.header.checksum(s.body)
			err := s.Check()
			require.ErrorIs(t, err, ErrDamaged)
			assert.ErrorContains(t, err, test.reason)
		})
	}
}

// Ensure that a body of the wrong length is refused before anything is read.
func TestViewWrongLength(t *testing.T) {
	s := fileSegment(t, 1, []source.Term{{Name: "f", Lines: []uint32{1}}})
	_, err := View(s.header, s.body[1:])
	require.ErrorIs(t, err, ErrDamaged)
	assert.ErrorContains(t, err, "header describes 12 bytes, there are 11")
}

func TestTooLarge(t *testing.T) {
	_, err := header(0, 1, 1, 1, math.MaxUint32+1, 1)
	assert.ErrorIs(t, err, ErrTooLarge)
}

// Ensure that ids go up to the last one and not beyond.
func TestNoIDs(t *testing.T) {
	_, err := ForFile(math.MaxUint32-1, nil)
	require.NoError(t, err)
	_, err = ForFile(math.MaxUint32, nil)
	assert.ErrorIs(t, err, ErrNoIDs)
}

// Ensure that a builder that miscounts is caught instead of losing bytes.
func TestBuildMiscounted(t *testing.T) {
	b, err := ForFile(1, []source.Term{{Name: "a", Lines: []uint32{1}}})
	require.NoError(t, err)
	b.(*fileBuilder).head.Posts--
	assert.Panics(t, func() {
		Build(b, new(Header), make([]byte, BodySize(b)))
	})
}
