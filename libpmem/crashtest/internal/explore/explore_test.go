package explore

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// script makes a trace out of text: "0ab" stores words a and b to line 0, "f0"
// flushes line 0, "F" is a fence, "m7" is a mark, "(" a pause and ")" its end.
func script(lines int, text string) *trace.Trace {
	tr := &trace.Trace{Base: make([]byte, lines*trace.Line)}
	for _, s := range strings.Fields(text) {
		var e trace.Event
		switch s[0] {
		case 'f':
			e = trace.Event{Kind: trace.Flush, Off: uint64(s[1]-'0') * trace.Line, Len: 1}
		case 'F':
			e.Kind = trace.Fence
		case 'm':
			e = trace.Event{Kind: trace.Mark, N: int64(s[1] - '0')}
		case '(':
			e.Kind = trace.Pause
		case ')':
			e.Kind = trace.Resume
		default:
			e = trace.Event{Kind: trace.Store, Off: uint64(s[0]-'0') * trace.Line, Data: new([trace.Line]byte)}
			for i := range s[1:] {
				e.Data[8*i] = s[1+i]
			}
		}
		tr.Events = append(tr.Events, e)
	}
	return tr
}

// text is an image as words: lines are apart, a dot is 0.
func text(image []byte) string {
	var lines []string
	for l := range slices.Chunk(image, trace.Line) {
		var s []byte
		for w := range slices.Chunk(l, 8) {
			s = append(s, max(w[0], '.'))
		}
		lines = append(lines, string(bytes.TrimRight(s, ".")))
	}
	return strings.Join(lines, "|")
}

func TestImages(t *testing.T) {
	for name, c := range map[string]struct {
		lines  int
		script string
		config Config
		want   []string
	}{
		"two lines":       {2, "0a 1b f0 f1 F", Config{}, []string{"0|", "0a|b", "0a|", "0|b"}},
		"an order":        {2, "0a f0 F 1b f1 F", Config{}, []string{"0|", "0a|", "0a|b"}},
		"a torn line":     {1, "0ab", Config{}, []string{"0", "0a", "0.b", "0ab"}},
		"whole lines":     {1, "0ab", Config{WholeLines: true}, []string{"0", "0ab"}},
		"versions":        {1, "0a F 0b", Config{}, []string{"0", "0a", "0b"}},
		"marks":           {1, "0a f0 F m1 0b f0 F m2", Config{}, []string{"0", "0a", "1a", "1b", "2b"}},
		"a pause":         {2, "( 0a f0 F m1 ) 1b", Config{}, []string{"1a|", "1a|b"}},
		"simple ones":     {4, "0a 1a 2a 3a", Config{PerPoint: -1, AllSubsets: -1}, []string{"0|||", "0a|a|a|a", "0a|a||", "0||a|a"}},
		"age":             {4, "3a 2a 1a 0a", Config{PerPoint: -1, AllSubsets: -1}, []string{"0|||", "0a|a|a|a", "0a|a||", "0||a|a"}},
		"a budget of one": {2, "0a 1b f0 f1 F m1", Config{Images: 1}, []string{"1a|b"}},
	} {
		tr := script(c.lines, c.script)
		v := newViewer(tr)
		var got []string
		_, err := Run(tr, c.config, func(w int, choice trace.Choice) (Verdict, error) {
			image, acked, err := v.see(w, choice)
			got = append(got, fmt.Sprint(acked.Last(), text(image)))
			return Verdict{}, err
		})
		require.NoError(t, err)
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], ".|", "|")
		}
		assert.ElementsMatch(t, c.want, got, name)
	}
}

// Ensure that many lines in flight get every kind of adversarial choice.
func TestAdversarial(t *testing.T) {
	var b strings.Builder
	for l := range 9 {
		fmt.Fprintf(&b, "%dab ", l)
	}
	tr := script(9, b.String()+"0abc 1xy")
	kinds := map[string]int{}
	r, err := Run(tr, Config{PerPoint: 200}, func(_ int, c trace.Choice) (Verdict, error) {
		torn, old := 0, 0
		for _, l := range c.Lines {
			if l.Words != trace.Whole {
				torn++
			}
			if l.Off < 2*trace.Line && l.Version == 1 {
				old++
			}
		}
		switch {
		case torn > 0:
			kinds["torn"]++
		case old > 0:
			kinds["old"]++
		case len(c.Lines) == 8:
			kinds["all but one"]++
		case len(c.Lines) == 1:
			kinds["only one"]++
		default:
			kinds["other"]++
		}
		return Verdict{}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, 204, r.Images)
	assert.Equal(t, 9, kinds["all but one"])
	assert.Equal(t, 9, kinds["only one"])
	assert.Greater(t, kinds["torn"], 20)
	assert.Greater(t, kinds["old"], 5)
	assert.Greater(t, kinds["other"], 10)
}

// big returns a trace of n rounds that each store to some of 32 lines, flush
// most of these, and are acknowledged; one in four rounds is not. The first
// store of a round is to line 40, the last one to 41: the same.
func big(n int) *trace.Trace {
	random := rand.New(rand.NewPCG(1, 2))
	tr := &trace.Trace{Base: make([]byte, 4096)}
	both := func(round int, l uint64) {
		e := trace.Event{Kind: trace.Store, Off: trace.Line * l, Data: &[trace.Line]byte{byte(round)}}
		tr.Events = append(tr.Events, e, trace.Event{Kind: trace.Flush, Off: e.Off, Len: 64})
	}
	for round := range n {
		both(round, 40)
		for range 1 + random.IntN(12) {
			e := trace.Event{Kind: trace.Store, Off: trace.Line * random.Uint64N(32), Data: new([trace.Line]byte)}
			for i := range e.Data {
				e.Data[i] = byte(random.Uint32() & random.Uint32() & random.Uint32())
			}
			tr.Events = append(tr.Events, e)
			if random.IntN(8) > 0 {
				tr.Events = append(tr.Events, trace.Event{Kind: trace.Flush, Off: e.Off, Len: 64})
			}
		}
		both(round, 41)
		tr.Events = append(tr.Events, trace.Event{Kind: trace.Fence})
		if round%4 > 0 {
			tr.Events = append(tr.Events, trace.Event{Kind: trace.Mark, N: int64(round)})
		}
	}
	return tr
}

// verdict fails for some images, in a way that depends on nothing else.
func verdict(image []byte) Verdict {
	switch {
	case image[0]&8 != 0:
		return Verdict{true, "user", fmt.Sprintf("byte is %d", image[0])}
	case image[64]&16 != 0:
		return Verdict{true, "check", fmt.Sprintf("byte %d of %q", image[64], image[:2])}
	}
	if a, b := image[40*trace.Line], image[41*trace.Line]; a != b {
		return Verdict{true, "user", fmt.Sprintf("%d and %d", a, b)}
	}
	return Verdict{}
}

// Ensure that neither the number of workers nor their speed changes anything.
func TestDeterminism(t *testing.T) {
	tr := big(60)
	run := func(seed uint64, workers int) (*Result, []string) {
		v := newViewer(tr)
		r, err := Run(tr, Config{Seed: seed, Images: 400, Workers: workers}, func(w int, c trace.Choice) (Verdict, error) {
			if workers > 1 {
				time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			}
			image, _, err := v.see(w, c)
			return verdict(image), err
		})
		require.NoError(t, err)
		r.Elapsed = 0
		slices.Sort(v.order)
		return r, v.order
	}
	one, images := run(1, 1)
	require.NotEmpty(t, one.Failures)
	require.NotZero(t, one.Shrinking)
	for range 5 {
		many, _ := run(1, 7)
		assert.Equal(t, one, many)
	}
	_, others := run(2, 1)
	assert.NotEqual(t, images, others)
}

func TestBudgets(t *testing.T) {
	tr := big(60)
	points := tr.Points()
	for _, budget := range []int{1, 10, len(points), 2 * len(points), 500, 100_000} {
		for _, workers := range []int{1, 4} {
			v := newViewer(tr)
			per := map[int]int{}
			r, err := Run(tr, Config{Images: budget, Workers: workers}, func(w int, c trace.Choice) (Verdict, error) {
				_, _, err := v.see(w, c)
				v.mu.Lock()
				defer v.mu.Unlock()
				per[c.Point]++
				return Verdict{}, err
			})
			require.NoError(t, err)
			assert.Equal(t, len(points), r.Points)
			assert.Zero(t, v.twice)
			assert.Equal(t, len(v.order), r.Images)
			assert.Positive(t, per[points[len(points)-1].At], "the last point, of %d images", budget)
			if budget < 5000 {
				assert.Equal(t, budget, r.Images)
			} else {
				assert.Less(t, r.Images, len(points)*36)
				assert.Positive(t, r.Same)
			}
			for _, n := range per {
				assert.LessOrEqual(t, n, max(2, 3*budget/len(points)), "%d images", budget)
				assert.LessOrEqual(t, n, 36)
			}
			if budget >= 2*len(points) {
				assert.Equal(t, len(points), r.PointsTried)
			}
			if budget == 10 {
				// Those at marks come first.
				for _, p := range points[:len(points)-1] {
					if per[p.At] > 0 {
						assert.Equal(t, trace.Mark, p.Reason)
					}
				}
			}
		}
	}
}

func TestTime(t *testing.T) {
	tr := big(60)
	for _, failed := range []bool{false, true} {
		n := atomic.Int32{}
		r, err := Run(tr, Config{Time: 200 * time.Millisecond, Images: 1 << 20, Workers: 2}, func(_ int, c trace.Choice) (Verdict, error) {
			n.Add(1)
			time.Sleep(5 * time.Millisecond)
			return Verdict{Failed: failed && len(c.Lines) < 2, Phase: "user"}, nil
		})
		require.NoError(t, err)
		assert.Less(t, r.Images, 200)
		assert.Equal(t, failed, len(r.Failures) == 1)
		assert.LessOrEqual(t, r.Images+r.Shrinking, int(n.Load()))
	}
}

func TestError(t *testing.T) {
	sick := errors.New("no worker")
	n := atomic.Int32{}
	_, err := Run(big(60), Config{Workers: 3}, func(int, trace.Choice) (Verdict, error) {
		if n.Add(1) > 20 {
			return Verdict{}, sick
		}
		return Verdict{}, nil
	})
	assert.ErrorIs(t, err, sick)
	assert.Less(t, n.Load(), int32(40))

	// Ensure that an error while a failure is made small is not lost.
	shrinking := false
	_, err = Run(script(3, "0a 1a 2a"), Config{PerPoint: -1, AllSubsets: -1}, func(_ int, c trace.Choice) (Verdict, error) {
		if len(c.Lines) == 2 {
			if shrinking {
				return Verdict{}, sick
			}
		}
		shrinking = shrinking || len(c.Lines) == 1
		return Verdict{Failed: len(c.Lines) == 0, Phase: "user"}, nil
	})
	assert.ErrorIs(t, err, sick)
}

func TestNoPoints(t *testing.T) {
	r, err := Run(script(1, "( 0a F"), Config{}, nil)
	require.NoError(t, err)
	assert.Zero(t, r.Points)
	assert.Zero(t, r.Images)
}
