package crashtest

import (
	"fmt"
	"strings"
	"time"
)

// Report is what came out of a run.
type Report struct {
	Points int // crash points of the recording
	Images int // that were checked, those aside that made failures small
	Same   int // that were not checked, because an equal one was
	Events int // of the recording: stores, flushes, fences and so on

	Failing   int // of Images
	Shrinking int // images that were checked to make failures small
	Failures  []Failure
	Warnings  []Warning

	Recording time.Duration // how long the workload took, the recording included
	Checking  time.Duration // how long the checks took
	Seed      uint64
}

// Failure is a group of images that fail in the same way, and one of them.
type Failure struct {
	// Phase is what failed: "open" is PMDK or the guard before it, "check"
	// PMDK's own check, "user" the run's, "panic" the same by a panic, "close"
	// the Close after it; "crash" is the death of the process that checked,
	// "timeout" that it had to be killed.
	Phase   string
	Message string

	Point int   // the number of events before the crash
	Acked Acked // what had been acknowledged
	Seen  int   // how many images failed in this way

	// Choice is what reached the medium, as text.
	Choice string
	// Text is the report, of several lines: which stores were lost, and where
	// they were made.
	Text string
	// Kept is the file that describes the image, if it was kept.
	Kept string

	name string // of the image, if it is kept
}

// String is the text.
func (f Failure) String() string { return f.Text }

// Warning is a line of the workload that looks wrong, though no image that was
// checked shows it.
type Warning struct {
	Kind    string // such as "never flushed"
	Message string
	Place   string // file and line, and what was called there
	Count   int    // how often it happened
}

// String is the warning in one line.
func (w Warning) String() string {
	s := fmt.Sprintf("%s: %s", w.Place, w.Message)
	if w.Count > 1 {
		s += fmt.Sprintf(" (%d times)", w.Count)
	}
	return s
}

// Rate is how many images were checked in a second.
func (r *Report) Rate() float64 {
	if r.Checking <= 0 {
		return 0
	}
	return float64(r.Images+r.Shrinking) / r.Checking.Seconds()
}

// String sums the report up in one line.
func (r *Report) String() string {
	return fmt.Sprintf("%d images at %d crash points (%d equal ones skipped), %s; %.0f images/s, recording %s",
		r.Images, r.Points, r.Same, r.failures(), r.Rate(), round(r.Recording))
}

func (r *Report) failures() string {
	switch n := len(r.Failures); {
	case r.Failing == 0 && n == 0:
		return "0 failures"
	case r.Failing == n:
		return plural(n, "failure")
	default:
		return fmt.Sprintf("%s of %s", plural(r.Failing, "failure"), plural(n, "kind"))
	}
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Nanosecond; unit /= 10 {
		if d >= 100*unit {
			return d.Round(unit)
		}
	}
	return d
}

// indent puts four spaces before each line.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}
