package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// output is where results go.
type output struct{ ratios, tables io.Writer }

func (o *output) note(format string, args ...any) { fmt.Fprintf(o.tables, format+"\n", args...) }

// ratio prints one, and beside it what is to be reached, unless that is 0.
func (o *output) ratio(name string, value, target float64) {
	fmt.Fprintf(o.ratios, "ratio %s %.3f\n", name, value)
	if target == 0 {
		return
	}
	verdict := ""
	if value > target {
		verdict = "  OVER"
	}
	o.note("    %s: target <= %.2f%s", name, target, verdict)
}

// table prints rows with columns of equal width, numbers to the right.
func (o *output) table(head string, rows func(line func(format string, args ...any))) {
	w := tabwriter.NewWriter(o.tables, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\t\n", head)
	rows(func(format string, args ...any) { fmt.Fprintf(w, format+"\t\n", args...) })
	w.Flush()
}

// ms prints a duration in milliseconds.
func ms(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)) }
