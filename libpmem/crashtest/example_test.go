//go:build !pmdk_dynamic

package crashtest_test

import (
	"fmt"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Bank is the root of a pool: some accounts, which hold 100 together.
type Bank struct {
	Transfers uint64
	Accounts  [2]struct {
		Balance uint64
		_       [56]byte // each on a cache line of its own
	}
}

// transfer has a bug: it forgets to snapshot the account that gets the money.
func transfer(pool *libpmemobj.Pool, bank libpmemobj.Ptr[Bank], amount uint64) error {
	return pool.Update(func(tx *libpmemobj.Tx) error {
		b := bank.Get()
		if err := tx.Snapshot(libpmemobj.RangeOf(&b.Accounts[0]), libpmemobj.RangeOf(&b.Transfers)); err != nil {
			return err
		}
		b.Accounts[0].Balance -= amount
		b.Accounts[1].Balance += amount
		b.Transfers++
		return nil
	})
}

// A test of a program would call Run, which needs a *testing.T and checks the
// images in processes of their own. What it reports is the same.
func ExampleExplore() {
	workload := func(pool *libpmemobj.Pool) error {
		bank, err := libpmemobj.Root[Bank](pool)
		if err != nil {
			return err
		}
		err = crashtest.Unchecked(func() error {
			return pool.Update(func(tx *libpmemobj.Tx) error {
				bank.Mut(tx).Accounts[0].Balance = 100
				return nil
			})
		})
		if err != nil {
			return err
		}
		for i := range 3 {
			if err := transfer(pool, bank, 10); err != nil {
				return err
			}
			crashtest.Ack(int64(i + 1))
		}
		return nil
	}
	check := func(pool *libpmemobj.Pool, acked crashtest.Acked) error {
		bank, err := libpmemobj.Root[Bank](pool)
		if err != nil {
			return err
		}
		b := bank.Get()
		sum := b.Accounts[0].Balance + b.Accounts[1].Balance
		if acked.Any() && sum != 100 {
			return fmt.Errorf("the accounts hold %d together", sum)
		}
		if b.Transfers < uint64(acked.Last()) {
			return fmt.Errorf("%d transfers, but %d were acknowledged", b.Transfers, acked.Last())
		}
		return nil
	}
	report, err := crashtest.Explore(crashtest.Config{Images: 80}, workload, check)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range report.Failures {
		fmt.Println(f)
	}
	for _, w := range report.Warnings {
		fmt.Println(w)
	}
	// Output:
	// the check fails: the accounts hold 110 together
	//   acknowledged: 1
	//   crash: before event 134 of 166, a fence, inside example_test.go:23 (in (*Pool).Update), after example_test.go:30 and before example_test.go:56 (in crashtest.Ack)
	//   6 images fail like this; in the smallest, nothing is lost of 6 lines in flight: it fails even if every store reached the medium
	// reached the medium, with no need to: 6 lines, such as
	//   line 0x3c1500, word 3, stored at example_test.go:29 in a transaction, without a snapshot
	//     flushed at example_test.go:23 (in (*Pool).Update), but not fenced before the crash
	//     0x3c1518: 0x14 (20) was stored over 0xa (10)
	//   line 0x3c14c0, word 3, stored at example_test.go:28 in a transaction, with a snapshot
	//     flushed at example_test.go:23 (in (*Pool).Update), but not fenced before the crash
	//     0x3c14d8: 0x50 (80) was stored over 0x5a (90)
	//     and 1 other store to line 0x3c14c0
	// hint: example_test.go:29 modifies the word at 0x3c1518 in a transaction without a snapshot, so that recovery does not restore it.
	// example_test.go:29: modified in a transaction without a snapshot: the word at 0x3c1518, flushed only because the line is shared; a rollback will not restore it (3 times)
}
