// Benchratio times what a Go program does through this module against what a
// C program does for the same work, both in one process, on the same pool and
// the same objects, in turns.
//
//	go run ./internal/benchratio [-rounds N] [-slice D] [-run REGEXP]
//
// It prints one line for each case on standard output,
//
//	ratio NAME VALUE
//
// where VALUE is the median of the Go times over the median of the C times.
// Standard error has the times and the value to reach. The turns are many and
// shorter than the kernel lets a process run, so that on a busy machine most
// of them are not interrupted, and the medians leave out those that are.
//
// The pools lie on tmpfs and are flushed as if it were persistent memory.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 1200, "how many turns each side of a case has")
	slice := flag.Duration("slice", 500*time.Microsecond, "how long a turn takes")
	run := flag.String("run", "", "time the cases whose names match this `regexp`")
	flag.Parse()
	if err := compare(*rounds, *slice, *run); err != nil {
		fmt.Fprintln(os.Stderr, "benchratio:", err)
		os.Exit(1)
	}
}

func compare(rounds int, slice time.Duration, run string) error {
	wanted, err := regexp.Compile(run)
	if err != nil {
		return err
	}
	if rounds < 1 || slice <= 0 {
		return fmt.Errorf("%d rounds of %v: nothing to time", rounds, slice)
	}
	b, err := newBench()
	if err != nil {
		return err
	}
	defer b.close()

	debug.SetGCPercent(-1) // a collection would fall on one side of a case
	for _, c := range b.cases() {
		if !wanted.MatchString(c.name) {
			continue
		}
		goTime, cTime := c.time(rounds, slice)
		ratio := goTime / cTime
		fmt.Printf("ratio %s %.2f\n", c.name, ratio)
		target := "no target"
		if c.target > 0 {
			target = fmt.Sprintf("target <= %.2f", c.target)
		}
		if c.target > 0 && ratio > c.target {
			target += "  OVER"
		}
		fmt.Fprintf(os.Stderr, "    Go %.1f ns, C %.1f ns, %s\n", goTime, cTime, target)
	}
	return mapRatios(filepath.Dir(b.dir), wanted)
}
