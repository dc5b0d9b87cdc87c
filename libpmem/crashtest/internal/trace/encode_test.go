package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample(pages bool) *Trace {
	base := make([]byte, 5*Page+100)
	base[Page], base[5*Page+99] = 1, 2
	return &Trace{
		Base:   base,
		Pages:  pages,
		Stacks: [][]uintptr{nil, {1, 1 << 40}, {7}},
		Events: []Event{
			{Kind: TxBegin, Thread: 12345, Stack: 1},
			{Kind: Snapshot, Thread: 12345, Off: 65, Len: 8},
			{Kind: Store, Words: 3, Thread: 12345, Stack: 2, Off: 64, Data: line("ab")},
			{Kind: Store, Words: 1, Thread: 12345, Stack: 2, Off: 5*Page + 64, Data: line("c")},
			{Kind: Flush, Off: 64, Len: 64},
			{Kind: Fence},
			{Kind: Mark, Worker: -1, N: -1 << 62},
			{Kind: Sync, Off: 1<<64 - 1, Len: 1<<64 - 1},
			{Kind: TxEnd, N: 1},
		},
	}
}

func TestEncode(t *testing.T) {
	random := sample(false)
	for i := range random.Base {
		random.Base[i] = byte(rand.Uint32())
	}
	many := sample(false)
	for range 20_000 {
		many.Events = append(many.Events, many.Events[2])
	}
	for _, tr := range []*Trace{{Base: []byte{}}, {Base: make([]byte, 1)}, sample(false), sample(true), random, many} {
		var b bytes.Buffer
		require.NoError(t, tr.Encode(&b))
		got, err := Decode(&b)
		require.NoError(t, err)
		assert.Equal(t, tr, got)
	}

	// Ensure that a file of zeros takes no room.
	var b bytes.Buffer
	require.NoError(t, (&Trace{Base: make([]byte, 8<<20)}).Encode(&b))
	assert.Less(t, b.Len(), 100)
}

func TestEncodeErrors(t *testing.T) {
	assert.ErrorContains(t, (&Trace{Events: []Event{{Kind: Store}}}).Encode(&bytes.Buffer{}), "event 0 is a store without data")
	assert.ErrorIs(t, sample(false).Encode(broken{}), errBroken)

	var b bytes.Buffer
	require.NoError(t, sample(false).Encode(&b))
	for n := range b.Len() {
		_, err := DecodeBytes(b.Bytes()[:n])
		assert.Error(t, err, "%d bytes of %d", n, b.Len())
	}
	_, err := DecodeBytes(append(b.Bytes(), 0))
	assert.ErrorContains(t, err, "1 bytes after the last event")
	_, err = DecodeBytes([]byte("pmgotrc0"))
	assert.ErrorContains(t, err, "another version")

	for want, e := range map[string]Event{
		"event 0: kind 99":              {Kind: 99},
		"event 0: stack 3 of 3":         {Kind: Fence, Stack: 3},
		"event 0: a store at 0x1 of":    {Kind: Store, Off: 1, Data: line("")},
		"event 0: a store at 0x6000 of": {Kind: Store, Off: 6 * Page, Data: line("")},
	} {
		tr := sample(false)
		tr.Events = []Event{e}
		var b bytes.Buffer
		require.NoError(t, tr.Encode(&b))
		_, err := Decode(&b)
		assert.ErrorContains(t, err, want)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestEncodeChoice(t *testing.T) {
	for _, c := range []Choice{
		{},
		{Point: 12},
		{Point: 1 << 40, Lines: []LineChoice{{0, 1, Whole}, {64, 1000, 1}, {1 << 63, 2, 0x80}}},
	} {
		b, err := c.MarshalBinary()
		require.NoError(t, err)
		var got Choice
		require.NoError(t, got.UnmarshalBinary(b))
		assert.Equal(t, c, got)

		j, err := json.Marshal(c)
		require.NoError(t, err)
		got = Choice{}
		require.NoError(t, json.Unmarshal(j, &got))
		assert.Equal(t, c, got)

		assert.Error(t, got.UnmarshalBinary(append(b, 1)))
		assert.Error(t, got.UnmarshalBinary(b[:len(b)-1]))
		assert.Equal(t, c, got)
	}
	for text, want := range map[string]string{
		"":             "no point",
		"x":            "no point",
		"1:":           "no offset",
		"1:40":         "no version",
		"1:40=x":       "no version",
		"1:40=1/100":   "no mask of words",
		"1:40=1/":      "no mask of words",
		"1:40=0":       "nothing of the line at 0x40",
		"1:40=1,40=1":  "not above the one before",
		"-1":           "the point is negative",
		"1:40=1,":      "no offset",
		"1:40=1/00":    "nothing of the line at 0x40",
		"1:40=1=2":     "no version",
		"1:40=1/0f/0f": "no mask of words",
	} {
		_, err := ParseChoice(text)
		assert.ErrorContains(t, err, want, "%q", text)
	}
}

// Ensure that no data makes decoding, or a walk through what was decoded,
// panic.
func FuzzDecode(f *testing.F) {
	for _, pages := range []bool{false, true} {
		var b bytes.Buffer
		require.NoError(f, sample(pages).Encode(&b))
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := decode(data, 1<<20)
		if err != nil {
			return
		}
		s := NewState(tr)
		for _, p := range tr.Points() {
			s.Advance(p.At)
			require.NoError(t, s.Apply(s.All()))
			sum, err := s.Fingerprint(s.All())
			require.NoError(t, err)
			if len(tr.Base) < 4*Page {
				s.Revert()
				require.NoError(t, s.Apply(s.All()))
				require.Equal(t, fingerprint(0, tr.Base)^fingerprint(0, s.Durable()), sum)
			}
		}
		var b bytes.Buffer
		require.NoError(t, tr.Encode(&b))
		again, err := Decode(&b)
		require.NoError(t, err)
		require.Equal(t, tr, again)
	})
}

func FuzzParseChoice(f *testing.F) {
	f.Add("1207:1040=1,1080=2/0f")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseChoice(text)
		if err != nil {
			return
		}
		again, err := ParseChoice(c.String())
		require.NoError(t, err)
		require.Equal(t, c, again)
		b, err := c.MarshalBinary()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(b))
		require.Equal(t, c, again)
	})
}
