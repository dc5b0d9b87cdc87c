package libpmemobj_test

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/libpmemobj"
)

// node is an element of a linked list.
type node struct {
	Next  Ptr[node]
	Value uint64
	Pad   [5]uint64
}

// rootData is the root object of most tests.
type rootData struct {
	Count uint64
	Other uint64
	Head  Ptr[node]
	Link  Off[node]
	OID   OID
	Words [64]uint64
	Slots [64]OID
}

func rootOf(t testing.TB, p *Pool) Ptr[rootData] {
	t.Helper()
	root, err := Root[rootData](p)
	require.NoError(t, err)
	return root
}

// oneNode commits a node with a value and nothing else.
func oneNode(t testing.TB, p *Pool, value uint64) Ptr[node] {
	t.Helper()
	var n Ptr[node]
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		if n, err = NewZeroed[node](tx); err == nil {
			n.Get().Value = value
		}
		return err
	}))
	return n
}

// oneObject allocates an object of size zeroed bytes.
func oneObject(t testing.TB, p *Pool, size, typeNum uint64) OID {
	t.Helper()
	oid, err := p.Zalloc(nil, size, typeNum)
	require.NoError(t, err)
	return oid
}

func objectsIn(p *Pool) []OID {
	var all []OID
	for oid := range p.Objects() {
		all = append(all, oid)
	}
	return all
}

// view is all the bytes of an object that were asked for.
func view(t testing.TB, p *Pool, oid OID, n int) []byte {
	t.Helper()
	b, err := p.Bytes(oid, 0, uint64(n))
	require.NoError(t, err)
	return b
}

// fill writes n bytes that follow from seed.
func fill(b []byte, seed uint64) {
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
}

// sum is a checksum of seed and b.
func sum(seed uint64, b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	_, _ = h.Write(b)
	return h.Sum64()
}

// newRand is a random source whose seed is printed, and taken from the
// environment to repeat a failure.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	const variable = "PMEMOBJ_TEST_SEED"
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(variable); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, variable)
	}
	t.Logf("%s=%d", variable, seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// panicOf runs f and returns what it panics with, nil if it does not.
func panicOf(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// errorPanicOf is panicOf where an error is expected.
func errorPanicOf(t testing.TB, f func()) error {
	t.Helper()
	err, ok := panicOf(f).(error)
	require.True(t, ok, "no panic with an error")
	return err
}

// sorted orders OIDs of one pool by their offsets.
func sorted(oids []OID) []OID {
	slices.SortFunc(oids, func(a, b OID) int { return cmp.Compare(a.Off, b.Off) })
	return oids
}
