package main

import (
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// listNode has 64 bytes; internal/cbaseline has it in C.
type listNode struct {
	link  libpmemobj.ListEntry[listNode]
	value uint64
	_     [3]uint64
}

func (listNode) PmemType() uint64 { return 3 }

// listOthers is how many elements the list has while nothing is inserted.
const listOthers = 3

// makeAtomicList fills the list that elements are inserted into, and makes one
// to be inserted.
func (b *bench) makeAtomicList() (err error) {
	b.atomicList, err = libpmemobj.ListOf(b.pools[0], &b.root.atomicList,
		func(n *listNode) *libpmemobj.ListEntry[listNode] { return &n.link })
	if err != nil {
		return err
	}
	for range listOthers {
		if _, err := b.atomicList.InsertNewTail(nil); err != nil {
			return err
		}
	}
	if b.atomicNode, err = b.atomicList.InsertNewTail(nil); err != nil {
		return err
	}
	return b.atomicList.Remove(b.atomicNode)
}

// listCases are the pairs for atomic lists.
func (b *bench) listCases() []*pair {
	head, node := unsafe.Pointer(&b.root.atomicList), cbaseline.OID(b.atomicNode.OID())
	return []*pair{{
		name: "list/insert", target: 1.12,
		inGo:   b.listInsert,
		inC:    func(n int) { cbaseline.ListInsert(head, node, n) },
		effect: func() uint64 { return b.atomicNode.Get().value },
	}}
}

func (b *bench) listInsert(n int) {
	for range n {
		must(b.atomicList.InsertHead(b.atomicNode))
		must(b.atomicList.Remove(b.atomicNode))
		b.atomicNode.Get().value++
	}
}
