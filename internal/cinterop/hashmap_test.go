package cinterop_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// hashMap, hashBuckets and hashEntry are struct hashmap_tx, buckets and entry.
type hashMap struct {
	Seed    uint32
	A, B    uint32
	P       uint64
	Count   uint64
	Buckets Ptr[hashBuckets]
}

func (hashMap) PmemType() uint64 { return 1004 }

type hashBuckets struct {
	N uint64
	// followed by as many pointers to entries
}

func (hashBuckets) PmemType() uint64 { return 1005 }

type hashEntry struct {
	Key   uint64
	Value OID
	Next  Ptr[hashEntry]
}

func (hashEntry) PmemType() uint64 { return 1006 }

// buckets are the heads of the lists.
func (m *hashMap) buckets() []Ptr[hashEntry] {
	behind := m.Buckets.OID()
	behind.Off += 8
	return PtrOf[Ptr[hashEntry]](behind).Slice(int(m.Buckets.Get().N))
}

// bucket is the head of the list that a key belongs into.
func (m *hashMap) bucket(key uint64) *Ptr[hashEntry] {
	buckets := m.buckets()
	return &buckets[(uint64(m.A)*key+uint64(m.B))%m.P%uint64(len(buckets))]
}

func (m *hashMap) keys() (keys []uint64) {
	for _, b := range m.buckets() {
		for e := b; !e.IsNull(); e = e.Get().Next {
			keys = append(keys, e.Get().Key)
		}
	}
	return keys
}

// printed is what mapcli prints for "p".
func (m *hashMap) printed() string {
	return fmt.Sprintf("count: %d\n", m.Count) + printed(m.keys())
}

// debug is what mapcli prints for "d".
func (m *hashMap) debug() string {
	var b strings.Builder
	fmt.Fprintf(&b, "a: %d b: %d p: %d\n", m.A, m.B, m.P)
	fmt.Fprintf(&b, "count: %d, buckets: %d\n", m.Count, m.Buckets.Get().N)
	for i, head := range m.buckets() {
		if head.IsNull() {
			continue
		}
		fmt.Fprintf(&b, "%d: ", i)
		n := 0
		for e := head; !e.IsNull(); e = e.Get().Next {
			fmt.Fprintf(&b, "%d ", e.Get().Key)
			n++
		}
		fmt.Fprintf(&b, "(%d)\n", n)
	}
	return b.String()
}

// insert does what hm_tx_insert does, without making more buckets.
func (m *hashMap) insert(tx *Tx, key uint64) error {
	e, err := New[hashEntry](tx)
	if err != nil {
		return err
	}
	head := MutAt(tx, m.bucket(key))
	*e.Get() = hashEntry{Key: key, Next: *head}
	*head = e
	*MutAt(tx, &m.Count)++
	return nil
}

// remove does what hm_tx_remove does.
func (m *hashMap) remove(tx *Tx, key uint64) error {
	for at := m.bucket(key); !at.IsNull(); at = &at.Get().Next {
		e := *at
		if e.Get().Key != key {
			continue
		}
		*MutAt(tx, at) = e.Get().Next
		*MutAt(tx, &m.Count)--
		return tx.Free(e.OID())
	}
	return fmt.Errorf("key %d is not there", key)
}

// Ensure that Go reads the hash map that mapcli has written, and that mapcli
// finds what Go has inserted, and misses what Go has removed.
func TestHashmapTx(t *testing.T) {
	path := testpool.Path(t)
	out := run(t, mapcli, commands("i 50", "i 30", "i 70", "n 500", "r 30", "p", "d"), "hashmap_tx", path, "1")

	open := func() (*Pool, *hashMap) {
		p := openPool(t, path, mapLayout)
		m := rootOf[mapRoot[hashMap]](t, p).Map.Get()
		require.EqualValues(t, len(m.keys()), m.Count)
		require.EqualValues(t, m.Count, objectsOf[hashEntry](p), "the type numbers of C")
		require.Equal(t, 1, objectsOf[hashBuckets](p))
		return p, m
	}
	p, m := open()
	require.EqualValues(t, 502, m.Count)
	require.Equal(t, out, withSeed(1, m.printed()+m.debug()))

	rnd := rand.New(rand.NewPCG(1, 2))
	old := m.keys()
	var check []string
	var answers strings.Builder
	require.NoError(t, p.Update(func(tx *Tx) error {
		for i := range 50 {
			key := rnd.Uint64()
			if err := m.insert(tx, key); err != nil {
				return err
			}
			if err := m.remove(tx, old[i*10]); err != nil {
				return err
			}
			check = append(check, fmt.Sprint("c ", key), fmt.Sprint("c ", old[i*10]))
			answers.WriteString("1\n0\n")
		}
		return nil
	}))
	require.Equal(t, errStop, p.Update(func(tx *Tx) error {
		require.NoError(t, m.insert(tx, 123456789))
		return errStop
	}))
	check = append(check, "c 123456789", "p", "d")
	want := answers.String() + "0\n" + m.printed() + m.debug()
	require.NoError(t, p.Close())
	require.Equal(t, want, run(t, mapcli, commands(check...), "hashmap_tx", path))

	// C makes new buckets of all of it, and frees the old ones.
	out = run(t, mapcli, commands("n 1000", "b", "p"), "hashmap_tx", path, "5")
	_, m = open()
	require.EqualValues(t, 502+1000, m.Count)
	require.True(t, strings.HasSuffix(out, m.printed()), "mapcli printed something else")
	for _, key := range old[1:10] {
		require.True(t, slices.Contains(m.keys(), key))
	}
}
