package hashmap_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/hashmap"
)

// examplePool makes a pool in a new folder.
func examplePool() (p *libpmemobj.Pool, remove func()) {
	dir, err := os.MkdirTemp("", "hashmap-")
	if err != nil {
		panic(err)
	}
	p, err = libpmemobj.Create(filepath.Join(dir, "pool"), "example", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err != nil {
		panic(err)
	}
	return p, func() {
		p.Close()
		os.RemoveAll(dir)
	}
}

func ExampleMap() {
	pool, remove := examplePool()
	defer remove()

	type account struct {
		Balance int64
		Changes uint32
	}
	accounts, err := hashmap.Open[uint64, account](pool, "accounts")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Each of these is durable when it returns.
	_ = accounts.Put(17, account{Balance: 100})
	_ = accounts.Update(17, func(a account, found bool) (account, error) {
		if a.Balance < 30 {
			return a, errors.New("not enough money")
		}
		a.Balance -= 30
		a.Changes++
		return a, nil
	})
	a, found, err := accounts.Get(17)
	fmt.Println(a, found, err)
	// Output: {70 1} true <nil>
}

func ExampleMap_In() {
	pool, remove := examplePool()
	defer remove()
	accounts, _ := hashmap.Open[uint64, int64](pool, "accounts")
	journal, _ := hashmap.OpenBytes(pool, "journal")
	_ = accounts.Put(1, 100)

	transfer := func(from, to uint64, sum int64) error {
		return pool.Update(func(tx *libpmemobj.Tx) error {
			a := accounts.In(tx)
			add := func(sum int64) func(int64, bool) (int64, error) {
				return func(v int64, _ bool) (int64, error) {
					if v+sum < 0 {
						return 0, errors.New("not enough money")
					}
					return v + sum, nil
				}
			}
			// Both accounts and the journal change together or not at all.
			if err := a.Update(to, add(sum)); err != nil {
				return err
			}
			if err := a.Update(from, add(-sum)); err != nil {
				return err
			}
			return journal.In(tx).Put([]byte("last"), fmt.Appendf(nil, "%d from %d to %d", sum, from, to))
		})
	}
	fmt.Println(transfer(1, 2, 60))
	fmt.Println(transfer(1, 2, 60))
	for _, k := range []uint64{1, 2} {
		v, _, _ := accounts.Get(k)
		fmt.Println(k, v)
	}
	last, _, _ := journal.Get([]byte("last"))
	fmt.Println(string(last))
	// Output:
	// <nil>
	// not enough money
	// 1 40
	// 2 60
	// 60 from 1 to 2
}

func ExampleBytes() {
	pool, remove := examplePool()
	defer remove()
	users, err := hashmap.OpenBytes(pool, "users", hashmap.WithInline(64))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = users.Put([]byte("ada"), []byte("Ada Lovelace"))
	_ = users.Put([]byte("grace"), []byte("Grace Hopper"))
	inserted, _ := users.PutIfAbsent([]byte("ada"), []byte("somebody else"))
	fmt.Println("inserted:", inserted)

	var names []string
	for _, name := range users.All() {
		names = append(names, string(name))
	}
	slices.Sort(names)
	fmt.Println(names)
	// Output:
	// inserted: false
	// [Ada Lovelace Grace Hopper]
}
