package libpmemobj_test

import (
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// How much of the C library's memory an open pool needs.
func ExampleTrackCMemory() {
	if err := libpmemobj.TrackCMemory(true); err != nil {
		log.Fatal(err)
	}
	pool, done := examplePool()
	open := libpmemobj.CMemory().Bytes
	done()
	closed := libpmemobj.CMemory().Bytes
	fmt.Println(pool.Path() != "", open > 100_000, closed < 10_000)
	if err := libpmemobj.TrackCMemory(false); err != nil {
		log.Fatal(err)
	}
	// Output: true true true
}
