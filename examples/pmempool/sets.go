package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmempool"
)

var syncCommand = command{
	name:     "sync",
	synopsis: "[options] SET",
	about:    "restore the replicas of a pool set",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		bad := flags.BoolP("bad-blocks", "b", false, "repair bad blocks of the medium")
		dryRun := flags.BoolP("dry-run", "d", false, "say whether it could be done, and change nothing")
		verbose := flags.BoolP("verbose", "v", false, "say that it was done")
		return func(_ context.Context, c console, args []string) error {
			if len(args) != 1 {
				return errUsage
			}
			var opts []libpmempool.Option
			if *bad {
				opts = append(opts, libpmempool.WithBadBlocks())
			}
			if *dryRun {
				opts = append(opts, libpmempool.WithDryRun())
			}
			err := libpmempool.Sync(args[0], opts...)
			if err == nil && *verbose {
				fmt.Fprintf(c.out, "%s: synchronized\n", args[0])
			}
			return err
		}
	},
}

var transformCommand = command{
	name:     "transform",
	synopsis: "[options] SET NEWSET",
	about:    "add or remove replicas or options of a pool set",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		dryRun := flags.BoolP("dry-run", "d", false, "say whether it could be done, and change nothing")
		verbose := flags.BoolP("verbose", "v", false, "say that it was done")
		return func(_ context.Context, c console, args []string) error {
			if len(args) != 2 {
				return errUsage
			}
			var opts []libpmempool.Option
			if *dryRun {
				opts = append(opts, libpmempool.WithDryRun())
			}
			err := libpmempool.Transform(args[0], args[1], opts...)
			if err == nil && *verbose {
				fmt.Fprintf(c.out, "%s -> %s: transformed\n", args[0], args[1])
			}
			return err
		}
	},
}

var featureCommand = command{
	name:     "feature",
	synopsis: "(-e|-d|-q) FEATURE [options] FILE",
	about:    "turn features of a pool on or off, or print them: SINGLEHDR, CKSUM_2K, SHUTDOWN_STATE, CHECK_BAD_BLOCKS",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		enable := flags.StringP("enable", "e", "", "turn `feature` on")
		disable := flags.StringP("disable", "d", "", "turn `feature` off")
		query := flags.StringP("query", "q", "", "print 1 if `feature` is on, or 0")
		verbose := flags.BoolP("verbose", "v", false, "say what changes")
		dryRun := flags.BoolP("dry-run", "n", false, "say what would change, and change nothing")
		return func(_ context.Context, c console, args []string) error {
			name := *enable + *disable + *query
			asked := 0
			for _, flag := range []string{"enable", "disable", "query"} {
				if flags.Changed(flag) {
					asked++
				}
			}
			if len(args) != 1 || asked != 1 {
				return errUsage
			}
			f, err := libpmempool.ParseFeature(name)
			if err != nil {
				return err
			}
			if *query != "" {
				on, err := libpmempool.FeatureQuery(args[0], f)
				if err == nil {
					fmt.Fprintln(c.out, map[bool]int{false: 0, true: 1}[on])
				}
				return err
			}
			set, what := libpmempool.FeatureEnable, "on"
			if *disable != "" {
				set, what = libpmempool.FeatureDisable, "off"
			}
			var opts []libpmempool.Option
			if *dryRun {
				opts = append(opts, libpmempool.WithDryRun())
			}
			changed, err := set(args[0], f, opts...)
			if err == nil && (*verbose || *dryRun) {
				switch {
				case !changed:
					fmt.Fprintf(c.out, "%s: %v is %s already\n", args[0], f, what)
				case *dryRun:
					fmt.Fprintf(c.out, "%s: %v would be turned %s\n", args[0], f, what)
				default:
					fmt.Fprintf(c.out, "%s: %v is %s now\n", args[0], f, what)
				}
			}
			return err
		}
	},
}

var rmCommand = command{
	name:     "rm",
	synopsis: "[options] FILE...",
	about:    "remove pools, and all files of pool sets",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		verbose := flags.BoolP("verbose", "v", false, "print what is removed")
		flags.BoolP("only-pools", "s", false, "keep pool set files (default)")
		all := flags.BoolP("all", "a", false, "remove pool set files too")
		local := flags.BoolP("local", "l", false, "the same as --all")
		remote := flags.BoolP("remote", "r", false, "not supported: there are no remote replicas")
		force := flags.BoolP("force", "f", false, "go on where files are missing, remove what is no pool, never ask")
		interactive := flags.BoolP("interactive", "i", false, "ask before each pool")
		dryRun := flags.BoolP("dry-run", "n", false, "print what would be removed")
		return func(_ context.Context, c console, args []string) error {
			if len(args) == 0 {
				return errUsage
			}
			if *remote {
				return errors.New("--remote is not supported: there are no remote replicas")
			}
			r := remover{console: c, verbose: *verbose, force: *force, interactive: *interactive, dryRun: *dryRun, lines: bufio.NewScanner(c.in)}
			if *force {
				r.opts = append(r.opts, libpmempool.WithForce())
			}
			if *all || *local {
				r.opts = append(r.opts, libpmempool.WithSetFile())
			}
			var errs []error
			for _, path := range args { // what fails does not keep the others
				errs = append(errs, r.remove(path))
			}
			return errors.Join(errs...)
		}
	},
}

// remover removes pools.
type remover struct {
	console
	verbose, force, interactive, dryRun bool
	opts                                []libpmempool.Option
	lines                               *bufio.Scanner
}

func (r *remover) remove(path string) error {
	planned, err := libpmempool.Remove(path, append(r.opts[:len(r.opts):len(r.opts)], libpmempool.WithDryRun())...)
	if err != nil {
		return err
	}
	if r.dryRun {
		for _, name := range planned {
			fmt.Fprintf(r.out, "would remove '%s'\n", name)
		}
		return nil
	}
	if !r.agreed(planned) {
		return nil
	}
	removed, err := libpmempool.Remove(path, r.opts...)
	if r.verbose {
		for _, name := range removed {
			fmt.Fprintf(r.out, "removed '%s'\n", name)
		}
	}
	return err
}

// agreed asks where the user wants that, or a file is write-protected.
func (r *remover) agreed(paths []string) bool {
	if r.force || len(paths) == 0 {
		return true
	}
	ask := r.interactive
	for _, path := range paths {
		err := unix.Access(path, unix.W_OK)
		ask = ask || err != nil && !errors.Is(err, fs.ErrNotExist) && os.Geteuid() != 0
	}
	if !ask {
		return true
	}
	fmt.Fprintf(r.out, "remove %s? [y/N] ", strings.Join(paths, ", "))
	return r.lines.Scan() && strings.HasPrefix(strings.ToLower(r.lines.Text()), "y")
}
