package libpmemobj_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Job is an element of a list.
type Job struct {
	Number uint64
	Link   libpmemobj.ListEntry[Job]
}

// Jobs is a root object with two lists.
type Jobs struct {
	Waiting, Done libpmemobj.ListHead[Job]
}

func jobLists(pool *libpmemobj.Pool) (waiting, done libpmemobj.List[Job]) {
	root, err := libpmemobj.Root[Jobs](pool)
	if err != nil {
		log.Fatal(err)
	}
	link := func(j *Job) *libpmemobj.ListEntry[Job] { return &j.Link }
	if waiting, err = libpmemobj.ListOf(pool, &root.Get().Waiting, link); err != nil {
		log.Fatal(err)
	}
	if done, err = libpmemobj.ListOf(pool, &root.Get().Done, link); err != nil {
		log.Fatal(err)
	}
	return waiting, done
}

// Jobs wait in one list and are moved to another when they are done. Each
// step is atomic: no crash leaves a job in both lists or in none.
func ExampleList() {
	pool, remove := examplePool()
	defer remove()
	waiting, done := jobLists(pool)

	for number := range uint64(5) {
		_, err := waiting.InsertNewTail(func(j *Job) error {
			j.Number = number
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	for job := range waiting.All() {
		if job.Get().Number%2 == 1 {
			continue
		}
		if err := waiting.MoveToTail(job, done); err != nil {
			log.Fatal(err)
		}
	}

	fmt.Print("waiting:")
	for job := range waiting.All() {
		fmt.Print(" ", job.Get().Number)
	}
	fmt.Print("\ndone, the last one first:")
	for job := range done.Backward() {
		fmt.Print(" ", job.Get().Number)
	}
	fmt.Println()
	// Output:
	// waiting: 1 3
	// done, the last one first: 4 2 0
}

// A loop may remove and free what it is at.
func ExampleList_RemoveFree() {
	pool, remove := examplePool()
	defer remove()
	waiting, _ := jobLists(pool)
	for number := range uint64(4) {
		if _, err := waiting.InsertNewHead(func(j *Job) error { j.Number = number; return nil }); err != nil {
			log.Fatal(err)
		}
	}
	for job := range waiting.All() {
		if job.Get().Number >= 2 {
			if err := waiting.RemoveFree(job); err != nil {
				log.Fatal(err)
			}
		}
	}
	for job := waiting.First(); !job.IsNull(); job = waiting.Next(job) {
		fmt.Println(job.Get().Number)
	}
	// Output:
	// 1
	// 0
}

// What C would damage lists by is an error.
func ExampleList_Remove() {
	pool, remove := examplePool()
	defer remove()
	waiting, done := jobLists(pool)
	job, err := waiting.InsertNewTail(nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(done.Remove(job), libpmemobj.ErrNotInList))
	fmt.Println(errors.Is(done.InsertHead(job), libpmemobj.ErrInList))
	fmt.Println(waiting.Remove(job), waiting.Empty())
	fmt.Println(done.InsertHead(job))
	// Output:
	// true
	// true
	// <nil> true
	// <nil>
}
