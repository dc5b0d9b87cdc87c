package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmempool"
)

var journalCommand = command{
	name:     "journal",
	synopsis: "(status|replay) [options] FILE",
	about:    "show what an obj pool's journal holds, or bring it into the pool",
	prepare: func(flags *pflag.FlagSet) func(context.Context, console, []string) error {
		where := flags.StringP("journal", "j", "", "the journal's `file`, if it is not the pool's with "+journal.Suffix)
		people := flags.BoolP("human", "n", false, "print sizes with units (status)")
		verbose := flags.BoolP("verbose", "v", false, "say what was done (replay)")
		return func(_ context.Context, c console, args []string) error {
			if len(args) != 2 {
				return errUsage
			}
			switch args[0] {
			case "status":
				return journalStatus(&printer{c.out, *people}, args[1], *where)
			case "replay":
				return journalReplay(c, args[1], *where, *verbose)
			}
			return errUsage
		}
	},
}

// isJournal says whether a file begins like a journal.
func isJournal(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, len(journalMagic))
	if _, err := io.ReadFull(f, b); err != nil {
		return false, nil // whatever it is, it is shorter
	}
	return string(b) == journalMagic, nil
}

const journalMagic = "PMGOJRNL"

// kept is a pool that may have a journal.
type kept struct {
	path  string
	uuid  libpmempool.UUID // of the pool set
	open  bool
	needs bool // the journal: it was not closed, or is open
}

// needsJournal is the feature in the header of such a pool.
const needsJournal = 1 << 31

func readKept(path string) (*kept, error) {
	info, err := libpmempool.Info(path)
	if err != nil {
		return nil, err
	}
	if info.Type != libpmempool.TypeObj || len(info.Files) == 0 || info.Files[0].Header == nil {
		return nil, fmt.Errorf("%s: neither an obj pool nor a journal", path)
	}
	h := info.Files[0].Header
	return &kept{path: path, uuid: h.PoolSet, open: info.Files[0].Busy, needs: h.Incompat&needsJournal != 0}, nil
}

func (k *kept) journal(where string) string {
	if where != "" {
		return where
	}
	return k.path + journal.Suffix
}

// journalStatus prints what there is. It fails if a replay would.
func journalStatus(p *printer, path, where string) error {
	is, err := isJournal(path)
	if err != nil {
		return err
	}
	if is {
		if where != "" {
			return errors.New("--journal is for a pool, and this is a journal")
		}
		s, err := journal.ReadStatus(path)
		if err != nil {
			return err
		}
		p.journal(&s)
		return damageOf(&s)
	}
	k, err := readKept(path)
	if err != nil {
		return err
	}
	p.kept(k)
	s, err := journal.ReadStatus(k.journal(where))
	if errors.Is(err, fs.ErrNotExist) {
		if k.needs {
			return fmt.Errorf("%s is missing, and has the newest changes of %s: put it there, or name it with --journal", k.journal(where), path)
		}
		fmt.Fprintf(p.w, "\n%s has no journal, and needs none.\n", path)
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(p.w)
	p.journal(&s)
	if k.uuid != libpmempool.UUID(s.Pool) && (k.needs || s.State == journal.Dirty) {
		return fmt.Errorf("%s is the journal of another pool, %v", s.Path, s.Pool)
	}
	if !k.needs {
		fmt.Fprintf(p.w, "\n%s needs no journal: it is complete.\n", path)
		return nil
	}
	if err := damageOf(&s); err != nil {
		return err
	}
	if k.open {
		fmt.Fprintf(p.w, "\n%s is open: this was so a moment ago.\n", path)
		return nil
	}
	fmt.Fprintf(p.w, "\n%s was not closed, and is complete only with its journal: open it with that, or run pmempool journal replay.\n", path)
	return nil
}

func damageOf(s *journal.Status) error {
	if s.Damage == nil {
		return nil
	}
	return fmt.Errorf("%w; restore pool and journal from a backup", s.Damage)
}

func (p *printer) kept(k *kept) {
	fmt.Fprintln(p.w, "Pool:")
	p.field("path", "%s", k.path)
	p.field("Pool set UUID", "%v", k.uuid)
	p.field("needs its journal", "%s", yesNo(k.needs))
	p.field("open", "%s", yesNo(k.open))
}

func (p *printer) journal(s *journal.Status) {
	fmt.Fprintln(p.w, "Journal:")
	p.field("path", "%s", s.Path)
	p.field("version", "%d", s.Version)
	p.field("state", "%v", s.State)
	p.field("Pool set UUID", "%v", s.Pool)
	p.field("session", "%x", s.Session)
	p.field("size", "%s", p.size(uint64(s.Size)))
	p.field("segments", "%d of %s", s.Segments, p.size(uint64(s.SegmentSize)))
	if s.State == journal.Dirty {
		p.field("segments in use", "%d, from %d on", s.Used, s.Tail)
		p.field("batches", "%d, from %d on", s.Batches, s.First)
		p.field("bytes in batches", "%s", p.size(uint64(s.Bytes)))
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// journalReplay makes the pool a plain one, if it is not.
func journalReplay(c console, path, where string, verbose bool) error {
	is, err := isJournal(path)
	if err != nil {
		return err
	}
	if is {
		return fmt.Errorf("%s is a journal; name the pool, and the journal with --journal", path)
	}
	k, err := readKept(path)
	if err != nil {
		return err
	}
	if !k.needs {
		if verbose {
			fmt.Fprintf(c.out, "%s: complete without a journal\n", path)
		}
		return nil
	}
	s, _ := journal.ReadStatus(k.journal(where)) // what is wrong with it, Replay says
	if err := journal.Replay(path, journal.Options{Path: where}); err != nil {
		return err
	}
	if verbose {
		fmt.Fprintf(c.out, "%s: %d batches replayed; complete without the journal now\n", path, s.Batches)
	}
	return nil
}
