package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/pmem/pmdk-go/examples/codeindex/internal/index"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/memindex"
	"github.com/pmem/pmdk-go/examples/codeindex/internal/source"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// demo shows what persistent memory does that an ordinary program does not:
// data structures that outlive their process, at any moment of its death.
type demo struct {
	out, errOut io.Writer
	root        string // the source tree
	files       []source.File
	pool        string
	durability  libpmemobj.Durability

	acked acknowledged // by the indexer that was killed

	build   time.Duration   // of the index in the pool
	rebuild time.Duration   // of the same in Go maps
	reopens []time.Duration // until the pool could answer a query
}

// runDemo is `codeindex demo [DIR]`.
func runDemo(ctx context.Context, cmd *cli.Command) error {
	d := &demo{out: cmd.Root().Writer, errOut: cmd.Root().ErrWriter}
	if err := d.findSources(cmd.Args().Slice()); err != nil {
		return err
	}
	cleanUp, err := d.makePool(cmd)
	if err != nil {
		return err
	}
	defer cleanUp()

	for _, step := range []func(context.Context) error{d.crash, d.recover, d.finish, d.ask, d.compare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return d.report()
}

func (d *demo) findSources(args []string) error {
	dir, err := sourceDir(args)
	if err != nil {
		return err
	}
	if d.root, err = source.Root(dir); err != nil {
		return err
	}
	if d.files, err = source.Walk(d.root); err != nil {
		return err
	}
	const enough = 200 // an indexer is quick: with fewer it may be through before it is killed
	if len(d.files) < enough {
		return fmt.Errorf("%s has %s; the demo needs %d to be interrupted half-way", d.root, plural(len(d.files), "Go file"), enough)
	}
	return nil
}

// makePool creates an empty pool, in a temporary folder unless the flag names a file.
func (d *demo) makePool(cmd *cli.Command) (cleanUp func(), err error) {
	asked, err := durabilityOf(cmd)
	if err != nil {
		return nil, err
	}
	cleanUp = func() {}
	d.pool = cmd.String("pool")
	if !cmd.IsSet("pool") {
		dir, err := os.MkdirTemp("", "codeindex-")
		if err != nil {
			return nil, err
		}
		cleanUp = func() { os.RemoveAll(dir) }
		d.pool = filepath.Join(dir, defaultPool)
	}
	x, err := createPool(d.pool, index.SizeFor(source.TotalSize(d.files)), asked)
	if err != nil {
		cleanUp()
		return nil, err
	}
	d.durability = x.Durability()
	fmt.Fprintf(d.out, "Index %s Go files below %s, kill the indexer half-way, lose nothing, finish, compare.\n", count(len(d.files)), d.root)
	fmt.Fprintf(d.out, "pool        %s (%s)\n", d.pool, bytesText(x.Size()))
	fmt.Fprintf(d.out, "durability  %v: %s\n", d.durability, promise(d.durability))
	if err := x.Close(); err != nil {
		cleanUp()
		return nil, err
	}
	return cleanUp, nil
}

// createPool asks for DAX where the user asked for nothing, and on a file system
// without it for what a SIGKILL can test.
func createPool(path string, size int64, asked libpmemobj.Durability) (*index.Index, error) {
	if asked != libpmemobj.DurabilityAuto {
		return index.Create(path, size, keptBy(asked))
	}
	x, err := index.Create(path, size, keptBy(libpmemobj.DurabilityDAX))
	if errors.Is(err, libpmemobj.ErrNotDAX) {
		return index.Create(path, size, keptBy(libpmemobj.DurabilityProcessCrash))
	}
	return x, err
}

// promise says in a line what commits survive.
func promise(d libpmemobj.Durability) string {
	switch d {
	case libpmemobj.DurabilityDAX:
		return "commits survive power loss, by flushing processor caches to persistent memory"
	case libpmemobj.DurabilityMsync:
		return "commits survive power loss, by an msync for each flush"
	case libpmemobj.DurabilityJournal:
		return "commits survive power loss, by a journal that is on the disk before they return"
	case libpmemobj.DurabilityProcessCrash:
		return "commits survive SIGKILL, as tested here; power loss would need DAX, -journal, or -durability msync"
	}
	return "none"
}

func (d *demo) step(n int, what string) { fmt.Fprintf(d.out, "\n%d. %s\n", n, what) }

// crash lets an indexer die by SIGKILL in the middle of its work.
func (d *demo) crash(ctx context.Context) error {
	d.step(1, "Index in a process of its own, and kill it half-way")
	half := len(d.files) / 2
	acked, err := d.index(ctx, half, len(d.files))
	if err != nil {
		return err
	}
	d.acked = acked
	fmt.Fprintf(d.out, "   killed with SIGKILL; it had acknowledged %s files\n", count(len(acked)))
	return nil
}

// index runs an indexer and adds to the time of the build.
func (d *demo) index(ctx context.Context, killAt, total int) (acknowledged, error) {
	bar := newProgress(d.errOut, "   indexing", total)
	start := time.Now()
	child := indexer{pool: d.pool, durability: d.durability, dir: d.root}
	acked, err := child.run(ctx, killAt, bar.step)
	d.build += time.Since(start)
	bar.end()
	return acked, err
}

// recover proves that what was acknowledged is there, and nothing half-done.
func (d *demo) recover(context.Context) error {
	d.step(2, "Open the pool again")
	return d.withIndex(func(x *index.Index) error {
		view, err := x.View()
		if err != nil {
			return err
		}
		there, lost := 0, len(d.acked)
		for f := range view.Files() {
			there++
			if d.acked[f.ID] == f.Path {
				lost--
			}
		}
		if lost > 0 {
			return fmt.Errorf("LOST: %d of %d acknowledged files are not in the pool", lost, len(d.acked))
		}
		fmt.Fprintf(d.out, "   open after %s; %s files: all %s that were acknowledged, and %s committed at the moment of death\n",
			milliseconds(d.reopens[len(d.reopens)-1]), count(there), count(len(d.acked)), count(there-len(d.acked)))
		return d.verify(x)
	})
}

func (d *demo) verify(x *index.Index) error {
	report, err := x.Verify()
	if err != nil {
		return fmt.Errorf("the pool is damaged: %w", err)
	}
	fmt.Fprintf(d.out, "   verified %s in %s: no half-written file, every checksum right, no memory leaked\n",
		bytesText(report.Bytes), plural(report.Segments, "segment"))
	return nil
}

// finish lets a second indexer do the rest.
func (d *demo) finish(ctx context.Context) error {
	d.step(3, "Index the rest")
	before, err := d.indexed()
	if err != nil {
		return err
	}
	acked, err := d.index(ctx, 0, len(d.files)-before)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "   %s indexed, %s were there already\n", plural(len(acked), "file"), count(before))
	return d.withIndex(d.verify)
}

func (d *demo) indexed() (int, error) {
	n := 0
	err := d.withIndex(func(x *index.Index) error {
		view, err := x.View()
		if err != nil {
			return err
		}
		for range view.Files() {
			n++
		}
		return nil
	})
	return n, err
}

// ask answers a few queries.
func (d *demo) ask(context.Context) error {
	d.step(4, "Ask: a qualified name, a prefix, a word that is nowhere")
	return d.withIndex(func(x *index.Index) error {
		view, err := x.View()
		if err != nil {
			return err
		}
		a := answer{out: indent{d.out}, lines: 3, terms: 3, root: d.root + string(filepath.Separator)}
		for _, word := range []string{"sync.Mutex", "strings.Cut*", "NoSuchIdentifier"} {
			start := time.Now()
			err := a.query(view, word)
			if err != nil && !errors.Is(err, errNoHits) {
				return err
			}
			fmt.Fprintf(a.out, "  (%s)\n", milliseconds(time.Since(start)))
		}
		return nil
	})
}

// compare builds the same index in plain Go maps and compares every posting.
func (d *demo) compare(ctx context.Context) error {
	d.step(5, "Compare with an index built from scratch in Go maps")
	start := time.Now()
	fromMaps, err := memindex.Build(ctx, d.files)
	if err != nil {
		return err
	}
	d.rebuild = time.Since(start)
	return d.withIndex(func(x *index.Index) error {
		view, err := x.View()
		if err != nil {
			return err
		}
		if err := fromMaps.Diff(view); err != nil {
			return fmt.Errorf("NOT identical: %w", err)
		}
		fmt.Fprintf(d.out, "   identical: %s terms in %s files\n", count(fromMaps.Terms()), count(fromMaps.Files()))
		return nil
	})
}

// withIndex opens the pool for the length of fn, and notes how long it takes
// until the first answer could be given.
func (d *demo) withIndex(fn func(*index.Index) error) error {
	start := time.Now()
	x, err := index.Open(d.pool, keptBy(d.durability))
	if err != nil {
		return err
	}
	view, err := x.View()
	if err == nil {
		view.Lookup("main")
		d.reopens = append(d.reopens, time.Since(start))
		err = fn(x)
	}
	return errors.Join(err, x.Close())
}

func (d *demo) report() error {
	fmt.Fprintln(d.out)
	t := newTable(d.out)
	err := d.withIndex(func(x *index.Index) error {
		st, err := x.Stats()
		if err != nil {
			return err
		}
		t.stats(st)
		return nil
	})
	if err != nil {
		return err
	}
	t.row("build", seconds(d.build), "both runs, one transaction per file")
	slices.Sort(d.reopens)
	t.row("reopen", milliseconds(d.reopens[len(d.reopens)/2]), fmt.Sprintf("until a query is answered, against %s to rebuild the index in Go maps", seconds(d.rebuild)))
	return t.flush()
}

// indent moves lines to the right. Each Write is a line or a number of lines.
type indent struct{ io.Writer }

func (w indent) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, "   "); err != nil {
		return 0, err
	}
	return w.Writer.Write(p)
}
