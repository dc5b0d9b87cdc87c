// Eventlog is a log of events in a libpmemlog pool: several writers append, a
// follower reads along, and whoever is killed in between loses nothing that was
// acknowledged. README.md says how to use it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/pmem/pmdk-go/libpmemlog"
)

const usage = `usage: eventlog [flags] demo|run|print

  demo   run writers in a process of its own, kill it again and again, and
         prove each time that no acknowledged event is missing
  run    append events until killed, and follow them
  print  print the events

`

// config is what the flags say.
type config struct {
	path       string
	writers    int
	kills      int
	durability string
}

func main() {
	var c config
	flag.StringVar(&c.path, "log", "events.log", "the `file` of the log")
	flag.IntVar(&c.writers, "writers", 4, "how many goroutines append")
	flag.IntVar(&c.kills, "kills", 10, "how often demo kills")
	flag.StringVar(&c.durability, "durability", "process-crash", "auto, dax, msync, or process-crash")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := c.do(flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "eventlog:", err)
		os.Exit(1)
	}
}

func (c config) do(command string, out io.Writer) error {
	switch command {
	case "demo":
		return c.demo(out)
	case "run":
		return c.run(out)
	case "print":
		return c.print(out)
	}
	flag.Usage()
	return errors.New("which command?")
}

// open opens the log, or makes it.
func (c config) open() (*libpmemlog.Records, error) {
	d, err := libpmemlog.ParseDurability(c.durability)
	if err != nil {
		return nil, err
	}
	log, err := libpmemlog.OpenOrCreate(c.path, libpmemlog.WithDurability(d))
	if err != nil {
		return nil, err
	}
	records, err := libpmemlog.OpenRecords(log)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return records, nil
}

func (c config) print(out io.Writer) error {
	records, err := c.open()
	if err != nil {
		return err
	}
	defer records.Log().Close()
	for pos, data := range records.All() {
		e, err := decode(data)
		if err != nil {
			return fmt.Errorf("record at %d: %w", pos, err)
		}
		fmt.Fprintln(out, e)
	}
	return nil
}
