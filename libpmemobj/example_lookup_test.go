package libpmemobj_test

import (
	"fmt"
	"log"
	"sync"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// A function gets the address of a field and finds what it needs to change it.
func ExamplePtrTo() {
	pool, done := examplePool()
	defer done()
	bank, err := libpmemobj.Root[Bank](pool)
	if err != nil {
		log.Fatal(err)
	}
	set := func(field *uint64, value uint64) error {
		p, err := libpmemobj.PoolAt(field)
		if err != nil {
			return err
		}
		ptr, err := libpmemobj.PtrTo(field)
		if err != nil {
			return err
		}
		return p.Update(func(tx *libpmemobj.Tx) error {
			*ptr.Mut(tx) = value
			return nil
		})
	}
	err = set(&bank.Get().Founded, 1852)
	fmt.Println(bank.Get().Founded, err)
	err = set(new(uint64), 1)
	fmt.Println(err != nil)
	// Output:
	// 1852 <nil>
	// true
}

func ExamplePoolOf() {
	pool, done := examplePool()
	defer done()
	bank, err := libpmemobj.Root[Bank](pool)
	if err != nil {
		log.Fatal(err)
	}
	found, err := libpmemobj.PoolOf(bank.OID())
	fmt.Println(found == pool, err)
	_, err = libpmemobj.PoolOf(libpmemobj.OID{Pool: 1, Off: 64})
	fmt.Println(err)
	// Output:
	// true <nil>
	// dereference of 0000000000000001:0x40: no pool with this UUID is open
}

// A lock that protects a pool's data goes with the pool.
func ExamplePool_SetUserData() {
	pool, done := examplePool()
	defer done()
	if err := pool.SetUserData(new(sync.RWMutex)); err != nil {
		log.Fatal(err)
	}
	lock := pool.UserData().(*sync.RWMutex)
	lock.Lock()
	defer lock.Unlock()
	fmt.Printf("%T\n", lock)
	// Output: *sync.RWMutex
}

// Two fields are made durable with one crossing and one wait.
func ExamplePool_XPersist() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[[1000]uint64](pool)
	if err != nil {
		log.Fatal(err)
	}
	v := root.Get()
	v[0], v[999] = 1, 2
	err = pool.XPersist(libpmemobj.MemRelaxed, libpmemobj.RangeOf(&v[0]), libpmemobj.RangeOf(&v[999]))
	fmt.Println(err)
	// Output: <nil>
}
