// Quickstart counts its runs and keeps a list of them. Run it several times:
// both are still there, as ordinary Go values, without a file format between.
// With -journal it is quick on a disk, too, and no less safe.
package main

import (
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// Run is a node of a linked list in persistent memory.
type Run struct {
	Older libpmemobj.Ptr[Run]
	When  int64 // Unix time
}

// Root is where everything in the pool is reached from.
type Root struct {
	Count uint64
	Last  libpmemobj.Ptr[Run]
}

func main() {
	journaled := flag.Bool("journal", false, "keep the pool with a journal")
	flag.Parse()
	var options []libpmemobj.Option
	if *journaled {
		options = append(options, journal.With(journal.Options{}))
	}
	pool, err := libpmemobj.OpenOrCreate("quickstart.pool", "quickstart", options...)
	check(err)
	defer pool.Close()
	root, err := libpmemobj.Root[Root](pool)
	check(err)
	check(record(pool, root, time.Now().Unix()))

	fmt.Println("runs:", root.Get().Count)
	for at := root.Get().Last; !at.IsNull(); at = at.Get().Older {
		fmt.Println("  ", time.Unix(at.Get().When, 0).Format(time.DateTime))
	}
}

// record adds a run: as a whole or, after an error or a crash, not at all.
func record(pool *libpmemobj.Pool, root libpmemobj.Ptr[Root], when int64) error {
	return pool.Update(func(tx *libpmemobj.Tx) error {
		run, err := libpmemobj.New[Run](tx)
		if err != nil {
			return err
		}
		r := root.Mut(tx) // remembers the old contents, for a rollback
		*run.Get() = Run{Older: r.Last, When: when}
		r.Count, r.Last = r.Count+1, run
		return nil
	})
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
