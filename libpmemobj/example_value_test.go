package libpmemobj_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Player is what the examples keep: a struct as in Go, with a name, a picture
// and scores of any length.
type Player struct {
	Name    libpmemobj.String
	Picture libpmemobj.Bytes
	Scores  libpmemobj.Slice[uint32]
}

// A struct with a name, a picture and scores, changed in one transaction.
func ExampleString() {
	pool, remove := examplePool()
	defer remove()
	root, err := libpmemobj.Root[Player](pool)
	if err != nil {
		log.Fatal(err)
	}
	player := root.Get()
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		if err := player.Name.Set(tx, "Ada"); err != nil {
			return err
		}
		if err := player.Picture.Set(tx, []byte{0x89, 'P', 'N', 'G'}); err != nil {
			return err
		}
		return player.Scores.Append(tx, 17, 4)
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(player.Name.Get(pool), player.Picture.Len(pool), player.Scores.View(pool))
	// Output: Ada 4 [17 4]
}

// A publication does the same for less where little changes: a value is
// swapped for another one by a single word.
func ExampleString_Set() {
	pool, remove := examplePool()
	defer remove()
	root, err := libpmemobj.Root[Player](pool)
	if err != nil {
		log.Fatal(err)
	}
	player := root.Get()
	for _, name := range []string{"Ada", "Grace"} {
		err = pool.Publish(func(a *libpmemobj.Actions) error {
			return player.Name.Set(a, name)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	err = pool.Publish(func(a *libpmemobj.Actions) error {
		if err := player.Name.Set(a, "nobody"); err != nil {
			return err
		}
		return errors.New("changed my mind")
	})
	fmt.Println(player.Name.Get(pool), err)
	// Output: Grace changed my mind
}

// Bytes are read without copying them, or copied.
func ExampleBytes() {
	pool, remove := examplePool()
	defer remove()
	root, err := libpmemobj.Root[Player](pool)
	if err != nil {
		log.Fatal(err)
	}
	picture := &root.Get().Picture
	err = pool.Update(func(tx *libpmemobj.Tx) error { return picture.Set(tx, []byte("pixels")) })
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", picture.View(pool)[:3]) // in the pool, until picture changes
	copied := picture.Get(pool)                // on the Go heap, for as long as it is needed
	err = pool.Update(func(tx *libpmemobj.Tx) error { return picture.Set(tx, nil) })
	fmt.Printf("%s %v %v\n", copied, picture.IsEmpty(), err)
	// Output:
	// pix
	// pixels true <nil>
}

// A log of numbers: each Append is durable when Publish returns, and a single
// word makes it happen.
func ExampleSlice_Append() {
	pool, remove := examplePool()
	defer remove()
	root, err := libpmemobj.Root[Player](pool)
	if err != nil {
		log.Fatal(err)
	}
	scores := &root.Get().Scores
	for score := range uint32(5) {
		err := pool.Publish(func(a *libpmemobj.Actions) error { return scores.Append(a, score*score) })
		if err != nil {
			log.Fatal(err)
		}
	}
	for i, score := range scores.All(pool) {
		fmt.Print(i, ":", score, " ")
	}
	err = pool.Update(func(tx *libpmemobj.Tx) error {
		*scores.Mut(tx, 0)++
		return scores.Delete(tx, 1, 4)
	})
	fmt.Println(scores.View(pool), err)
	// Output: 0:0 1:1 2:4 3:9 4:16 [1 16] <nil>
}
