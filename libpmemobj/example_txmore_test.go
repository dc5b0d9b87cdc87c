package libpmemobj_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ledger is an account book with the log that its transactions use.
type Ledger struct {
	Accounts [1000]int64
	Total    int64
	Log      libpmemobj.Ptr[libpmemobj.TxLog]
}

// A transaction that needs no memory for its logs: they are made once, for as
// many ranges as it will touch, and serve also when the pool is full.
func ExampleTx_UseLog() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[Ledger](pool)
	if err != nil {
		log.Fatal(err)
	}
	const most = 100 // accounts that one transaction may change
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		l := root.Mut(tx)
		l.Log, err = libpmemobj.NewTxLog(tx, libpmemobj.TxNeeds{Snapshots: most, SnapshotBytes: 8})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}

	pay := func(accounts int) error {
		return pool.Update(func(tx *libpmemobj.Tx) error {
			l := root.Get()
			if err := tx.UseLog(l.Log); err != nil {
				return err
			}
			for i := range accounts {
				*libpmemobj.MutAt(tx, &l.Accounts[i]) += 5
			}
			return nil
		})
	}
	fmt.Println(pay(100), root.Get().Accounts[:3])
	err = pay(1000)
	fmt.Println(errors.Is(err, libpmemobj.ErrLogFull), root.Get().Accounts[:3])
	// Output:
	// <nil> [5 5 5]
	// true [5 5 5]
}

// A total that is written once, however many changes led to it.
func ExampleTx_OnStage() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[Ledger](pool)
	if err != nil {
		log.Fatal(err)
	}
	deposit := func(tx *libpmemobj.Tx, account int, amount int64) error {
		*libpmemobj.MutAt(tx, &root.Get().Accounts[account]) += amount
		if sum, ok := tx.UserData().(*int64); ok {
			*sum += amount
			return nil
		}
		sum := amount
		if err := tx.SetUserData(&sum); err != nil {
			return err
		}
		return tx.OnStage(func(s libpmemobj.Stage) {
			fmt.Println(s)
			if s == libpmemobj.StageWork {
				*libpmemobj.MutAt(tx, &root.Get().Total) += sum
			}
		})
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		for i := range 10 {
			if err := deposit(tx, i, 3); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println(err, root.Get().Total)
	// Output:
	// work
	// on commit
	// finally
	// none
	// <nil> 30
}

// A buffer whose content means nothing until its length is set needs no copy
// of what it held before.
func ExampleTx_Track() {
	pool, done := examplePool()
	defer done()
	type message struct {
		Len  uint64
		Text [4096]byte
	}
	root, err := libpmemobj.Root[message](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		m := root.Get()
		if err := tx.Track(libpmemobj.RangeOf(&m.Text)); err != nil {
			return err
		}
		*libpmemobj.MutAt(tx, &m.Len) = uint64(copy(m.Text[:], "flushed by the commit"))
		return nil
	})
	m := root.Get()
	fmt.Printf("%v %s\n", err, m.Text[:m.Len])
	// Output: <nil> flushed by the commit
}

// With FailureAbort nothing that failed can be committed by mistake.
func ExampleTx_SetFailureBehavior() {
	pool, done := examplePool()
	defer done()
	err := pool.Update(func(tx *libpmemobj.Tx) error {
		if err := tx.SetFailureBehavior(libpmemobj.FailureAbort); err != nil {
			return err
		}
		_, _, _ = libpmemobj.NewBytes(tx, 1<<40, 0) // whose error is forgotten
		fmt.Println("doomed:", tx.Err() != nil)
		return nil
	})
	fmt.Println("rolled back:", err != nil)
	// Output:
	// doomed: true
	// rolled back: true
}

// A string that a C program reads with fputws.
func ExampleNewWideString() {
	pool, done := examplePool()
	defer done()
	var oid libpmemobj.OID
	err := pool.Update(func(tx *libpmemobj.Tx) (err error) {
		oid, err = libpmemobj.NewWideString(tx, "Grüße 世界", 0)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pool.WideString(oid))
	// Output: Grüße 世界 <nil>
}
