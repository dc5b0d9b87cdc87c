package libpmemobj_test

import (
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Leaf is what the example keeps very many of.
type Leaf struct {
	Key, Value uint64
	Next       libpmemobj.Off[Leaf]
	_          [5]uint64
}

// Objects of 64 bytes that take 64 bytes each, side by side.
func ExampleClassFor() {
	pool, remove := examplePool()
	defer remove()

	leaves, err := libpmemobj.ClassFor[Leaf](pool, libpmemobj.HeaderNone) // after every Open
	if err != nil {
		log.Fatal(err)
	}
	var first, second libpmemobj.Ptr[Leaf]
	err = pool.Update(func(tx *libpmemobj.Tx) (err error) {
		if first, err = leaves.NewZeroed(tx); err != nil {
			return err
		}
		second, err = leaves.NewZeroed(tx)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("bytes from one to the next:", second.OID().Off-first.OID().Off)
	// Output: bytes from one to the next: 64
}

// A class for pages that begin where pages of memory do.
func ExamplePool_NewClass() {
	pool, remove := examplePool()
	defer remove()

	pages, err := pool.NewClass(libpmemobj.AllocClass{
		UnitSize:      4096,
		Alignment:     4096,
		UnitsPerBlock: 100,
		Header:        libpmemobj.HeaderNone,
	})
	if err != nil {
		log.Fatal(err)
	}
	oid, err := pool.Xalloc(nil, 4096, 0, pages.Flag()|libpmemobj.AllocZero)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("past a page's start:", oid.Off%4096)
	// Output: past a page's start: 0
}

// An arena of its own for a writer that should not share blocks with others.
func ExamplePool_WithArena() {
	pool, remove := examplePool()
	defer remove()

	arena, err := pool.NewArena()
	if err != nil {
		log.Fatal(err)
	}
	err = pool.WithArena(arena, func() error {
		_, err := pool.Alloc(nil, 1000, 1)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	size, err := arena.Size()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the arena has memory:", size > 0)
	// Output: the arena has memory: true
}

// The pool's figures, served with the program's other variables.
func ExamplePublishExpvar() {
	pool, remove := examplePool()
	defer remove()

	if err := libpmemobj.PublishExpvar("pool", pool); err != nil {
		log.Fatal(err)
	}
	// net/http serves this text under /debug/vars.
	text := expvar.Get("pool").String()

	var shown struct{ Stats libpmemobj.Stats }
	if err := json.Unmarshal([]byte(text), &shown); err != nil {
		log.Fatal(err)
	}
	fmt.Println("all free:", shown.Stats.Free == shown.Stats.HeapSize)
	// Output: all free: true
}

// Why there was no room for an object.
func ExampleSpaceError() {
	pool, remove := examplePool()
	defer remove()

	_, err := pool.Alloc(nil, 1<<30, 1)
	var space *libpmemobj.SpaceError
	if errors.As(err, &space) {
		fmt.Println(space.Reason)
	}
	// Output: over the cap of a single object
}

// A node by its name in PMDK's manual.
func ExamplePool_Ctl() {
	pool, remove := examplePool()
	defer remove()

	node := pool.Ctl("stats.enabled")
	if err := node.SetText("both"); err != nil {
		log.Fatal(err)
	}
	text, err := node.Text()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(text)
	// Output: both
}
