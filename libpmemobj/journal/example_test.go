//go:build !pmdk_dynamic

package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// exampleFile is a path for a pool, and what removes it.
func exampleFile() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "pool"), func() { os.RemoveAll(dir) }
}

// crash closes a pool and returns the path of another one: what a power failure
// would have left of it just before.
func crash(pool *libpmemobj.Pool, path string) string {
	left := path + ".left"
	for from, to := range map[string]string{path: left, path + journal.Suffix: left + journal.Suffix} {
		b, err := os.ReadFile(from) // nobody writes to it now
		if err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(to, b, 0o600); err != nil {
			log.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}
	return left
}

// Hits is what the examples keep.
type Hits struct {
	Count uint64
}

// hit is durable when it returns.
func hit(pool *libpmemobj.Pool, hits libpmemobj.Ptr[Hits]) error {
	return pool.Update(func(tx *libpmemobj.Tx) error {
		hits.Mut(tx).Count++
		return nil
	})
}

// A pool that is kept with a journal is used like any other, and is any other
// when it is closed.
func ExampleWith() {
	path, remove := exampleFile()
	defer remove()
	for range 2 { // like two starts of the program
		pool, err := libpmemobj.OpenOrCreate(path, "hits", journal.With(journal.Options{}))
		if err != nil {
			log.Fatal(err)
		}
		hits, err := libpmemobj.Root[Hits](pool)
		if err != nil {
			log.Fatal(err)
		}
		if err := hit(pool, hits); err != nil {
			log.Fatal(err)
		}
		fmt.Println(pool.Durability(), hits.Get().Count)
		if err := pool.Close(); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("sound without the journal:", libpmemobj.Check(path, "hits") == nil)

	// Output:
	// journal 1
	// journal 2
	// sound without the journal: true
}

// Many changes, and one wait for the disk: Update returns at once, and Sync makes
// durable what was changed before.
func ExampleOptions_noSync() {
	path, remove := exampleFile()
	defer remove()
	pool, err := libpmemobj.Create(path, "hits", journal.With(journal.Options{NoSync: true}))
	if err != nil {
		log.Fatal(err)
	}
	hits, err := libpmemobj.Root[Hits](pool)
	if err != nil {
		log.Fatal(err)
	}
	for range 1000 {
		if err := hit(pool, hits); err != nil {
			log.Fatal(err)
		}
	}
	if err := pool.Sync(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Here the thousand can be acknowledged.
	pool, hits = reopen(crash(pool, path))
	fmt.Println("after a crash:", hits.Get().Count)
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}

	// Output:
	// after a crash: 1000
}

func reopen(path string) (*libpmemobj.Pool, libpmemobj.Ptr[Hits]) {
	pool, err := libpmemobj.Open(path, "hits", journal.With(journal.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	hits, err := libpmemobj.Root[Hits](pool)
	if err != nil {
		log.Fatal(err)
	}
	return pool, hits
}

// What a program has written to is memory of its own, until Trim.
func ExampleTrim() {
	path, remove := exampleFile()
	defer remove()
	pool, err := libpmemobj.Create(path, "hits", journal.With(journal.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	oid, err := pool.Alloc(nil, 4<<20, 1)
	if err != nil {
		log.Fatal(err)
	}
	b, err := pool.Bytes(oid, 0, 4<<20)
	if err != nil {
		log.Fatal(err)
	}
	if err := pool.Memset(b, 1, 0); err != nil {
		log.Fatal(err)
	}
	pages, err := journal.Trim(pool)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("at least 4 MiB given back:", pages*os.Getpagesize() >= 4<<20)
	fmt.Println("and read again from the file:", b[0], b[len(b)-1])
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}

	// Output:
	// at least 4 MiB given back: true
	// and read again from the file: 1 1
}

// After a crash, the pool needs its journal. Replay makes it a pool that any
// program opens.
func ExampleReplay() {
	path, remove := exampleFile()
	defer remove()
	pool, err := libpmemobj.Create(path, "hits", journal.With(journal.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	hits, err := libpmemobj.Root[Hits](pool)
	if err != nil {
		log.Fatal(err)
	}
	if err := hit(pool, hits); err != nil {
		log.Fatal(err)
	}
	path = crash(pool, path)

	_, err = libpmemobj.Open(path, "hits")
	fmt.Println("opens by itself:", !errors.Is(err, libpmemobj.ErrUnreplayed))
	s, err := journal.ReadStatus(path + journal.Suffix)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the journal is", s.State, "and has something:", s.Batches > 0)

	if err := journal.Replay(path, journal.Options{}); err != nil {
		log.Fatal(err)
	}
	s, err = journal.ReadStatus(path + journal.Suffix)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the journal is", s.State)
	pool, err = libpmemobj.Open(path, "hits") // without the journal
	if err != nil {
		log.Fatal(err)
	}
	hits, err = libpmemobj.Root[Hits](pool)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("hits:", hits.Get().Count)
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}

	// Output:
	// opens by itself: false
	// the journal is dirty and has something: true
	// the journal is clean
	// hits: 1
}
