package libpmemobj_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// exampleFile is a path for a pool, and what removes it.
func exampleFile() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(dir, "pool"), func() { os.RemoveAll(dir) }
}

// examplePool makes a pool. That it outlives the process, but not the
// machine, is enough for an example.
func examplePool() (pool *libpmemobj.Pool, closeAndRemove func()) {
	path, remove := exampleFile()
	pool, err := libpmemobj.Create(path, "example", libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err != nil {
		log.Fatal(err)
	}
	return pool, func() {
		if err := pool.Close(); err != nil {
			log.Fatal(err)
		}
		remove()
	}
}

// Visits is what the example keeps: a counter and a list of names.
type Visits struct {
	Count  uint64
	Latest libpmemobj.Ptr[Visit]
}

// Visit is an element of the list.
type Visit struct {
	Name  [16]byte
	Older libpmemobj.Ptr[Visit]
}

// A counter and a linked list that survive the end of the program, whenever
// it comes.
func Example() {
	path, remove := exampleFile()
	defer remove()
	for _, name := range []string{"Ada", "Grace"} { // each time like a new start of the program
		pool, err := libpmemobj.OpenOrCreate(path, "visits")
		if err != nil {
			log.Fatal(err)
		}
		root, err := libpmemobj.Root[Visits](pool)
		if err != nil {
			log.Fatal(err)
		}
		err = pool.Update(func(tx *libpmemobj.Tx) error {
			visit, err := libpmemobj.New[Visit](tx)
			if err != nil {
				return err // nothing has happened
			}
			v := root.Mut(tx)
			*visit.Get() = Visit{Older: v.Latest}
			copy(visit.Get().Name[:], name)
			v.Count, v.Latest = v.Count+1, visit
			return nil // all of it has happened
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("visit number", root.Get().Count)
		for p := root.Get().Latest; !p.IsNull(); p = p.Get().Older {
			fmt.Printf("  %s\n", bytes.TrimRight(p.Get().Name[:], "\x00"))
		}
		if err := pool.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// visit number 1
	//   Ada
	// visit number 2
	//   Grace
	//   Ada
}

// An account that is moved between two cells is never seen half-moved, by a
// crash or by an error.
func ExamplePool_Update() {
	pool, remove := examplePool()
	defer remove()
	type accounts struct{ Mine, Yours int64 }
	root, err := libpmemobj.Root[accounts](pool)
	if err != nil {
		log.Fatal(err)
	}
	move := func(amount int64) error {
		return pool.Update(func(tx *libpmemobj.Tx) error {
			a := root.Mut(tx)
			a.Mine += amount
			a.Yours -= amount
			if a.Yours < -100 {
				return errors.New("no more credit")
			}
			return nil
		})
	}
	fmt.Println(move(80), *root.Get())
	fmt.Println(move(50), *root.Get())
	// Output:
	// <nil> {80 -80}
	// no more credit {80 -80}
}

// A panic rolls back like an error and goes on.
func ExamplePool_Update_panic() {
	pool, remove := examplePool()
	defer remove()
	count, err := libpmemobj.Root[uint64](pool)
	if err != nil {
		log.Fatal(err)
	}
	defer func() {
		fmt.Println(recover(), *count.Get())
	}()
	_ = pool.Update(func(tx *libpmemobj.Tx) error {
		*count.Mut(tx) = 1
		panic("out of coffee")
	})
	// Output: out of coffee 0
}

// A new element is linked into a list with a publication, which costs a
// fraction of a transaction: the element is written where nobody sees it, and
// one power-fail-atomic step brings it into being and links it.
func ExamplePool_Publish() {
	pool, remove := examplePool()
	defer remove()
	type task struct {
		Next   libpmemobj.Off[task]
		Number uint64
	}
	type tasks struct {
		First libpmemobj.Off[task]
		Count uint64
	}
	root, err := libpmemobj.Root[tasks](pool)
	if err != nil {
		log.Fatal(err)
	}
	for number := range uint64(3) {
		err := pool.Publish(func(a *libpmemobj.Actions) error {
			list := root.Get()
			ptr, t, err := libpmemobj.Reserve[task](a)
			if err != nil {
				return err
			}
			*t = task{Next: list.First, Number: number}
			libpmemobj.StoreOff(a, &list.First, libpmemobj.OffOf(ptr))
			libpmemobj.Store(a, &list.Count, list.Count+1)
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(root.Get().Count, "tasks")
	for o := root.Get().First; !o.IsNull(); o = o.Get(pool).Next {
		fmt.Println(o.Get(pool).Number)
	}
	// Output:
	// 3 tasks
	// 2
	// 1
	// 0
}

// Every object of a type can be found without a pointer to it, and freed on
// the way.
func ExampleObjectsOf() {
	pool, remove := examplePool()
	defer remove()
	type session struct{ User, Expired uint64 }
	err := pool.Update(func(tx *libpmemobj.Tx) error {
		for user := range uint64(4) {
			s, err := libpmemobj.New[session](tx)
			if err != nil {
				return err
			}
			*s.Get() = session{User: user, Expired: user % 2}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	for s := range libpmemobj.ObjectsOf[session](pool) {
		if s.Get().Expired == 0 {
			continue
		}
		if err := pool.Free(s.Ref()); err != nil {
			log.Fatal(err)
		}
	}
	for s := range libpmemobj.ObjectsOf[session](pool) {
		fmt.Println("user", s.Get().User)
	}
	// Output:
	// user 0
	// user 2
}

// The root grows with its type: fields added at its end start as zero.
func ExampleRoot() {
	pool, remove := examplePool()
	defer remove()
	type settingsV1 struct{ Width, Height uint64 }
	type settingsV2 struct {
		Width, Height uint64
		Depth         uint64
	}
	old, err := libpmemobj.Root[settingsV1](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		*old.Mut(tx) = settingsV1{Width: 80, Height: 25}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	now, err := libpmemobj.Root[settingsV2](pool)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(*now.Get())

	_, err = libpmemobj.Root[struct{ Name string }](pool)
	var typeErr *libpmemobj.TypeError
	fmt.Println(errors.As(err, &typeErr), typeErr.Reason)
	// Output:
	// {80 25 0}
	// true is a string, which means nothing after a restart; use libpmemobj.String
}

// Fields of several objects are saved in one step, and then written as
// ordinary memory.
func ExampleTx_Snapshot() {
	pool, remove := examplePool()
	defer remove()
	type table struct {
		Used uint64
		Rows [1000]uint64
	}
	root, err := libpmemobj.Root[table](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		t := root.Get()
		fresh := t.Rows[t.Used : t.Used+3]
		if err := tx.Snapshot(libpmemobj.RangeOf(&t.Used), libpmemobj.RangeOfSlice(fresh)); err != nil {
			return err
		}
		for i := range fresh {
			fresh[i] = uint64(i) * 10
		}
		t.Used += 3
		return nil
	})
	fmt.Println(err, root.Get().Used, root.Get().Rows[:4])
	// Output: <nil> 3 [0 10 20 0]
}

// An Off takes half the room of a Ptr, and one store changes it. It is read
// with the pool that it belongs to.
func ExampleOff() {
	pool, remove := examplePool()
	defer remove()
	type leaf struct{ Value uint64 }
	type branch struct{ Left, Right libpmemobj.Off[leaf] }
	root, err := libpmemobj.Root[branch](pool)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		l, err := libpmemobj.New[leaf](tx)
		if err != nil {
			return err
		}
		l.Get().Value = 7
		root.Mut(tx).Left = libpmemobj.OffOf(l)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	b := root.Get()
	fmt.Println(b.Left.Get(pool).Value, b.Right.IsNull())
	// Output: 7 true
}

// A pool is tried out without being changed.
func ExampleWithCopyOnWrite() {
	path, remove := exampleFile()
	defer remove()
	count := func(opts ...libpmemobj.Option) uint64 {
		pool, err := libpmemobj.Open(path, "example", opts...)
		if err != nil {
			log.Fatal(err)
		}
		defer pool.Close()
		n, err := libpmemobj.Root[uint64](pool)
		if err != nil {
			log.Fatal(err)
		}
		err = pool.Update(func(tx *libpmemobj.Tx) error {
			*n.Mut(tx)++
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		return *n.Get()
	}
	pool, err := libpmemobj.Create(path, "example")
	if err != nil {
		log.Fatal(err)
	}
	if err := pool.Close(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(count(), "written")
	fmt.Println(count(libpmemobj.WithCopyOnWrite()), "tried")
	fmt.Println(count(libpmemobj.WithCopyOnWrite()), "tried again")
	fmt.Println(count(), "written")
	// Output:
	// 1 written
	// 2 tried
	// 2 tried again
	// 2 written
}

// A pointer that leads nowhere panics in Go, with a value that says why, and
// not in C.
func ExamplePtr_Get() {
	defer func() { fmt.Println(recover()) }()
	var p libpmemobj.Ptr[uint64]
	fmt.Println(*p.Get())
	// Output: dereference of a null persistent pointer
}

// A single allocation needs no transaction: the object and the pointer to it
// come into being together.
func ExamplePool_Alloc() {
	pool, remove := examplePool()
	defer remove()
	type holder struct{ Buffer libpmemobj.OID }
	root, err := libpmemobj.Root[holder](pool)
	if err != nil {
		log.Fatal(err)
	}
	buffer := &root.Get().Buffer // in the pool
	if _, err := pool.Zalloc(buffer, 4096, 1); err != nil {
		log.Fatal(err)
	}
	b, err := pool.Bytes(*buffer, 0, 4096)
	fmt.Println(len(b), err)
	fmt.Println(pool.Free(buffer), buffer.IsNull())
	// Output:
	// 4096 <nil>
	// <nil> true
}
