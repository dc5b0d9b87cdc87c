package libpmemobj_test

import (
	"context"
	"fmt"
	"log"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// A list of which most nodes were freed is moved together.
func ExamplePool_Defrag() {
	pool, done := examplePool()
	defer done()
	type Node struct {
		Next  libpmemobj.Ptr[Node]
		Value uint64
		Data  [100]byte
	}
	type List struct{ Head libpmemobj.Ptr[Node] }
	list, err := libpmemobj.Root[List](pool)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 10_000 {
		var node libpmemobj.Ptr[Node]
		_, err := libpmemobj.Construct(pool, &node, func(n *Node) error {
			*n = Node{Next: list.Get().Head, Value: uint64(i)}
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
		if i%10 > 0 { // not kept
			err = pool.Free(node.Ref())
		} else {
			err = pool.Publish(func(a *libpmemobj.Actions) error {
				libpmemobj.StorePtr(a, &list.Get().Head, node)
				return nil
			})
		}
		if err != nil {
			log.Fatal(err)
		}
	}

	// Every pointer to every node: here there is one to each.
	pointers := func(yield func(*libpmemobj.OID) bool) {
		for p := &list.Get().Head; !p.IsNull(); p = &p.Get().Next {
			if !yield(p.Ref()) {
				return
			}
		}
	}
	report, err := pool.Defrag(context.Background(), pointers, func(r libpmemobj.DefragReport) {
		fmt.Printf("%d of %d\n", r.Done, r.Objects)
	})
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for p := list.Get().Head; !p.IsNull(); p = p.Get().Next {
		n++
	}
	fmt.Println(report.Objects, "objects,", n, "in the list")
	// Output:
	// 1000 of 1000
	// 1000 objects, 1000 in the list
}
