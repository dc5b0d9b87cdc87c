// Journal times the journal of libpmemobj against other ways to make a small
// value durable on an ordinary disk, all in one process and in turns, each turn
// with a fresh store in the same folder.
//
//	make bench-journal
//	go run ./journal [-dir DIR] [-rounds N] [-turn D] [-goroutines LIST] [-engines LIST]
//	go run ./journal -long [-size BYTES] [-for D]
//
// Goroutines put values of 64 bytes under random keys of 8 bytes, the same ones
// for every engine, and each waits until its value is durable before it puts
// the next one. The engines:
//
//	msync              a hashmap.Map, each flush an msync
//	journal            a hashmap.Map with the journal
//	msync-update       Pool.Update of one object, each flush an msync
//	journal-update     Pool.Update of one object with the journal
//	bbolt-update       bbolt's Update
//	bbolt-batch        bbolt's Batch
//	bbolt-batch-tuned  the same with MaxBatchSize set to the number of goroutines
//	pebble             pebble's Set with Sync
//	process-crash      a hashmap.Map that does not wait for the disk; by -engines only
//
// All have their default options, but for bbolt's list of free pages, which is
// a map. In a turn, 64 goroutines or more first warm the store up, so that it has
// grown and uses its logs again, and the file system writes what that has left;
// then comes what is measured. Turns come in random order, once each in a round.
// Tables on standard error show the medians over the rounds. Standard output
// has lines
//
//	ratio journal/put-64-vs-pebble VALUE
//	ratio journal/p99-64-vs-pebble VALUE
//
// where VALUE is our time for a put, or our p99, over theirs with 64
// goroutines. "bbolt" is the faster one of bbolt-update and bbolt-batch.
//
// With -long, one run of minutes overwrites the values of a store that was
// filled before, all over it, and the table shows each second. The engines run
// one after the other. Then standard output has
//
//	ratio journal/long-peak-vs-100ms VALUE
//
// where VALUE is the longest time that a put took over 100 ms.
//
// The folder should be on a disk that does nothing else. A folder in memory is
// refused.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const mib = 1 << 20

func main() {
	if err := run(os.Args[1:], &output{ratios: os.Stdout, tables: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "bench-journal:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	dir        string
	anyDisk    bool
	ours       string
	engines    []string
	goroutines []int
	rounds     int
	warmup     time.Duration
	turn       time.Duration
	seed       uint64
	size       int64
	long       bool
	longFor    time.Duration
}

const (
	turnEngines = "msync,journal,msync-update,journal-update,bbolt-update,bbolt-batch,bbolt-batch-tuned,pebble"
	longEngines = "journal,pebble"
)

func run(args []string, out *output) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	dir, err := makeDir(s, out)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	defer removeWhenKilled(dir)()
	if s.long {
		return long(s, dir, out)
	}
	return turns(s, dir, out)
}

func parse(args []string) (*settings, error) {
	s := &settings{}
	f := flag.NewFlagSet("bench-journal", flag.ExitOnError)
	f.StringVar(&s.dir, "dir", "", "make the stores below this `folder` (default: the temporary one, or the current one if that is in memory)")
	f.BoolVar(&s.anyDisk, "any-disk", false, "accept a folder in memory")
	f.StringVar(&s.ours, "ours", "journal", "the `engine` that the ratios are of")
	f.IntVar(&s.rounds, "rounds", 5, "how many turns each engine has")
	f.DurationVar(&s.warmup, "warmup", 500*time.Millisecond, "put for so long, by 64 goroutines at least, before measuring")
	f.DurationVar(&s.turn, "turn", 2*time.Second, "how long a turn is measured")
	f.Uint64Var(&s.seed, "seed", 1, "where the random keys start")
	f.BoolVar(&s.long, "long", false, "one long run instead of turns")
	f.DurationVar(&s.longFor, "for", 3*time.Minute, "with -long, how long it is measured")
	engines := f.String("engines", "", "the engines, separated by commas (default: all that are durable; with -long "+longEngines+")")
	goroutines := f.String("goroutines", "", "how many goroutines put, separated by commas (default 1,16,64,256; with -long 64)")
	size := f.Int64("size", 0, "the size of pools in `bytes` (default 1 GiB, with -long 3 GiB)")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("arguments that mean nothing: %q", f.Args())
	}
	if s.rounds < 1 || s.turn <= 0 || s.longFor <= 0 || s.warmup < 0 {
		return nil, fmt.Errorf("%d rounds of %v after %v, or %v: nothing to measure", s.rounds, s.turn, s.warmup, s.longFor)
	}
	pick := func(given, turns, long string) string {
		switch {
		case given != "":
			return given
		case s.long:
			return long
		}
		return turns
	}
	s.engines = strings.Split(pick(*engines, turnEngines, longEngines), ",")
	for _, n := range strings.Split(pick(*goroutines, "1,16,64,256", "64"), ",") {
		count, err := strconv.Atoi(n)
		if err != nil || count < 1 {
			return nil, fmt.Errorf("%q is no number of goroutines", n)
		}
		s.goroutines = append(s.goroutines, count)
	}
	s.size = 1024 * mib
	if s.long {
		s.size = 3 * 1024 * mib
	}
	if *size != 0 {
		s.size = *size
	}
	return s, nil
}
