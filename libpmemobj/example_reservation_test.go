package libpmemobj_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Objects are made in persistent memory by one goroutine and linked into a
// list by another. Whatever is not published when the process ends is gone.
func ExampleReservation() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[Visits](pool)
	if err != nil {
		log.Fatal(err)
	}

	visits := make(chan *libpmemobj.Reservation[Visit])
	go func() {
		defer close(visits)
		for _, name := range []string{"Ada", "Grace", "Barbara"} {
			v, err := libpmemobj.NewReservation[Visit](pool, libpmemobj.AllocZero)
			if err != nil {
				log.Print(err)
				return
			}
			copy(v.Value().Name[:], name)
			visits <- v
		}
	}()

	list := root.Get()
	for v := range visits {
		v.Value().Older = list.Latest
		err := pool.PublishActions(v,
			libpmemobj.SetPtr(&list.Latest, v.Ptr()),
			libpmemobj.SetValue(&list.Count, list.Count+1))
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(list.Count, "visits")
	for v := list.Latest; !v.IsNull(); v = v.Get().Older {
		fmt.Printf("%s\n", bytes.TrimRight(v.Get().Name[:], "\x00"))
	}
	// Output:
	// 3 visits
	// Barbara
	// Grace
	// Ada
}

// A reservation is published or cancelled once; then it can be renewed for
// another object, which allocates nothing in Go.
func ExampleReservation_Renew() {
	pool, done := examplePool()
	defer done()
	v, err := libpmemobj.NewReservation[Visit](pool, libpmemobj.AllocZero)
	if err != nil {
		log.Fatal(err)
	}
	if err := pool.PublishActions(v); err != nil {
		log.Fatal(err)
	}
	err = v.Cancel()
	fmt.Println(err, errors.Is(err, libpmemobj.ErrReservationDone))

	if err := v.Renew(libpmemobj.AllocZero); err != nil {
		log.Fatal(err)
	}
	fmt.Println(v.Cancel())
	// Output:
	// cancel reservation: reservation is published or cancelled: it was published true
	// <nil>
}

// A transaction takes reservations over: they come into being when it commits,
// and are free again if it does not.
func ExampleTx_Publish() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[Visits](pool)
	if err != nil {
		log.Fatal(err)
	}
	v, err := libpmemobj.NewReservation[Visit](pool, libpmemobj.AllocZero)
	if err != nil {
		log.Fatal(err)
	}
	copy(v.Value().Name[:], "Ada")

	err = pool.Update(func(tx *libpmemobj.Tx) error {
		if err := tx.Publish(v); err != nil {
			return err
		}
		r := root.Mut(tx)
		r.Latest = v.Ptr()
		r.Count++
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d: %s\n", root.Get().Count, bytes.TrimRight(root.Get().Latest.Get().Name[:], "\x00"))
	// Output:
	// 1: Ada
}

// A publication takes reservations that were made outside it.
func ExampleActions_Add() {
	pool, done := examplePool()
	defer done()
	root, err := libpmemobj.Root[Visits](pool)
	if err != nil {
		log.Fatal(err)
	}
	v, err := libpmemobj.NewReservation[Visit](pool, libpmemobj.AllocZero)
	if err != nil {
		log.Fatal(err)
	}
	err = pool.Publish(func(a *libpmemobj.Actions) error {
		libpmemobj.StorePtr(a, &root.Get().Latest, v.Ptr())
		return a.Add(v)
	})
	if err != nil {
		log.Fatal(err)
	}
	for range libpmemobj.ObjectsOf[Visit](pool) {
		fmt.Println("a visit")
	}
	// Output:
	// a visit
}
