package ring_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

// newPool is a pool that is gone when done is called.
func newPool() (pool *libpmemobj.Pool, done func()) {
	dir, err := os.MkdirTemp("", "ring")
	if err != nil {
		log.Fatal(err)
	}
	pool, err = libpmemobj.Create(filepath.Join(dir, "pool"), "example")
	if err != nil {
		log.Fatal(err)
	}
	return pool, func() {
		_ = pool.Close()
		_ = os.RemoveAll(dir)
	}
}

// A log for a replicated state machine: entries are added in batches, conflicting
// ones are replaced, and those that a snapshot covers are removed.
func ExampleLog() {
	pool, done := newPool()
	defer done()
	entries, err := ring.OpenLog(pool, "raft")
	if err != nil {
		log.Fatal(err)
	}
	first, err := entries.Append([]byte("x=1"), []byte("x=2"), []byte("y=3"))
	if err != nil {
		log.Fatal(err)
	}
	// The leader says that the third entry is another.
	if err := entries.TruncateBack(first + 2); err != nil {
		log.Fatal(err)
	}
	if _, err := entries.Append([]byte("y=4")); err != nil {
		log.Fatal(err)
	}
	// A snapshot holds the first.
	if err := entries.TruncateFront(first + 1); err != nil {
		log.Fatal(err)
	}
	for rec, err := range entries.From(0) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rec.Seq, string(rec.Data))
	}
	// Output:
	// 2 x=2
	// 3 y=4
}

// A consumer that counts what it was given: the message is gone if, and only if,
// it was counted.
func ExampleQueue() {
	pool, done := newPool()
	defer done()
	mail, err := ring.OpenQueue(pool, "mail")
	if err != nil {
		log.Fatal(err)
	}
	letters, err := counter.Open(pool, "letters")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	if err := mail.Enqueue(ctx, []byte("hello")); err != nil {
		log.Fatal(err)
	}

	m, err := mail.Dequeue(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %d in the queue\n", m.View(), mail.Len())
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		if err := letters.In(tx).Add(1); err != nil {
			return err
		}
		return m.CommitIn(tx)
	})
	if err != nil {
		log.Fatal(err)
	}
	n, err := letters.Load()
	fmt.Println(n, err, mail.Len())
	// Output:
	// hello, 1 in the queue
	// 1 <nil> 0
}
