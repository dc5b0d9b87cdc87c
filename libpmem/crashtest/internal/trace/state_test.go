package trace

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// line returns a line whose words hold one letter each.
func line(words string) *[Line]byte {
	var l [Line]byte
	for i, r := range []byte(words) {
		l[8*i] = r
	}
	return &l
}

// words is the opposite of line, for as many lines or pages as there are: one
// letter a word, a dot for 0, and dots at the end left out.
func words(b []byte) string {
	var s []byte
	for i := 0; i < len(b); i += 8 {
		if b[i] == 0 {
			s = append(s, '.')
			continue
		}
		s = append(s, b[i])
	}
	return string(bytes.TrimRight(s, "."))
}

func store(thread int32, n uint64, w string) Event {
	return Event{Kind: Store, Thread: thread, Off: n * Line, Data: line(w)}
}

func flush(thread int32, n uint64) Event {
	return Event{Kind: Flush, Thread: thread, Off: n * Line, Len: 1}
}

func fence(thread int32) Event { return Event{Kind: Fence, Thread: thread} }

func mark(worker int32, n int64) Event { return Event{Kind: Mark, Worker: worker, N: n} }

func lines(n int, events ...Event) *Trace {
	return &Trace{Base: make([]byte, n*Line), Events: events}
}

// inFlight writes the units in flight: offset in units, durable, versions.
func inFlight(s *State) string {
	var b bytes.Buffer
	for _, u := range s.InFlight() {
		fmt.Fprintf(&b, "%d:%s", u.Off/uint64(s.UnitSize()), words(u.Durable()))
		for _, v := range u.Versions {
			fmt.Fprintf(&b, ">%s/%02x%v%v", words(v.Data), v.Parts, v.Stores, v.Flushes)
		}
		b.WriteByte(' ')
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func TestStateLines(t *testing.T) {
	tr := lines(4,
		store(1, 0, "a"),                  // 0
		store(1, 1, "xy"),                 // 1
		flush(1, 0),                       // 2
		store(1, 0, "ab"),                 // 3: newer than what was flushed
		fence(2),                          // 4: of another thread
		fence(1),                          // 5: makes "a" durable, not "ab"
		flush(2, 0),                       // 6: any flush counts, whoever stored
		flush(1, 1),                       // 7
		fence(2),                          // 8
		store(1, 0, ""),                   // 9: back to zeros
		Event{Kind: Sync, Off: 0, Len: 1}, // 10: a page, so all of the file
		fence(1),                          // 11: nothing left
	)
	s := NewState(tr)
	for _, want := range []string{
		"",
		"0:>a/01[0][]",
		"0:>a/01[0][] 1:>xy/03[1][]",
		"0:>a/01[0][2] 1:>xy/03[1][]",
		"0:>a/01[0][2]>ab/02[3][] 1:>xy/03[1][]",
		"0:>a/01[0][2]>ab/02[3][] 1:>xy/03[1][]",
		"0:a>ab/02[3][] 1:>xy/03[1][]",
		"0:a>ab/02[3][6] 1:>xy/03[1][]",
		"0:a>ab/02[3][6] 1:>xy/03[1][7]",
		"1:>xy/03[1][7]",
		"0:ab>/03[9][] 1:>xy/03[1][7]",
		"",
		"",
	} {
		assert.Equal(t, want, inFlight(s), "after %d events", s.At())
		if s.At() < len(tr.Events) {
			s.Advance(s.At() + 1)
		}
	}
	assert.Equal(t, "........xy", words(s.Durable()))

	// Ensure that the way back leaves nothing behind.
	s.Seek(3)
	assert.Equal(t, "0:>a/01[0][2] 1:>xy/03[1][]", inFlight(s))
	assert.Equal(t, tr.Base, s.Durable())
	assert.True(t, s.Pending(1))
	assert.False(t, s.Pending(2))
	assert.Equal(t, "xy", words(s.Current(Line+8)))
	assert.Nil(t, s.Current(4*Line))
	assert.Nil(t, s.Unit(3*Line))
	assert.Equal(t, uint64(Line), s.Unit(Line+63).Off)
	assert.Panics(t, func() { s.Advance(2) })
}

// Ensure that a fence makes nothing older again: another thread was faster.
func TestFenceOfAnOldFlush(t *testing.T) {
	tr := lines(1, store(1, 0, "a"), flush(1, 0), store(1, 0, "b"), flush(2, 0), fence(2), store(1, 0, "c"), fence(1))
	s := NewState(tr)
	s.Advance(6)
	assert.False(t, s.Pending(1))
	s.Advance(7)
	assert.Equal(t, "0:b>c/01[5][]", inFlight(s))
}

func TestStatePages(t *testing.T) {
	tr := &Trace{Base: make([]byte, 2*Page+100), Pages: true, Events: []Event{
		store(1, 0, "a"),   // 0
		store(1, 8, "b"),   // 1: the next sector, noticed together
		flush(1, 0),        // 2: a processor's flush is nothing to a disk
		fence(1),           // 3
		store(1, 1, "c"),   // 4
		store(1, 129, "d"), // 5: 36 bytes behind two pages and a line
		{Kind: Sync, Off: 100, Len: 1},
		store(1, 0, "z"), // 7
		store(1, 0, "a"), // 8: within one moment, so it did not happen
	}}
	s := NewState(tr)
	s.Advance(6)
	units := s.InFlight()
	require.Len(t, units, 2)
	assert.Len(t, units[0].Versions, 2)
	assert.Equal(t, uint8(3), units[0].Versions[0].Parts)
	assert.Equal(t, []int{0, 1}, units[0].Versions[0].Stores)
	assert.Equal(t, []int{2}, units[0].Versions[0].Flushes)
	assert.Equal(t, uint8(1), units[0].Versions[1].Parts)
	assert.Len(t, units[1].Durable(), 100)
	assert.Equal(t, "........d", words(units[1].Latest()))
	s.Advance(7)
	require.Len(t, s.InFlight(), 1)
	assert.Equal(t, uint64(2*Page), s.InFlight()[0].Off)
	assert.Equal(t, "a.......c", words(s.Durable()[:2*Line]))
	s.Advance(9)
	assert.Len(t, s.InFlight(), 1)
}

func TestImages(t *testing.T) {
	tr := lines(3, store(1, 0, "ab"), store(1, 2, "xyz"), store(1, 0, "Ab"), store(1, 2, "Xyzq"))
	s := NewState(tr)
	s.Advance(4)
	for _, c := range []struct{ choice, image string }{
		{"4", ""},
		{"4:0=1", "ab"},
		{"4:0=2", "Ab"},
		{"4:0=1/01", "a"},
		{"4:0=1/fe", ".b"},
		{"4:0=2/01,80=1/05", "Ab..............x.z"},
		{"4:0=2/02,80=2/08", "ab..............xyzq"},
		{"4:80=2", "................Xyzq"},
	} {
		choice, err := ParseChoice(c.choice)
		require.NoError(t, err)
		assert.Equal(t, c.choice, choice.String())

		sum, err := s.Fingerprint(choice)
		require.NoError(t, err)
		patches, err := s.Patches(choice)
		require.NoError(t, err)
		image := bytes.Clone(s.Durable())
		for _, p := range patches {
			copy(image[p.Off:], p.Data)
		}
		assert.Equal(t, c.image, words(image), c.choice)
		assert.Equal(t, fingerprint(0, tr.Base)^fingerprint(0, image), sum, c.choice)

		require.NoError(t, s.Apply(choice))
		assert.Equal(t, c.image, words(s.Durable()), c.choice)
		// Ensure that what is durable is still known.
		again, err := s.Patches(choice)
		require.NoError(t, err)
		assert.Equal(t, patches, again)
		for _, u := range s.InFlight() {
			assert.Equal(t, tr.Base[u.Off:u.Off+Line], u.Durable())
		}
		require.NoError(t, s.Apply(choice))
		assert.Equal(t, c.image, words(s.Durable()), c.choice)
		s.Revert()
		assert.Equal(t, tr.Base, s.Durable())
	}
	assert.Equal(t, "4", s.Nothing().String())
	assert.Equal(t, "4:0=2,80=2", s.All().String())

	lost, err := s.Lost(Choice{Point: 4, Lines: []LineChoice{{0, 2, 1}}})
	require.NoError(t, err)
	require.Len(t, lost, 2)
	assert.True(t, lost[0].Torn())
	assert.Equal(t, LineChoice{2 * Line, 0, Whole}, lost[1].Kept)
	assert.False(t, lost[1].Torn())
	lost, err = s.Lost(s.All())
	require.NoError(t, err)
	assert.Empty(t, lost)
}

func TestImpossibleChoices(t *testing.T) {
	s := NewState(lines(3, store(1, 0, "ab")))
	s.Advance(1)
	for want, c := range map[string]Choice{
		"for event 0 at event 1":          {},
		"nothing is in flight at 0x40":    {1, []LineChoice{{Line, 1, Whole}}},
		"version 2 of 1 in flight at 0x0": {1, []LineChoice{{0, 2, Whole}}},
		"nothing of the line at 0x0":      {1, []LineChoice{{0, 1, 0}}},
		"not above the one before":        {1, []LineChoice{{0, 1, 1}, {0, 1, 2}}},
	} {
		_, err := s.Patches(c)
		assert.ErrorContains(t, err, want)
		assert.ErrorContains(t, s.Apply(c), want)
		_, err = s.Fingerprint(c)
		assert.ErrorContains(t, err, want)
		_, err = s.Lost(c)
		assert.ErrorContains(t, err, want)
	}
}

func TestNewStateOn(t *testing.T) {
	tr := lines(2, store(1, 1, "q"), flush(1, 1), fence(1))
	image := bytes.Repeat([]byte{7}, 2*Line)
	s := NewStateOn(tr, image)
	assert.Equal(t, tr.Base, image)
	s.Advance(3)
	assert.Equal(t, "........q", words(image))
	assert.Panics(t, func() { NewStateOn(tr, image[1:]) })
}

func TestPoints(t *testing.T) {
	pause, resume := Event{Kind: Pause}, Event{Kind: Resume}
	a, b := store(1, 0, "a"), store(1, 1, "b")
	for name, c := range map[string]struct {
		events []Event
		want   string
	}{
		"an empty trace":             {nil, "0:end/0"},
		"nothing in flight":          {[]Event{fence(1), a}, "2:end/1"},
		"before each fence":          {[]Event{a, flush(1, 0), fence(1), b, fence(1)}, "2:fence/1 4:fence/1 5:end/1"},
		"nothing changed":            {[]Event{a, fence(1), fence(2), b}, "1:fence/1 4:end/2"},
		"a sync":                     {[]Event{a, {Kind: Sync, Len: 9}}, "1:sync/1 2:end/0"},
		"marks":                      {[]Event{mark(0, 1), a, mark(0, 2), fence(1)}, "1:mark/0 3:mark/1 4:end/1"},
		"a mark at the end":          {[]Event{a, mark(0, 1)}, "2:mark/1"},
		"a pause":                    {[]Event{pause, a, fence(1), mark(0, 1), resume, fence(1)}, "5:fence/1 6:end/1"},
		"pauses nest":                {[]Event{pause, pause, a, resume, mark(0, 1), resume, mark(0, 2)}, "7:mark/1"},
		"a pause that does not end":  {[]Event{a, mark(0, 1), pause, b}, "2:mark/1"},
		"a resume without any pause": {[]Event{resume, pause, a, mark(0, 1)}, ""},
	} {
		tr := lines(2, c.events...)
		var got []byte
		for _, p := range tr.Points() {
			reason := map[Kind]string{Fence: "fence", Sync: "sync", Mark: "mark", 0: "end"}[p.Reason]
			got = fmt.Appendf(got, "%d:%s/%d ", p.At, reason, p.InFlight)
		}
		assert.Equal(t, c.want, string(bytes.TrimSpace(got)), name)
	}
}

func TestAcked(t *testing.T) {
	tr := lines(1, mark(3, 7), mark(0, 5), mark(3, 6), store(1, 0, "a"))
	points := tr.Points()
	require.Len(t, points, 4)
	assert.False(t, Acked{}.Any())
	assert.Zero(t, Acked{}.Last())
	assert.Zero(t, Acked{}.Of(3))
	assert.Zero(t, Acked{}.Fingerprint())
	first, last := points[0].Acked, points[2].Acked
	assert.Equal(t, int64(7), first.Last())
	assert.Equal(t, int64(7), first.Of(3))
	assert.Zero(t, first.Of(0))
	assert.True(t, last.Any())
	assert.Equal(t, int64(6), last.Last())
	assert.Equal(t, int64(6), last.Of(3))
	assert.Equal(t, int64(5), last.Of(0))
	assert.Equal(t, []int32{0, 3}, last.Workers())
	assert.True(t, last.Equal(points[3].Acked))
	assert.False(t, last.Equal(first))
	assert.Equal(t, last.Fingerprint(), points[3].Acked.Fingerprint())

	// Ensure that who was last makes a difference: a check can see it.
	ab := Acked{}.with(1, 1).with(2, 2)
	ba := Acked{}.with(2, 2).with(1, 1)
	assert.False(t, ab.Equal(ba))
	assert.NotEqual(t, ab.Fingerprint(), ba.Fingerprint())
}
