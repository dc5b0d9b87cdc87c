package explore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

func TestShrink(t *testing.T) {
	wide := func(n int) string {
		var b strings.Builder
		for l := range n {
			fmt.Fprintf(&b, "%cab ", '0'+l)
		}
		return b.String()
	}
	line := func(image []byte, n int) string { return strings.Split(text(image), "|")[n] }
	for name, c := range map[string]struct {
		lines   int
		script  string
		fails   func(image []byte, acked trace.Acked) string
		minimal string   // of the first failure
		lost    []uint64 // lines
		message string
	}{
		"one line of many": {
			20, wide(20) + "F",
			func(b []byte, _ trace.Acked) string {
				if line(b, 7) != "ab" {
					return "line 7 is lost"
				}
				return ""
			},
			"", []uint64{7}, "line 7 is lost",
		},
		"two lines at once": {
			20, wide(20) + "F",
			func(b []byte, _ trace.Acked) string {
				if line(b, 7) != "ab" && line(b, 13) != "ab" {
					return "both are lost"
				}
				return ""
			},
			"", []uint64{7, 13}, "both are lost",
		},
		"a link without its node": {
			2, "0a 1b f0 f1 F m1",
			func(b []byte, _ trace.Acked) string {
				if line(b, 1) == "b" && line(b, 0) != "a" {
					return "broken link"
				}
				return ""
			},
			"4:40=1", []uint64{0}, "broken link",
		},
		"nothing lost": {
			2, "0a f0 F 1x f1 F 1y f1 F",
			func(b []byte, _ trace.Acked) string {
				if line(b, 1) == "y" {
					return "y"
				}
				return ""
			},
			"8:40=1", nil, "y",
		},
		"the earliest point": {
			3, "0a m1 1a m2 2a m3 1b m4",
			func(b []byte, acked trace.Acked) string {
				if acked.Any() && line(b, 0) != "a" {
					return fmt.Sprintf("%d are acknowledged", acked.Last())
				}
				return ""
			},
			"2", []uint64{0}, "1 are acknowledged",
		},
		"torn": {
			3, "0x 1ab 2x f0 f1 f2 F",
			func(b []byte, _ trace.Acked) string {
				if l := line(b, 1); l == "a" || l == ".b" {
					return "torn"
				}
				return ""
			},
			"", []uint64{1}, "torn",
		},
		"torn, but lost is as bad": {
			1, "0ab",
			func(b []byte, _ trace.Acked) string {
				if line(b, 0) != "ab" {
					return "half"
				}
				return ""
			},
			"1", []uint64{0}, "half",
		},
		"an older version": {
			3, "0a 1x 0b 2x 0c",
			func(b []byte, _ trace.Acked) string {
				if line(b, 0) == "b" {
					return "b"
				}
				return ""
			},
			"5:0=2,40=1,80=1", []uint64{0}, "b",
		},
	} {
		tr := script(c.lines, c.script)
		v := newViewer(tr)
		r, err := Run(tr, Config{}, func(w int, choice trace.Choice) (Verdict, error) {
			image, acked, err := v.see(w, choice)
			message := c.fails(image, acked)
			return Verdict{message != "", "user", message}, err
		})
		require.NoError(t, err, name)
		require.Len(t, r.Failures, 1, name)
		f := r.Failures[0]
		if c.minimal != "" {
			assert.Equal(t, c.minimal, f.Minimal.String(), name)
		}
		assert.Equal(t, Verdict{true, "user", c.message}, f.Verdict, name)
		assert.Equal(t, r.Failing, f.Seen, name)

		s := trace.NewState(tr)
		s.Seek(f.Minimal.Point)
		losses, err := s.Lost(f.Minimal)
		require.NoError(t, err, name)
		var lost []uint64
		for _, l := range losses {
			lost = append(lost, l.Unit.Off/trace.Line)
		}
		assert.Equal(t, c.lost, lost, name)
		if name == "torn" {
			assert.True(t, losses[0].Torn())
		}

		// Ensure that what is reported does fail.
		require.NoError(t, s.Apply(f.Minimal))
		assert.Equal(t, c.message, c.fails(s.Durable(), s.Acked()), name)
		s.Seek(f.Found.Point)
		require.NoError(t, s.Apply(f.Found))
		assert.NotEmpty(t, c.fails(s.Durable(), s.Acked()), name)
	}
}

func TestShrinkPages(t *testing.T) {
	tr := &trace.Trace{Base: make([]byte, 3*trace.Page), Pages: true}
	for i := range uint64(3 * trace.Page / trace.Sector) {
		tr.Events = append(tr.Events, trace.Event{Kind: trace.Store, Off: i * trace.Sector, Data: &[trace.Line]byte{1}})
	}
	tr.Events = append(tr.Events, trace.Event{Kind: trace.Sync, Len: 3 * trace.Page})
	v := newViewer(tr)
	r, err := Run(tr, Config{}, func(w int, c trace.Choice) (Verdict, error) {
		b, _, err := v.see(w, c)
		return Verdict{b[trace.Page] != b[trace.Page+3*trace.Sector], "user", "a record over sectors"}, err
	})
	require.NoError(t, err)
	require.Len(t, r.Failures, 1)
	lines := r.Failures[0].Minimal.Lines
	require.Len(t, lines, 3)
	assert.Equal(t, trace.LineChoice{Off: 0, Version: 1, Words: trace.Whole}, lines[0])
	assert.Equal(t, uint64(trace.Page), lines[1].Off)
	assert.Contains(t, []uint8{1, 8}, lines[1].Words&9)
	assert.Equal(t, trace.LineChoice{Off: 2 * trace.Page, Version: 1, Words: trace.Whole}, lines[2])
}

// Ensure that making a hanging check small does not take for ever.
func TestShrinkTimeouts(t *testing.T) {
	var hung int
	r, err := Run(script(9, "0a 1a 2a 3a 4a 5a 6a 7a 8a"), Config{}, func(_ int, c trace.Choice) (Verdict, error) {
		if len(c.Lines) > 6 {
			return Verdict{}, nil
		}
		hung++
		return Verdict{true, "timeout", "no answer"}, nil
	})
	require.NoError(t, err)
	require.Len(t, r.Failures, 1)
	assert.LessOrEqual(t, hung, enough/timeoutWeight+2*mostTries/timeoutTries)
}

func TestGroups(t *testing.T) {
	tr := script(9, "0a 1a 2a 3a 4a 5a 6a 7a 8a")
	fails := func(n int) ([]Failure, *Result) {
		r, err := Run(tr, Config{MaxFailures: n}, func(_ int, c trace.Choice) (Verdict, error) {
			reached := map[uint64]bool{}
			for _, l := range c.Lines {
				reached[l.Off/trace.Line] = true
			}
			switch {
			case !reached[0]:
				return Verdict{true, "crash", fmt.Sprintf("SIGSEGV at 0x%x\nstack %v", 4096+len(c.Lines), c)}, nil
			case !reached[1] && !reached[8]:
				return Verdict{true, "user", fmt.Sprintf("key %q is missing, %d are left", c, len(c.Lines))}, nil
			case !reached[2]:
				return Verdict{true, "user", "broken list"}, nil
			case !reached[3]:
				return Verdict{true, "check", "broken list"}, nil
			}
			return Verdict{}, nil
		})
		require.NoError(t, err)
		return r.Failures, r
	}
	all, r := fails(10)
	require.Len(t, all, 4)
	lost := map[string]int{}
	seen := 0
	for _, f := range all {
		lost[f.Verdict.Phase+" "+f.Verdict.Message[:3]] = 9 - len(f.Minimal.Lines)
		seen += f.Seen
	}
	assert.Equal(t, map[string]int{"crash SIG": 1, "user key": 2, "user bro": 1, "check bro": 1}, lost)
	assert.Equal(t, r.Failing, seen)
	two, _ := fails(2)
	assert.Equal(t, all[:2], two)
}

func TestGroupName(t *testing.T) {
	for _, c := range []struct {
		a, b Verdict
		same bool
	}{
		{Verdict{true, "user", "sum is 90"}, Verdict{true, "user", "sum is 100"}, true},
		{Verdict{true, "user", `key "a\"b 1"`}, Verdict{true, "user", `key ""`}, true},
		{Verdict{true, "user", "at 0xc0ffee"}, Verdict{true, "user", "at 0x12"}, true},
		{Verdict{true, "crash", "SIGBUS\na"}, Verdict{true, "crash", "SIGBUS\nb"}, true},
		{Verdict{true, "user", "a\nb"}, Verdict{true, "user", "a\nc"}, false},
		{Verdict{true, "user", "sum"}, Verdict{true, "check", "sum"}, false},
	} {
		assert.Equal(t, c.same, groupName(c.a) == groupName(c.b), "%v %v", c.a, c.b)
	}
}

// Ensure that a check that always fails does not use up the whole budget, and
// one that hangs a good deal less.
func TestEnough(t *testing.T) {
	for phase, want := range map[string]int{"user": enough, "timeout": enough / timeoutWeight} {
		r, err := Run(big(60), Config{Workers: 3}, func(int, trace.Choice) (Verdict, error) {
			return Verdict{true, phase, "always"}, nil
		})
		require.NoError(t, err)
		assert.Equal(t, want, r.Images)
		assert.Equal(t, want, r.Failing)
		require.Len(t, r.Failures, 1)
		s := trace.NewState(big(60))
		s.Seek(r.Failures[0].Minimal.Point)
		lost, err := s.Lost(r.Failures[0].Minimal)
		require.NoError(t, err)
		assert.Empty(t, lost)
	}
}

// BenchmarkPlan is planning and patching without any check: ns/op is for one
// image.
func BenchmarkPlan(b *testing.B) {
	tr := big(2000)
	v := trace.NewState(tr)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		r, err := Run(tr, Config{Images: max(1, b.N-done)}, func(_ int, c trace.Choice) (Verdict, error) {
			v.Seek(c.Point)
			return Verdict{}, v.Apply(c)
		})
		if err != nil {
			b.Fatal(err)
		}
		done += r.Images
	}
}
