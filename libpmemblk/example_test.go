package libpmemblk_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemblk"
)

// exampleDir is a folder for an example's pool.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "libpmemblk-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

func Example() {
	dir, remove := exampleDir()
	defer remove()
	pool, err := libpmemblk.OpenOrCreate(filepath.Join(dir, "accounts.blk"), 1024)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	account := make([]byte, pool.BlockSize())
	copy(account, "alice: 100")
	if err := pool.WriteBlock(7, account); err != nil {
		log.Fatal(err)
	}
	// Durable from here on. A crash before left all of what block 7 held.

	clear(account)
	if err := pool.ReadBlock(7, account); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", account[:10])
	// Output: alice: 100
}

// The blocks as one row of bytes.
func ExamplePool_WriteAt() {
	dir, remove := exampleDir()
	defer remove()
	pool, err := libpmemblk.Create(filepath.Join(dir, "pool"), 512)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	if _, err := pool.WriteAt([]byte("across the end of block 0"), 500); err != nil {
		log.Fatal(err)
	}
	b := make([]byte, 14)
	if _, err := pool.ReadAt(b, 500); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", b)
	// Output: across the end
}

// A block that is known to be wrong cannot be read by accident.
func ExamplePool_SetError() {
	dir, remove := exampleDir()
	defer remove()
	pool, err := libpmemblk.Create(filepath.Join(dir, "pool"), 512)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	if err := pool.SetError(3); err != nil {
		log.Fatal(err)
	}
	b := make([]byte, 512)
	err = pool.ReadBlock(3, b)
	var bad *libpmemblk.BadBlockError
	if errors.As(err, &bad) {
		fmt.Println("block", bad.Block, "is bad")
	}
	if err := pool.WriteBlock(3, b); err != nil { // good again
		log.Fatal(err)
	}
	fmt.Println(pool.ReadBlock(3, b))
	// Output:
	// block 3 is bad
	// <nil>
}

// How large a file has to be.
func ExampleCapacity() {
	for _, size := range []int64{libpmemblk.MinPool, 64 << 20, 1 << 30} {
		fmt.Println(size, libpmemblk.Capacity(size, 4096))
	}
	// Output:
	// 16785408 3829
	// 67108864 16103
	// 1073741824 261623
}
