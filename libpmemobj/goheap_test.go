package libpmemobj_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that what is done often allocates nothing on the Go heap.
func TestGoHeap(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p, other := testpool.New(t), testpool.New(t)
	root := rootOf(t, p)
	a, b := oneNode(t, p, 1), oneNode(t, other, 2)
	ranges := []Range{RangeOf(&root.Get().Count), RangeOf(&root.Get().Words[1]), RangeOf(&root.Get().Words[20])}
	var total uint64
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name   string
		pooled bool // keeps its memory in a sync.Pool
		do     func()
	}{
		{"empty Update", false, func() { must(p.Update(func(*Tx) error { return nil })) }},
		{"Update of a word", false, func() {
			must(p.Update(func(tx *Tx) error {
				*MutAt(tx, &root.Get().Count)++
				return nil
			}))
		}},
		{"Update of an object", false, func() {
			must(p.Update(func(tx *Tx) error {
				a.Mut(tx).Value++
				return nil
			}))
		}},
		{"Snapshot of ranges", false, func() {
			must(p.Update(func(tx *Tx) error {
				r := root.Get()
				if err := tx.Snapshot(ranges...); err != nil {
					return err
				}
				r.Count, r.Words[1], r.Words[20] = 1, 2, 3
				return nil
			}))
		}},
		{"Snapshot of ranges made there", false, func() {
			must(p.Update(func(tx *Tx) error {
				r := root.Get()
				return tx.Snapshot(RangeOf(&r.Count), RangeOf(&r.Words[1]), a.Range(), RangeOfSlice(r.Words[8:16]))
			}))
		}},
		{"nested Update", false, func() {
			must(p.Update(func(*Tx) error {
				return p.Update(func(tx *Tx) error {
					*MutAt(tx, &root.Get().Count)++
					return nil
				})
			}))
		}},
		{"Update with New and Free", false, func() {
			must(p.Update(func(tx *Tx) error {
				n, err := New[node](tx)
				if err != nil {
					return err
				}
				*n.Get() = node{Value: 1}
				return tx.Free(n.OID())
			}))
		}},
		{"empty Publish", true, func() { must(p.Publish(func(*Actions) error { return nil })) }},
		{"Publish of a word", true, func() {
			must(p.Publish(func(a *Actions) error {
				Store(a, &root.Get().Count, Load(a, &root.Get().Count)+1)
				return nil
			}))
		}},
		{"Publish of words", true, func() {
			must(p.Publish(func(a *Actions) error {
				for i := range 5 {
					Store(a, &root.Get().Words[i*8], 1)
				}
				return nil
			}))
		}},
		{"Publish of a row", true, func() {
			must(p.Publish(func(a *Actions) error {
				for i := range 40 {
					Store(a, &root.Get().Words[i], 1)
				}
				return nil
			}))
		}},
		{"Publish of an object", true, func() {
			must(p.Publish(func(a *Actions) error {
				n, v, err := Reserve[node](a)
				if err != nil {
					return err
				}
				*v = node{}
				a.Free(LoadPtr(a, &root.Get().Head).OID())
				StorePtr(a, &root.Get().Head, n)
				return nil
			}))
		}},
		{"Get", false, func() { total += a.Get().Value + b.Get().Value + OffOf(a).Get(p).Value }},
		{"Slice and Range", false, func() { total += uint64(len(a.Slice(1))) + uint64(a.Range().Len()) }},
		{"Alloc and Free", false, func() {
			oid, err := p.Alloc(nil, 128, 1)
			must(err)
			must(p.Free(&oid))
		}},
		{"Alloc and Free in place", false, func() {
			dst := &root.Get().OID
			_, err := p.Alloc(dst, 128, 1)
			must(err)
			must(p.Realloc(dst, 64, 1))
			must(p.Free(dst))
		}},
		{"Persist", false, func() { must(p.Persist(ranges[0])) }},
		{"Memcpy", false, func() {
			r := root.Get()
			bytes := PtrOf[[64]byte](a.OID()).Get()
			must(p.Memset(bytes[:32], 0, MemNoDrain))
			must(p.Drain())
			total += r.Count
		}},
		{"UsableSize and TypeNum", false, func() {
			n, err := p.UsableSize(a.OID())
			must(err)
			num, err := p.TypeNum(a.OID())
			must(err)
			total += n + num
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.pooled && raceDetector {
				t.Skip("the race detector makes sync.Pool forget")
			}
			require.Zero(t, testing.AllocsPerRun(200, c.do))
		})
	}
	require.NotZero(t, total)
}
