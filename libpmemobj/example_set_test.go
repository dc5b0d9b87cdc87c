package libpmemobj_test

import (
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// A pool that grows by itself: it starts with 8 MiB and takes 4 MiB more each
// time it is full, up to 24 MiB.
func ExampleWithGrowth() {
	path, remove := exampleFile()
	defer remove()
	pool, err := libpmemobj.Create(path, "example", libpmemobj.WithGrowth(24<<20, 4<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("created with", pool.Size()>>20, "MiB")
	for err == nil {
		err = pool.Update(func(tx *libpmemobj.Tx) error {
			_, _, err := libpmemobj.NewBytes(tx, 1<<20, 0)
			return err
		})
	}
	fmt.Println("grown to", pool.Size()>>20, "MiB of", pool.Limit()>>20)
	fmt.Println("full:", errors.Is(err, libpmemobj.ErrOutOfSpace))
	if err := pool.Close(); err != nil {
		fmt.Println(err)
		return
	}

	// The path leads to all of it from now on.
	pool, err = libpmemobj.Open(path, "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	fmt.Println("opened with", pool.Size()>>20, "MiB")
	// Output:
	// created with 8 MiB
	// grown to 24 MiB of 24
	// full: true
	// opened with 24 MiB
}
