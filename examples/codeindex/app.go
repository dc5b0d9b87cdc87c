package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

const defaultPool = "codeindex.pool"

// newApp declares the command line.
func newApp(out, errOut io.Writer) *cli.Command {
	return &cli.Command{
		Name:      "codeindex",
		Usage:     "a search index of Go source code in persistent memory",
		Writer:    out,
		ErrWriter: errOut,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "pool", Value: defaultPool, Usage: "the pool's `FILE`"},
			&cli.StringFlag{Name: "durability", Value: "auto", Usage: "`HOW` commits are made durable: auto, dax, msync or process-crash"},
			&cli.BoolFlag{Name: "journal", Usage: "keep the pool with a journal beside it, for any disk"},
		},
		Commands: []*cli.Command{
			{
				Name:      "index",
				Usage:     "bring the index up to date with the Go files below DIR",
				ArgsUsage: "DIR",
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "size", Usage: "`SIZE` of a new pool, such as 512MiB (default: from the size of the sources)"},
					&cli.IntFlag{Name: "ack-fd", Hidden: true, Usage: "write a line for each committed file to this descriptor, and no progress"},
				},
				Action: runIndex,
			},
			{
				Name:      "query",
				Usage:     "print where WORD stands: an identifier, a pair such as sync.Mutex, or a prefix such as 'sync.Mut*'",
				ArgsUsage: "WORD",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "prefix", Usage: "find all terms that begin with WORD"},
					&cli.IntFlag{Name: "n", Value: 20, Usage: "print at most `N` lines per term (0: all)"},
				},
				Action: runQuery,
			},
			{
				Name:   "stats",
				Usage:  "count what is in the pool",
				Action: runStats,
			},
			{
				Name:  "verify",
				Usage: "read the whole pool and prove that it holds a sound index",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "sources", Usage: "compare it with the source files too"},
				},
				Action: runVerify,
			},
			{
				Name:      "demo",
				Usage:     "index DIR (default: the standard library), be killed half-way, lose nothing",
				ArgsUsage: "[DIR]",
				Action:    runDemo,
			},
		},
		// Errors are returned to main, which prints them in one place.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		OnUsageError:   func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err },
	}
}

// oneArg is the command's only argument.
func oneArg(cmd *cli.Command) (string, error) {
	if cmd.Args().Len() != 1 {
		return "", fmt.Errorf("%s needs one argument: %s", cmd.Name, cmd.ArgsUsage)
	}
	return cmd.Args().First(), nil
}

// opener is index.Open or index.OpenVerified.
type opener func(path string, how libpmemobj.Option) (*index.Index, error)

// withIndex opens the pool that the flags name for the length of fn.
func withIndex(cmd *cli.Command, open opener, fn func(*index.Index) error) error {
	durability, err := durabilityOf(cmd)
	if err != nil {
		return err
	}
	x, err := open(cmd.String("pool"), keptBy(durability))
	if err != nil {
		return explain(err)
	}
	return errors.Join(fn(x), x.Close())
}

// durabilityOf is what the flags ask for.
func durabilityOf(cmd *cli.Command) (libpmemobj.Durability, error) {
	if !cmd.Bool("journal") {
		return libpmemobj.ParseDurability(cmd.String("durability"))
	}
	if cmd.IsSet("durability") {
		return 0, errors.New("-journal and -durability exclude each other")
	}
	return libpmemobj.DurabilityJournal, nil
}

// keptBy is the option that gives a pool its durability.
func keptBy(d libpmemobj.Durability) libpmemobj.Option {
	if d == libpmemobj.DurabilityJournal {
		return journal.With(journal.Options{})
	}
	return libpmemobj.WithDurability(d)
}

// flagsFor are the flags that ask for it.
func flagsFor(d libpmemobj.Durability) []string {
	if d == libpmemobj.DurabilityJournal {
		return []string{"-journal"}
	}
	return []string{"-durability", d.String()}
}
