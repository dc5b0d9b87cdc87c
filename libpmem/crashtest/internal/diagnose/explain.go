package diagnose

import (
	"fmt"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/explore"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// Explain returns why the smallest image of a failure came to be, without a
// newline at the end:
//
//	the check fails: record 1 has length 0
//	  acknowledged: 1
//	  crash: before event 31 of 48, a fence, inside log_test.go:55 (in (*Mapping).Persist), after log_test.go:54 and before log_test.go:60
//	  12 images fail like this; in the smallest, 1 of 2 lines in flight is lost
//	lost:
//	  line 0x1040, words 2-3, stored at log_test.go:51
//	    flushed at log_test.go:52 (in (*Mapping).Flush), but not fenced before the crash
//	    0x1050: 0x40 (64) was stored, the medium has 0x0
//	    0x1058: 0x7265706f72702061 was stored, the medium has 0x0
//	reached the medium, with no need to: 1 line
//	  line 0x1000, word 0, stored at log_test.go:54
//	    flushed at log_test.go:55 (in (*Mapping).Persist), but not fenced before the crash
//	    0x1000: 0x1 was stored over 0x0
//	hint: a drain is missing between log_test.go:52, which flushes, and log_test.go:54, which stores what reached the medium first.
//
// "Inside" is for a crash within one call. The store of a transaction reads
//
//	line 0x3c0580, word 2, stored at bank_test.go:41 in a transaction, without a snapshot
//	  never flushed, up to the end of the recording
//
// and of a line of which the medium has only a part
//
//	line 0x1000 is torn: words 0-1 reached the medium, words 2-3 did not
func Explain(t *trace.Trace, f explore.Failure, o Options) string {
	var b strings.Builder
	b.WriteString(failed(f.Verdict))
	r, err := newReport(t, f, o)
	if err != nil {
		fmt.Fprintf(&b, "\n  crash: at event %d; %v", f.Minimal.Point, err)
		return b.String()
	}
	r.head(&b, f)
	r.writeLost(&b)
	r.writeKept(&b)
	if hint := r.hint(); hint != "" {
		b.WriteString("\nhint: " + hint)
	}
	return b.String()
}

// failed is what failed, in words.
func failed(v explore.Verdict) string {
	what, ok := map[string]string{
		"open":    "the image cannot be opened",
		"check":   "PMDK's own check fails",
		"user":    "the check fails",
		"crash":   "the process that checked died",
		"timeout": "the check did not end in time",
	}[v.Phase]
	if !ok {
		what = v.Phase
	}
	lines := strings.Split(strings.TrimRight(v.Message, "\n"), "\n")
	if len(lines) > maxText {
		lines = append(lines[:maxText-1], "…")
	}
	return what + ": " + strings.Join(lines, "\n    ")
}
