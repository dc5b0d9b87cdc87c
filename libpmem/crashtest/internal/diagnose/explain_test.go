package diagnose_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/diagnose"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/explore"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmemobj"
)

var update = flag.Bool("update", false, "write the texts under testdata")

// keep is the choice in which these lines reached the medium as they are, in
// their first version in flight.
func keep(point int, offs ...uint64) trace.Choice {
	c := trace.Choice{Point: point}
	for _, off := range offs {
		c.Lines = append(c.Lines, trace.LineChoice{Off: off, Version: 1, Words: trace.Whole})
	}
	return c
}

// user is a failed check of the user's.
func user(c trace.Choice) explore.Failure {
	return explore.Failure{Minimal: c, Seen: 12, Verdict: explore.Verdict{Failed: true, Phase: "user", Message: "sum is 90, not 100"}}
}

var (
	mappingFlush = (*libpmem.Mapping).Flush
	mappingDrain = (*libpmem.Mapping).Drain
	txUpdate     = (*libpmemobj.Pool).Update
)

// explained are failures, each explained in testdata/NAME.txt, where :L1 stands
// for the first of the lines that are named.
var explained = []struct {
	name  string
	build func(b *builder) explore.Failure
}{
	{"missing-drain", func(b *builder) explore.Failure {
		b.mark(0, 1)
		b.store(0x1050, 64, 0x7265706f72702061)
		b.in(mappingFlush).flush(0x1050, 16).in()
		b.store(0x1000, 1)
		b.persist(0x1000, 8)
		return user(keep(5, 0x1000))
	}},
	{"missing-drain-before-ack", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		b.in(mappingFlush).flush(0x1000, 8).in()
		b.mark(0, 1)
		b.in(mappingDrain).fence().in()
		return user(keep(3))
	}},
	{"missing-flush", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		b.persist(0x1080, 8)
		b.mark(0, 7)
		b.store(0x1080, 1)
		return user(keep(4))
	}},
	{"publish-before-flush", func(b *builder) explore.Failure {
		b.store(0x1100, 5, 6, 7)
		b.store(0x1000, 0x1100)
		b.persist(0x1000, 8)
		b.persist(0x1100, 24)
		return user(keep(4))
	}},
	{"publish-before-flush-in-flight", func(b *builder) explore.Failure {
		b.store(0x1100, 5)
		b.persist(0x1200, 8)
		b.store(0x1000, 0x1100)
		b.persist(0x1000, 8)
		b.persist(0x1100, 24)
		return user(keep(5, 0x1000))
	}},
	{"ack-before-flush", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		b.mark(0, 1)
		b.mark(3, 9)
		b.persist(0x1000, 8)
		return user(keep(3))
	}},
	{"torn", func(b *builder) explore.Failure {
		b.store(0x1000, 1, 2, 3, 4)
		b.persist(0x1000, 32)
		return user(trace.Choice{Point: 2, Lines: []trace.LineChoice{{Off: 0x1000, Version: 1, Words: 3}}})
	}},
	{"torn-between-stores", func(b *builder) explore.Failure {
		for i := range uint64(2) {
			b.store(0x1000+8*i, i+1)
		}
		b.persist(0x1000, 16)
		return user(keep(3, 0x1000))
	}},
	{"a-line-in-part", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		b.store(0x1008, 2)
		b.persist(0x1000, 16)
		return user(keep(3, 0x1000))
	}},
	{"an-older-value", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		b.store(0x1000, 2)
		b.persist(0x1000, 16)
		return user(keep(3, 0x1000))
	}},
	{"missing-snapshot", func(b *builder) explore.Failure {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 90)
		b.store(0x2000, 10)
		b.commit([2]uint64{0x1000, 8})
		return user(keep(5, 0x1000, 0x2000))
	}},
	{"missing-snapshot-not-flushed", func(b *builder) explore.Failure {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 90)
		b.store(0x2000, 10)
		b.commit([2]uint64{0x1000, 8})
		b.mark(0, 1)
		return user(keep(8))
	}},
	{"late-snapshot", func(b *builder) explore.Failure {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 90)
		b.snapshot(0x1000, 8)
		b.store(0x1000, 80)
		b.snapshot(0x2000, 8)
		b.store(0x2000, 10)
		b.commit([2]uint64{0x1000, 8}, [2]uint64{0x2000, 8})
		return user(keep(6, 0x1000))
	}},
	{"rolled-back", func(b *builder) explore.Failure {
		b.in(txUpdate).begin().in()
		b.store(0x1000, 90)
		b.in(txUpdate).end(0).in()
		b.mark(0, 1)
		return user(keep(4, 0x1000))
	}},
	{"nothing-in-flight", func(b *builder) explore.Failure {
		b.store(0x1000, 90)
		b.persist(0x1000, 8)
		b.store(0x2000, 10)
		b.persist(0x2000, 8)
		f := user(keep(3))
		f.Seen, f.Verdict = 1, explore.Verdict{Failed: true, Phase: "crash", Message: "SIGSEGV\n1\n2\n3\n4\n5\n6\n7"}
		return f
	}},
	{"ack-before-store", func(b *builder) explore.Failure {
		b.mark(0, 90)
		b.store(0x1000, 90)
		b.persist(0x1000, 8)
		return user(keep(1))
	}},
	{"ack-inside-a-transaction", func(b *builder) explore.Failure {
		b.in(txUpdate).begin().in()
		b.snapshot(0x1000, 8)
		b.store(0x1000, 90)
		b.mark(0, 1)
		b.commit([2]uint64{0x1000, 8})
		return user(keep(4, 0x1000))
	}},
	{"two-lines-at-once", func(b *builder) explore.Failure {
		b.store(0x1000, 90)
		b.store(0x1040, 10)
		b.persist(0x1000, 0x80)
		return user(keep(3, 0x1000))
	}},
	{"container", func(b *builder) explore.Failure {
		b.in(mappingFlush, assert.Equal)
		b.store(0x1000, 1)
		b.in(assert.Equal).store(0x1040, 2).in()
		b.in(mappingDrain).fence().in()
		return user(keep(2))
	}},
	{"the-library's", func(b *builder) explore.Failure {
		b.in(txUpdate).c().store(0x1000, 1).flush(0x1000, 8).in()
		b.in(txUpdate).c().store(0x1040, 1).in()
		b.in(txUpdate).fence().in()
		return user(keep(3, 0x1040))
	}},
	{"other-thread", func(b *builder) explore.Failure {
		b.on(1).store(0x1000, 1)
		b.on(2).store(0x2000, 1)
		b.on(2).in(mappingFlush).flush(0x1000, 8).in()
		b.on(1).in(mappingDrain).fence().in()
		b.on(1).mark(1, 4)
		b.on(2).mark(2, 5)
		b.on(1).store(0x3000, 2)
		return user(keep(5, 0x2000))
	}},
	{"pages", func(b *builder) explore.Failure {
		b.trace.Pages = true
		b.store(0x1000, 1)
		b.store(0x1200, 2)
		b.store(0x3000, 3)
		b.in((*libpmem.Mapping).Persist).sync(0x3000, 8).in()
		b.in((*libpmem.Mapping).Persist).sync(0x1000, 8).in()
		return user(trace.Choice{Point: 3, Lines: []trace.LineChoice{
			{Off: 0x1000, Version: 1, Words: 2}, {Off: 0x3000, Version: 1, Words: trace.Whole},
		}})
	}},
	{"many", func(b *builder) explore.Failure {
		for i := range uint64(12) {
			for j := range uint64(4) {
				b.store(0x1000+i*trace.Line+j*16, i<<40+j+1, i+100)
			}
		}
		for i := range uint64(12) {
			b.in(mappingFlush).flush(0x1000+i*trace.Line, 64).in()
		}
		b.in(mappingDrain).fence().in()
		f := user(trace.Choice{Point: 60})
		for i := range uint64(6) {
			f.Minimal.Lines = append(f.Minimal.Lines, trace.LineChoice{Off: 0x1000 + i*trace.Line, Version: 2, Words: 0x04})
		}
		f.Verdict.Message = "a\nb\nc\nd\ne\nf\n"
		f.Minimal.Lines = append(f.Minimal.Lines, keep(0, 0x1180, 0x11c0).Lines...)
		f.Minimal.Lines = append(f.Minimal.Lines, trace.LineChoice{Off: 0x1200, Version: 4, Words: trace.Whole},
			trace.LineChoice{Off: 0x1240, Version: 4, Words: trace.Whole}, trace.LineChoice{Off: 0x1280, Version: 4, Words: trace.Whole})
		return f
	}},
	{"wrong-point", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		return user(keep(5))
	}},
	{"wrong-choice", func(b *builder) explore.Failure {
		b.store(0x1000, 1)
		return user(keep(1, 0x2000))
	}},
}

// Ensure that each failure reads as it should, and is short.
func TestExplain(t *testing.T) {
	for _, test := range explained {
		t.Run(test.name, func(t *testing.T) {
			b := newBuilder()
			f := test.build(b)
			got := masked(diagnose.Explain(&b.trace, f, diagnose.Options{}))
			assert.Less(t, strings.Count(got, "\n"), 39)
			file := filepath.Join("testdata", test.name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got+"\n"), 0o666))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), got+"\n")
		})
	}
}

// Ensure that whatever happens in a trace, and whatever is lost, gives a short
// report, and each time the same.
func TestExplainAnything(t *testing.T) {
	functions := []any{nil, mappingFlush, mappingDrain, txUpdate, (*libpmem.Mapping).CopyAt, (*libpmemobj.Tx).Snapshot}
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 5))
		b := newBuilder()
		b.trace.Pages = seed%4 == 3
		for range 20 + rnd.IntN(80) {
			b.on(1 + rnd.Int32N(3)).in()
			if f := functions[rnd.IntN(len(functions))]; f != nil {
				b.in(f)
			}
			off, n := rnd.Uint64N(40)*8, 1+rnd.Uint64N(200)
			switch rnd.IntN(12) {
			case 0:
				b.flush(off, n)
			case 1:
				b.fence()
			case 2:
				b.sync(off, n)
			case 3:
				b.mark(rnd.Int32N(2), rnd.Int64N(5))
			case 4:
				b.begin()
			case 5:
				b.end(rnd.Int64N(2))
			case 6:
				b.snapshotHere(off, n)
			case 7:
				b.alloc(off, n)
			case 8:
				b.c().store(off, rnd.Uint64())
			default:
				b.store(off, rnd.Uint64N(3)<<(8*rnd.Uint64N(8)))
			}
		}
		once := warnings(b, diagnose.Options{})
		assert.Equal(t, once, warnings(b, diagnose.Options{}))
		for _, p := range b.trace.Points() {
			s := trace.NewState(&b.trace)
			s.Advance(p.At)
			c := trace.Choice{Point: p.At}
			for _, u := range s.InFlight() {
				if v := rnd.IntN(len(u.Versions) + 1); v > 0 {
					words := trace.Whole
					if tear := u.Versions[v-1].Parts & uint8(rnd.Uint32()); tear != 0 && rnd.IntN(2) == 0 {
						words = tear
					}
					c.Lines = append(c.Lines, trace.LineChoice{Off: u.Off, Version: v, Words: words})
				}
			}
			got := diagnose.Explain(&b.trace, user(c), diagnose.Options{})
			require.Less(t, strings.Count(got, "\n"), 39, got)
			require.Equal(t, got, diagnose.Explain(&b.trace, user(c), diagnose.Options{}))
			lost, err := s.Lost(c)
			require.NoError(t, err)
			require.Equal(t, len(lost) > 0, strings.Contains(got, "\nlost:\n"), got)
			require.Equal(t, len(lost) < p.InFlight, strings.Contains(got, "\nreached the medium"), got)
		}
	}
}
