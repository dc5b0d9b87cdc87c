package libpmemlog_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/libpmemlog"
)

// Ensure that a log is what a slice of bytes would be, over random operations,
// rewinds and reopening.
func TestModel(t *testing.T) {
	rnd := newRand(t)
	l := createLog(t)
	var model []byte
	steps := 1500
	if testing.Short() {
		steps = 300
	}
	for range steps {
		switch k := rnd.IntN(20); {
		case k < 10:
			p := pattern(rnd.IntN(1<<rnd.IntN(18)+1), rnd.IntN(1000))
			var err error
			if rnd.IntN(2) == 0 {
				err = l.Append(p)
			} else {
				cut := rnd.IntN(len(p) + 1)
				err = l.Appendv([][]byte{p[:cut], p[cut:]})
			}
			if len(model)+len(p) > int(l.Cap()) {
				require.ErrorIs(t, err, ErrFull)
			} else {
				require.NoError(t, err)
				model = append(model, p...)
			}
		case k < 14:
			off := rnd.IntN(len(model) + 10)
			p := make([]byte, rnd.IntN(70_000))
			n, _ := l.ReadAt(p, int64(off))
			require.True(t, bytes.Equal(p[:n], model[min(off, len(model)):min(off+len(p), len(model))]))
		case k < 16:
			var got []byte
			for c := range l.Chunks(1 + rnd.IntN(100_000)) {
				got = append(got, c...)
			}
			require.True(t, bytes.Equal(model, got))
		case k < 17:
			var b bytes.Buffer
			_, err := l.WriteTo(&b)
			require.NoError(t, err)
			require.True(t, bytes.Equal(model, b.Bytes()))
		case k < 18 && rnd.IntN(4) == 0:
			require.NoError(t, l.Rewind())
			model = model[:0]
		case k < 19:
			l = reopen(t, l)
		}
		n, err := l.Len()
		require.NoError(t, err)
		require.EqualValues(t, len(model), n)
	}
	require.NoError(t, l.Close())
}

// Ensure that Records are what a slice of slices would be.
func TestRecordsModel(t *testing.T) {
	type record struct {
		pos  int64
		data []byte
	}
	rnd := newRand(t)
	l := createLog(t)
	r := openRecords(t, l)
	var model []record
	add := func(pos int64, data ...[]byte) {
		for _, d := range data {
			model = append(model, record{pos, d})
			pos += 8 + int64(len(d))
		}
	}
	some := func() []byte { return pattern(rnd.IntN(1<<rnd.IntN(17)), rnd.IntN(1000)) }
	steps := 1000
	if testing.Short() {
		steps = 200
	}
	for range steps {
		switch k := rnd.IntN(20); {
		case k < 8:
			data := some()
			pos, err := r.Append(data)
			if err != nil {
				require.ErrorIs(t, err, ErrFull)
				require.NoError(t, r.Rewind())
				model = model[:0]
				continue
			}
			add(pos, data)
		case k < 12:
			batch := make([][]byte, rnd.IntN(20))
			for i := range batch {
				batch[i] = some()
			}
			pos, err := r.AppendAll(batch)
			if err == nil {
				add(pos, batch...)
			} else {
				require.ErrorIs(t, err, ErrFull)
			}
		case k < 13:
			l = reopen(t, l)
			r = openRecords(t, l)
		default:
			from := rnd.IntN(len(model) + 1)
			pos, err := r.End()
			require.NoError(t, err)
			if from < len(model) {
				pos = model[from].pos
			}
			s := r.Scan(pos)
			for _, want := range model[from:] {
				require.True(t, s.Next(), "%v", s.Err())
				require.Equal(t, want.pos, s.Pos())
				require.True(t, slices.Equal(want.data, s.Data()))
			}
			require.False(t, s.Next())
			require.NoError(t, s.Err())
		}
	}
	require.NoError(t, l.Close())
}
