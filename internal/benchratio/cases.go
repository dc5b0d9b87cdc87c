package main

import (
	"slices"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/cbaseline"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// maxPushes is how many nodes are pushed before they are freed again.
const maxPushes = 512

// cases are the pairs.
func (b *bench) cases() []*pair {
	return slices.Concat(b.objCases(), b.logs.cases(), b.blk.cases())
}

// objCases are those of libpmemobj and libpmem. Publications are compared with the transactions that
// make the same stores, with a range for each word, as C programs are written.
func (b *bench) objCases() []*pair {
	r := b.root
	ptrHead, offHead := baselineOID(&r.head), (*uint64)(unsafe.Pointer(&r.off))
	inWord := func() uint64 { return r.word[0] }
	pairs := []*pair{
		{
			name: "tx/1x8", target: 1.10,
			inGo:   b.txWord,
			inC:    func(n int) { cbaseline.TxWord(&r.word[0], n) },
			effect: inWord,
		},
		{
			name: "tx/1x64", target: 1.10,
			inGo:   b.txBlock,
			inC:    func(n int) { cbaseline.TxBlock(&r.blocks[0], n) },
			effect: func() uint64 { return sumOf(r.blocks[:]) },
		},
		{
			name: "tx/16x64", target: 1.05,
			inGo:   b.txBlocks,
			inC:    func(n int) { cbaseline.TxBlocks(&r.blocks[0], stride, blocks, n) },
			effect: func() uint64 { return sumOf(r.blocks[:]) },
		},
		{
			name: "tx/list-push", target: 1.12,
			inGo:  b.txPush,
			inC:   func(n int) { cbaseline.TxPush(ptrHead, n) },
			batch: maxPushes, reset: b.clear,
			effect: func() uint64 { return lengthOf(r.head) },
		},
		{
			name: "publish/1x8", target: 0.35,
			inGo:   b.publishWord,
			inC:    func(n int) { cbaseline.TxWord(&r.word[0], n) },
			effect: inWord,
		},
		{
			name: "publish/5x8", target: 0.60,
			inGo:   b.publishWords,
			inC:    func(n int) { cbaseline.TxWords(b.words, n) },
			effect: func() uint64 { return sumOf(r.lines[0][:]) + sumOf(r.lines[3][:]) },
		},
		{
			name: "publish/list-push", target: 0.80,
			inGo:  b.publishPush,
			inC:   func(n int) { cbaseline.TxPushOff(offHead, n) },
			batch: maxPushes, reset: b.clear,
			effect: func() uint64 { return lengthOfOffs(b.pools[0], r.off) },
		},
		b.reservePublish(),
		{
			name: "alloc-free/128", target: 1.08,
			inGo:   b.allocFree,
			inC:    func(n int) { cbaseline.AllocFree(baselineOID(&r.slot), 128, n) },
			effect: func() uint64 { return r.slot.Off },
		},
		{
			name: "persist/64", target: 1.13,
			inGo:   b.persist,
			inC:    func(n int) { cbaseline.Persist(b.line, n) },
			effect: func() uint64 { return *b.line },
		},
		{
			name: "memcpy-persist/4096", target: 1.05,
			inGo:   b.memcpyPersist,
			inC:    func(n int) { cbaseline.MemcpyPersist(b.dst, b.src, n) },
			effect: func() uint64 { return *(*uint64)(unsafe.Pointer(&b.dst[0])) },
		},
		{
			name: "deref/list1000", target: 0.75,
			inGo:   func(n int) { b.walk(b.list, n) },
			inC:    func(n int) { b.sum += cbaseline.Walk(cbaseline.OID(b.list.OID()), n) },
			effect: func() uint64 { return b.sum },
		},
		{
			name: "deref/two-pools", target: 1.5,
			inGo:   func(n int) { b.walk(b.cross, n) },
			inC:    func(n int) { b.sum += cbaseline.Walk(cbaseline.OID(b.cross.OID()), n) },
			effect: func() uint64 { return b.sum },
		},
		b.lockPair(),
		b.classCase(),
	}
	return append(pairs, b.listCases()...)
}

func (b *bench) txWord(n int) {
	for range n {
		must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
			*libpmemobj.MutAt(tx, &b.root.word[0])++
			return nil
		}))
	}
}

func (b *bench) txBlock(n int) {
	for range n {
		must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
			block := libpmemobj.MutAt(tx, (*[blockWords]uint64)(b.root.blocks[:]))
			for i := range block {
				block[i]++
			}
			return nil
		}))
	}
}

func (b *bench) txBlocks(n int) {
	for range n {
		must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
			var ranges [blocks]libpmemobj.Range
			for i := range ranges {
				ranges[i] = libpmemobj.RangeOf((*[blockWords]uint64)(b.root.blocks[i*stride:]))
			}
			if err := tx.Snapshot(ranges[:]...); err != nil {
				return err
			}
			for i := range ranges {
				block := (*[blockWords]uint64)(b.root.blocks[i*stride:])
				for j := range block {
					block[j]++
				}
			}
			return nil
		}))
	}
}

func (b *bench) txPush(n int) {
	for i := range n {
		must(b.pools[0].Update(func(tx *libpmemobj.Tx) error {
			p, err := libpmemobj.New[node](tx)
			if err != nil {
				return err
			}
			head := &b.root.head
			*p.Get() = node{next: *head, value: uint64(i)}
			*libpmemobj.MutAt(tx, head) = p
			return nil
		}))
	}
}

func (b *bench) publishWord(n int) {
	for range n {
		must(b.pools[0].Publish(func(a *libpmemobj.Actions) error {
			word := &b.root.word[0]
			libpmemobj.Store(a, word, *word+1)
			return nil
		}))
	}
}

func (b *bench) publishWords(n int) {
	for range n {
		must(b.pools[0].Publish(func(a *libpmemobj.Actions) error {
			for _, word := range b.words {
				libpmemobj.Store(a, word, *word+1)
			}
			return nil
		}))
	}
}

func (b *bench) publishPush(n int) {
	for i := range n {
		must(b.pools[0].Publish(func(a *libpmemobj.Actions) error {
			p, v, err := libpmemobj.Reserve[offNode](a)
			if err != nil {
				return err
			}
			*v = offNode{next: b.root.off, value: uint64(i)}
			libpmemobj.StoreOff(a, &b.root.off, libpmemobj.OffOf(p))
			return nil
		}))
	}
}

func (b *bench) allocFree(n int) {
	for range n {
		_, err := b.pools[0].Alloc(&b.root.slot, 128, 1)
		must(err)
		must(b.pools[0].Free(&b.root.slot))
	}
}

func (b *bench) persist(n int) {
	line := b.mapping.Bytes()[:64]
	for range n {
		*b.line++
		must(libpmem.Persist(line))
	}
}

func (b *bench) memcpyPersist(n int) {
	src := unsafe.Slice((*byte)(unsafe.Pointer(&b.src[0])), copyLen)
	for range n {
		b.src[0]++
		must(libpmem.MemcpyPersist(b.dst, src))
	}
}

func (b *bench) walk(head libpmemobj.Ptr[node], n int) {
	var sum uint64
	for range n {
		for p := head; !p.IsNull(); p = p.Get().next {
			sum += p.Get().value
		}
	}
	b.sum += sum
}

func sumOf(words []uint64) (sum uint64) {
	for _, w := range words {
		sum += w
	}
	return sum
}

func lengthOf(p libpmemobj.Ptr[node]) (n uint64) {
	for ; !p.IsNull(); p = p.Get().next {
		n++
	}
	return n
}

func lengthOfOffs(pool *libpmemobj.Pool, o libpmemobj.Off[offNode]) (n uint64) {
	for ; !o.IsNull(); o = o.Get(pool).next {
		n++
	}
	return n
}
