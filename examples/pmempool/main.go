// Pmempool creates, describes, checks, repairs and removes pools of libpmemobj,
// libpmemlog and libpmemblk, like the program of that name that comes with
// PMDK, whose options and exit codes it shares:
//
//	pmempool create [options] TYPE [BLOCKSIZE] FILE
//	pmempool info [options] FILE...
//	pmempool check [options] FILE
//	pmempool rm [options] FILE...
//	pmempool sync [options] SET
//	pmempool transform [options] SET NEWSET
//	pmempool feature (-e|-d|-q) FEATURE [options] FILE
//	pmempool dump [options] FILE
//
// and two more, for pools of pmdk-go:
//
//	pmempool list [options] FILE
//	pmempool journal (status|replay) [options] FILE
//
// Each has --help. The exit code is 0 for success, and for check that the pool
// is consistent, and 1 for anything else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/pflag"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// console is where a command reads answers and writes.
type console struct {
	in       io.Reader
	out, err io.Writer
}

// command is one of the subcommands.
type command struct {
	name     string
	synopsis string // what follows the name
	about    string
	// prepare declares flags and returns what runs once they are parsed.
	prepare func(flags *pflag.FlagSet) func(context.Context, console, []string) error
}

var commands = []command{createCommand, infoCommand, checkCommand, rmCommand, syncCommand, transformCommand, featureCommand, dumpCommand, listCommand, journalCommand}

// errUsage asks for the usage to be printed; errSilent for nothing.
var (
	errUsage  = errors.New("usage")
	errSilent = errors.New("")
)

func run(ctx context.Context, args []string, c console) (code int) {
	if len(args) == 0 {
		fmt.Fprintln(c.out, "usage: pmempool [--version] [--help] COMMAND [ARGUMENTS]")
		return 0
	}
	switch args[0] {
	case "-V", "--version":
		fmt.Fprintln(c.out, version())
		return 0
	case "-h", "--help":
		overview(c.out)
		return 0
	case "help":
		if len(args) == 1 {
			overview(c.out)
			return 0
		}
		args = []string{args[1], "--help"}
	}
	for _, cmd := range commands {
		if cmd.name == args[0] {
			return cmd.run(ctx, args[1:], c)
		}
	}
	fmt.Fprintf(c.err, "pmempool: %q is no command; pmempool --help lists them\n", args[0])
	return 1
}

func overview(w io.Writer) {
	fmt.Fprintf(w, "usage: pmempool [--version] [--help] COMMAND [ARGUMENTS]\n%s\n\ncommands:\n", version())
	for _, cmd := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", cmd.name, cmd.about)
	}
	fmt.Fprintln(w, "\npmempool COMMAND --help describes each.")
}

func (cmd *command) run(ctx context.Context, args []string, c console) (code int) {
	flags := pflag.NewFlagSet(cmd.name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	help := flags.BoolP("help", "h", false, "print this and exit")
	do := cmd.prepare(flags)
	usage := func(w io.Writer) { fmt.Fprintf(w, "usage: pmempool %s %s\n", cmd.name, cmd.synopsis) }
	err := flags.Parse(args)
	if *help {
		usage(c.out)
		fmt.Fprintf(c.out, "%s\n\n%s", sentence(cmd.about), flags.FlagUsages())
		return 0
	}
	if err == nil {
		err = do(ctx, c, flags.Args())
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSilent):
	case errors.Is(err, errUsage):
		usage(c.err)
	default:
		fmt.Fprintf(c.err, "pmempool %s: %v\n", cmd.name, err)
	}
	return 1
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
