// Libpmem-copy copies a file to a memory-mapped file and makes the copy
// durable, with the flags of libpmem's copy functions to choose from:
//
//	libpmem-copy [-flags nodrain,nontemporal] [-chunk 65536] [-force] SOURCE TARGET
//
// It prints how many bytes it copied, how the target was made durable, and
// how long that took. TARGET on a file system with DAX is written without
// system calls. TARGET is replaced only with -force, and removed if the copy
// fails half-way.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/pmem/pmdk-go/libpmem"
)

func main() {
	err := run(os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "libpmem-copy:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	set := flag.NewFlagSet("libpmem-copy", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintln(stderr, "usage: libpmem-copy [options] SOURCE TARGET")
		set.PrintDefaults()
	}
	names := set.String("flags", "", "comma-separated `list` of nodrain, noflush, nontemporal, temporal, writecombine, writeback")
	chunk := set.Int("chunk", 64<<10, "`bytes` per copy")
	force := set.Bool("force", false, "replace TARGET if it exists")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() != 2 {
		set.Usage()
		return flag.ErrHelp
	}
	if *chunk <= 0 {
		return fmt.Errorf("-chunk is %d, it must be more than 0", *chunk)
	}
	flags, err := parseFlags(*names)
	if err != nil {
		return err
	}
	c := copier{flags: flags, chunk: *chunk, force: *force}
	start := time.Now()
	report, err := c.copyFile(set.Arg(0), set.Arg(1))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s in %v\n", report, time.Since(start).Round(time.Microsecond))
	return nil
}

func parseFlags(names string) (libpmem.Flags, error) {
	known := map[string]libpmem.Flags{
		"nodrain":      libpmem.NoDrain,
		"noflush":      libpmem.NoFlush,
		"nontemporal":  libpmem.NonTemporal,
		"temporal":     libpmem.Temporal,
		"writecombine": libpmem.WriteCombine,
		"writeback":    libpmem.WriteBack,
	}
	var flags libpmem.Flags
	for name := range strings.SplitSeq(names, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		flag, ok := known[name]
		if !ok {
			return 0, fmt.Errorf("unknown flag %q", name)
		}
		flags |= flag
	}
	return flags, flags.Check()
}
