package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// runIndex is `codeindex index DIR`.
func runIndex(ctx context.Context, cmd *cli.Command) error {
	dir, err := oneArg(cmd)
	if err != nil {
		return err
	}
	root, err := source.Root(dir)
	if err != nil {
		return err
	}
	files, err := source.Walk(root)
	if err != nil {
		return err
	}
	x, err := openOrCreate(cmd, files)
	if err != nil {
		return err
	}
	return errors.Join(update(ctx, cmd, x, root, files), x.Close())
}

// openOrCreate opens the pool, or makes one that the files will fit into.
func openOrCreate(cmd *cli.Command, files []source.File) (*index.Index, error) {
	durability, err := durabilityOf(cmd)
	if err != nil {
		return nil, err
	}
	path := cmd.String("pool")
	x, err := index.Open(path, keptBy(durability))
	if !errors.Is(err, fs.ErrNotExist) {
		return x, explain(err)
	}
	size := index.SizeFor(source.TotalSize(files))
	if cmd.IsSet("size") {
		if size, err = parseSize(cmd.String("size")); err != nil {
			return nil, err
		}
	}
	return index.Create(path, size, keptBy(durability))
}

func update(ctx context.Context, cmd *cli.Command, x *index.Index, root string, files []source.File) error {
	plan := x.Plan(root, files)
	out := cmd.Root().Writer
	if cmd.IsSet("ack-fd") {
		acks := os.NewFile(uintptr(cmd.Int("ack-fd")), "acknowledgements")
		return explain(x.Apply(ctx, plan, acknowledgeTo(acks)))
	}
	bar := newProgress(cmd.Root().ErrWriter, "indexing", len(plan.Todo))
	err := x.Apply(ctx, plan, func(index.File) error {
		bar.step()
		return nil
	})
	bar.end()
	if err != nil {
		return explain(err)
	}
	fmt.Fprintf(out, "%s indexed, %s unchanged, %s deleted; durability: %v\n",
		plural(len(plan.Todo), "file"), count(plan.Unchanged), count(len(plan.Deleted)), x.Durability())
	return nil
}

// acknowledgeTo reports every committed file to whoever started this process.
// One write per file: what has been written is out of the process, so that
// nothing acknowledged can depend on its staying alive.
func acknowledgeTo(w io.Writer) func(index.File) error {
	return func(f index.File) error {
		_, err := fmt.Fprintf(w, "%d %s\n", f.ID, f.Path)
		return err
	}
}

// explain tells what to do about a full pool, and about one that needs its
// journal.
func explain(err error) error {
	switch {
	case errors.Is(err, libpmemobj.ErrUnreplayed):
		return fmt.Errorf("%w; here, that is the flag -journal", err)
	case errors.Is(err, libpmemobj.ErrOutOfSpace):
		return fmt.Errorf("the pool is full (what it holds is sound): %w; index into a new pool with a larger -size", err)
	}
	return err
}
