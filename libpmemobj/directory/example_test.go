package directory_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
	"github.com/pmem/pmdk-go/libpmemobj/vector"
)

// Settings is a root object of the program's own, in a pool with containers.
type Settings struct {
	Directory directory.Root
	Limit     uint64
}

func Example() {
	dir, err := os.MkdirTemp("", "directory")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	pool, err := libpmemobj.Create(filepath.Join(dir, "pool"), "example")
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	settings, err := directory.Embed[Settings](pool)
	if err != nil {
		log.Fatal(err)
	}
	samples, err := vector.Open[float64](pool, "samples")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := samples.AppendAll([]float64{1, 2, 3}); err != nil {
		log.Fatal(err)
	}
	if _, err := counter.Open(pool, "hits"); err != nil {
		log.Fatal(err)
	}
	fmt.Println("limit", settings.Get().Limit)
	for e, err := range directory.List(pool) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Name, "is a", e.Kind, "with", e.Entries)
	}
	_, err = vector.Open[int32](pool, "samples")
	fmt.Println(err != nil)
	// Output:
	// limit 0
	// samples is a vector.Vector[float64] version 1 with 3
	// hits is a counter.Sharded version 1 with 1
	// true
}
