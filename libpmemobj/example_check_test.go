package libpmemobj_test

import (
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// A pool file is checked before it is used, and again after somebody wrote
// into its header.
func ExampleCheck() {
	path, remove := exampleFile()
	defer remove()
	pool, err := libpmemobj.Create(path, "checked")
	if err != nil {
		log.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(libpmemobj.Check(path, "checked"))

	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte{0xff}, 100); err != nil {
		log.Fatal(err)
	}
	var corrupt *libpmemobj.CorruptError
	if errors.As(libpmemobj.Check(path, "checked"), &corrupt) {
		fmt.Println("damaged:", corrupt.Structure)
	}
	// Output:
	// <nil>
	// damaged: pool header
}
