package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pmem/pmdk-go/libpmempool"
)

var checkCommand = command{
	name:     "check",
	synopsis: "[options] FILE",
	about:    "check whether a pool is consistent, and repair it",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		repair := flags.BoolP("repair", "r", false, "repair what can be repaired")
		yes := flags.BoolP("yes", "y", false, "answer all questions with yes")
		dryRun := flags.BoolP("dry-run", "d", false, "say what a repair would do, and change nothing")
		noExec := flags.BoolP("no-exec", "N", false, "the same as --dry-run")
		backup := flags.StringP("backup", "b", "", "copy the pool to `file` before it is repaired")
		advanced := flags.BoolP("advanced", "a", false, "repair what may lose data as well")
		quiet := flags.BoolP("quiet", "q", false, "print nothing")
		verbose := flags.BoolP("verbose", "v", false, "print what is checked, and the result")
		return func(ctx context.Context, c console, args []string) error {
			if len(args) == 0 {
				return errUsage
			}
			if len(args) > 1 {
				return fmt.Errorf("one file at a time, not %d", len(args))
			}
			for _, name := range []string{"yes", "dry-run", "no-exec", "backup", "advanced"} {
				if flags.Changed(name) && !*repair {
					return fmt.Errorf("--%s needs --repair", name)
				}
			}
			var opts []libpmempool.Option
			for opt, set := range map[string]bool{"repair": *repair, "dry": *dryRun || *noExec, "advanced": *advanced, "verbose": *verbose} {
				if set {
					opts = append(opts, checkOption[opt])
				}
			}
			if *backup != "" {
				opts = append(opts, libpmempool.WithBackup(*backup))
			}
			switch {
			case *yes:
				opts = append(opts, libpmempool.WithYes())
			case *repair:
				opts = append(opts, libpmempool.WithAnswers(asker(c)))
			}
			if *quiet {
				c.out, c.err = io.Discard, io.Discard
			}
			return checkPool(ctx, c, args[0], *verbose, opts)
		}
	},
}

var checkOption = map[string]libpmempool.Option{
	"repair": libpmempool.WithRepair(), "dry": libpmempool.WithDryRun(),
	"advanced": libpmempool.WithAdvanced(), "verbose": libpmempool.WithVerbose(),
}

func checkPool(ctx context.Context, c console, path string, verbose bool, opts []libpmempool.Option) error {
	check, err := libpmempool.Check(ctx, path, opts...)
	if err != nil {
		fmt.Fprintf(c.err, "pmempool check: %v\n", err)
		return errSilent
	}
	for m := range check.Messages() {
		if m.Kind != libpmempool.Asked {
			fmt.Fprintln(c.out, m.Text)
		}
	}
	report, err := check.Result()
	if err != nil && !errors.Is(err, libpmempool.ErrRepairUnsupported) {
		fmt.Fprintf(c.err, "pmempool check: %v\n", err)
		return errSilent
	}
	for _, caveat := range report.Caveats {
		fmt.Fprintf(c.out, "caution: %s\n", caveat)
	}
	if verbose || !report.Result.Sound() {
		fmt.Fprintf(c.out, "%s: %v\n", path, report.Result)
	}
	switch {
	case report.Result.Sound():
		return nil
	case err != nil:
		fmt.Fprintf(c.err, "pmempool check: %v\n", err)
	case report.Result == libpmempool.SyncRequired:
		fmt.Fprintf(c.err, "pmempool check: a replica is sound: pmempool sync %s restores the others\n", path)
	case report.NeedsAdvanced:
		fmt.Fprintln(c.err, "pmempool check: --advanced would repair more; use --backup with it")
	case report.Result == libpmempool.NotConsistent && report.Type != libpmempool.TypeObj:
		fmt.Fprintln(c.err, "pmempool check: --repair --backup COPY tries to repair it")
	}
	return errSilent
}

// asker asks the user. Without an answer it is no.
func asker(c console) func(libpmempool.Question) bool {
	lines := bufio.NewScanner(c.in)
	return func(q libpmempool.Question) bool {
		for {
			fmt.Fprintf(c.out, "%s [Y/n] ", q.Text)
			if !lines.Scan() {
				fmt.Fprintln(c.out)
				return false
			}
			switch strings.ToLower(strings.TrimSpace(lines.Text())) {
			case "", "y", "yes":
				return true
			case "n", "no":
				return false
			}
			fmt.Fprintln(c.out, "Answer must be either yes or no")
		}
	}
}
