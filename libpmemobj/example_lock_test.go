package libpmemobj_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// SharedAccount is an object with a lock that C programs take as well.
type SharedAccount struct {
	Lock    libpmemobj.Mutex // PMEMmutex
	Balance int64
}

// A lock is taken before Update and given back after it. LockContext gives up
// when its context is done.
func ExampleMutex() {
	pool, closePool := examplePool()
	defer closePool()
	root, err := libpmemobj.Root[SharedAccount](pool)
	if err != nil {
		log.Fatal(err)
	}
	account := root.Get()

	deposit := func(amount int64) error {
		if err := account.Lock.Lock(); err != nil {
			return err
		}
		defer account.Lock.Unlock()
		return pool.Update(func(tx *libpmemobj.Tx) error {
			// Not root.Mut(tx): a lock is not part of what is rolled back.
			*libpmemobj.MutAt(tx, &account.Balance) += amount
			return nil
		})
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := deposit(5); err != nil {
				log.Print(err)
			}
		})
	}
	wg.Wait()
	fmt.Println(account.Balance)

	if err := account.Lock.Lock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(account.Lock.Lock(), libpmemobj.ErrLockHeld))
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		fmt.Println(account.Lock.LockContext(ctx))
	})
	wg.Wait()
	fmt.Println(account.Lock.Unlock())
	// Output:
	// 50
	// true
	// context deadline exceeded
	// <nil>
}

// A transaction can take locks and hold them until it has ended.
func ExampleTx_Lock() {
	pool, closePool := examplePool()
	defer closePool()
	root, err := libpmemobj.Root[SharedAccount](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		if err := tx.Lock(&root.Get().Lock); err != nil {
			return err
		}
		root.Mut(tx).Balance = 7 // a rollback leaves out the transaction's locks
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	free, err := root.Get().Lock.TryLock()
	fmt.Println(root.Get().Balance, free, err)
	fmt.Println(root.Get().Lock.Unlock())
	// Output:
	// 7 true <nil>
	// <nil>
}

// Readers share an RWMutex.
func ExampleRWMutex() {
	pool, closePool := examplePool()
	defer closePool()
	root, err := libpmemobj.Root[libpmemobj.RWMutex](pool)
	if err != nil {
		log.Fatal(err)
	}
	lock := root.Get()
	if err := lock.RLock(); err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		read, _ := lock.TryRLock()
		if read {
			defer lock.RUnlock()
		}
		fmt.Println("another reader:", read)
	})
	wg.Wait()
	wg.Go(func() {
		write, _ := lock.TryLock()
		fmt.Println("a writer:", write)
	})
	wg.Wait()
	fmt.Println(lock.RUnlock())
	// Output:
	// another reader: true
	// a writer: false
	// <nil>
}

// Mailbox holds one message; who wants it waits.
type Mailbox struct {
	Lock    libpmemobj.Mutex
	Changed libpmemobj.Cond
	Message uint64 // 0: none
}

// Whoever waits looks again after each return.
func ExampleCond() {
	pool, closePool := examplePool()
	defer closePool()
	root, err := libpmemobj.Root[Mailbox](pool)
	if err != nil {
		log.Fatal(err)
	}
	box := root.Get()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := box.Lock.Lock(); err != nil {
			log.Print(err)
			return
		}
		defer box.Lock.Unlock()
		for box.Message == 0 {
			if err := box.Changed.Wait(&box.Lock); err != nil {
				log.Print(err)
				return
			}
		}
		fmt.Println("got", box.Message)
	})
	if err := box.Lock.Lock(); err != nil {
		log.Fatal(err)
	}
	box.Message = 42
	err = errors.Join(box.Changed.Signal(), box.Lock.Unlock())
	wg.Wait()
	fmt.Println(err)
	// Output:
	// got 42
	// <nil>
}

// Index keeps a count of lookups that need not survive.
type Index struct {
	Entries uint64
	Lookups libpmemobj.Volatile[uint64]
}

// A volatile value starts anew whenever the pool is opened.
func ExampleVolatile() {
	pool, closePool := examplePool()
	defer closePool()
	root, err := libpmemobj.Root[Index](pool)
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		lookups, err := root.Get().Lookups.Get(func(n *uint64) error {
			fmt.Println("constructed")
			*n = 100
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		*lookups++
		fmt.Println(*lookups)
	}
	// Output:
	// constructed
	// 101
	// 102
	// 103
}
