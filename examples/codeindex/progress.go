package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how much of a known number of steps is done.
type progress interface {
	step()
	end() // also where the work was cut short
}

// newProgress draws a bar if w is a terminal, and prints a few lines if it is a
// log that somebody reads later.
func newProgress(w io.Writer, label string, total int) progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return bar{progressbar.NewOptions(total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(label),
			progressbar.OptionSetWidth(40),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(50*time.Millisecond),
		), w}
	}
	return &milestones{w: w, label: label, total: total}
}

type bar struct {
	*progressbar.ProgressBar
	w io.Writer
}

func (b bar) step() { _ = b.Add(1) } // a bar that cannot be drawn is no reason to stop

func (b bar) end() { fmt.Fprintln(b.w) }

// milestones prints a line at each quarter.
type milestones struct {
	w           io.Writer
	label       string
	done, total int
}

func (m *milestones) step() {
	m.done++
	if 4*m.done/m.total > 4*(m.done-1)/m.total {
		fmt.Fprintf(m.w, "%s: %d %% (%s of %s)\n", m.label, 100*m.done/m.total, count(m.done), count(m.total))
	}
}

func (m *milestones) end() {}
