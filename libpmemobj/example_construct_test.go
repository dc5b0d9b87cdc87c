package libpmemobj_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Account is what the examples of constructors make.
type Account struct {
	Number  uint64
	Balance int64
	Owner   [16]byte
}

// Bank is their root.
type Bank struct {
	Founded uint64
	First   libpmemobj.Ptr[Account]
}

// An account is opened: after a crash it is there with its owner and balance,
// and the bank points at it, or there is no account.
func ExampleConstruct() {
	pool, done := examplePool()
	defer done()
	bank, err := libpmemobj.Root[Bank](pool)
	if err != nil {
		log.Fatal(err)
	}
	account, err := libpmemobj.Construct(pool, &bank.Get().First, func(a *Account) error {
		a.Number, a.Balance = 1, 100
		copy(a.Owner[:], "Ada")
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account == bank.Get().First, account.Get().Balance)

	// A constructor that fails leaves nothing behind.
	errPoor := errors.New("no deposit")
	_, err = libpmemobj.Construct(pool, &bank.Get().First, func(a *Account) error {
		return errPoor
	})
	fmt.Println(err, "-", account == bank.Get().First)

	// Allocating inside would outlive such a failure, and is refused.
	_, err = libpmemobj.Construct(pool, nil, func(a *Account) error {
		_, err := pool.Zalloc(nil, 64, 1)
		return err
	})
	fmt.Println(errors.Is(err, libpmemobj.ErrInConstructor))
	// Output:
	// true 100
	// no deposit - true
	// true
}

func ExampleConstructArray() {
	pool, done := examplePool()
	defer done()
	var squares libpmemobj.Ptr[uint64]
	_, err := libpmemobj.ConstructArray(pool, &squares, 5, func(v []uint64) error {
		for i := range v {
			v[i] = uint64(i * i)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(squares.Slice(5))
	// Output: [0 1 4 9 16]
}

func ExamplePool_ConstructBytes() {
	pool, done := examplePool()
	defer done()
	const text = "whole or not at all"
	oid, err := pool.ConstructBytes(nil, len(text), 1, func(b []byte) error {
		copy(b, text)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	b, err := pool.Bytes(oid, 0, uint64(len(text)))
	fmt.Println(string(b), err)
	// Output: whole or not at all <nil>
}

// A root that is never seen empty.
func ExampleConstructRoot() {
	pool, done := examplePool()
	defer done()
	for range 2 { // the second time like a later start of the program
		bank, err := libpmemobj.ConstructRoot(pool, func(b *Bank) error {
			fmt.Println("founding the bank")
			b.Founded = 1852
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("since", bank.Get().Founded)
	}
	// Output:
	// founding the bank
	// since 1852
	// since 1852
}
