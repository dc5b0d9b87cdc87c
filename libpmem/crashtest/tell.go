package crashtest

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// keepDir is the folder that a report proposes for images.
const keepDir = "/tmp/crashtest"

// longMessage is how many lines of a message a report shows.
const longMessage = 4

// tell logs a report, and fails the test if there is a reason.
func (r *Report) tell(s *subject, run int) {
	s.t.Helper()
	s.t.Logf("crashtest: %s", r)
	if r.Images == 0 {
		s.t.Errorf("crashtest: no image was checked: Config.Time is %v", s.config.Time)
	}
	for i := range r.Failures {
		f := &r.Failures[i]
		s.t.Errorf("crashtest: %s\n%s%s", f.Text, f.whole(), f.commands(s, r, run))
	}
	for _, w := range r.Warnings {
		if s.config.Warnings == Fail {
			s.t.Errorf("crashtest: warning: %s", w)
		} else {
			s.t.Logf("crashtest: warning: %s", w)
		}
	}
}

// whole is the message if it is longer than the report has room for.
func (f *Failure) whole() string {
	if strings.Count(f.Message, "\n") < longMessage {
		return ""
	}
	return "All that was said:\n" + indent(f.Message) + "\n"
}

// commands are those that a reader may want next, to be run in the folder of
// the test.
func (f *Failure) commands(s *subject, r *Report, run int) string {
	test := "go test -run " + quote(worker.Pattern(s.t.Name()))
	if f.Kept != "" {
		return fmt.Sprintf("The image is kept; to check it alone:\n    %s -crashtest.replay=%s", test, quote(f.Kept))
	}
	return fmt.Sprintf("To keep the image, and to check it alone:\n"+
		"    %s -crashtest.seed=%d -crashtest.images=%d -crashtest.keep=%s\n"+
		"    %s -crashtest.replay=%s", test, r.Seed, s.config.Images, keepDir, test,
		quote(filepath.Join(keepDir, f.name+infoEnding)))
}

// quote makes text one word of a shell.
func quote(text string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_./=:,+@", r)
	}
	if strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
