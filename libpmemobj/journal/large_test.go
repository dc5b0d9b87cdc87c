package journal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
)

// largeRoot has an object that is larger than any journal of a test.
type largeRoot struct {
	Big libpmemobj.OID
	Len uint64
}

// bigWords is what a transaction changes.
func bigWords(p *libpmemobj.Pool) ([]uint64, error) {
	root, err := libpmemobj.Root[largeRoot](p)
	if err != nil {
		return nil, err
	}
	b, err := p.Bytes(root.Get().Big, 0, root.Get().Len)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8), nil
}

func init() {
	// large changes all of the object in a transaction, again and again.
	testchild.Register("large", func(args []string) error {
		p, err := libpmemobj.Open(args[0], layout, journal.With(small))
		if err != nil {
			return err
		}
		words, err := bigWords(p)
		if err != nil {
			return err
		}
		for n := words[0] + 1; ; n++ {
			fmt.Println("begin")
			err := p.Update(func(tx *libpmemobj.Tx) error {
				if err := tx.Snapshot(libpmemobj.RangeOfSlice(words)); err != nil {
					return err
				}
				words[0] = n
				for k := 1; k < len(words); k *= 2 {
					copy(words[k:], words[:k])
				}
				return nil
			})
			if err != nil {
				return err
			}
			fmt.Println(n)
		}
	})
}

// Ensure that a transaction that is larger than the whole journal is atomic, and
// so is its rollback, which is as large.
func TestCrashLarge(t *testing.T) {
	t.Parallel()
	effective(t)
	size := uint64(64 << 20)
	if testing.Short() {
		size = 12 << 20
	}
	path := testpool.Path(t)
	p, err := libpmemobj.Create(path, layout, libpmemobj.WithSize(int64(size)*5/2+16<<20), libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	require.NoError(t, err)
	root, err := libpmemobj.Root[largeRoot](p)
	require.NoError(t, err)
	_, err = p.Zalloc(&root.Get().Big, size, 1)
	require.NoError(t, err)
	root.Get().Len = size
	require.NoError(t, p.Persist(libpmemobj.RangeOf(root.Get())))
	require.NoError(t, p.Close())

	acked, rolledBack := uint64(0), 0
	rounds := 1 + images(0)/500
	for range rounds {
		c := testchild.Start(t, "large", path)
		require.Equal(t, "begin", c.Line(t))
		began := time.Now()
		note := func(line string) {
			if line != "begin" {
				acked, err = strconv.ParseUint(line, 10, 64)
				require.NoError(t, err)
			}
		}
		note(c.LineAfter(t, "the first transaction"))
		took := time.Since(began)
		c.KillAfter(t, rand.N(took), note)

		p, err := libpmemobj.Open(path, layout, journal.With(small), libpmemobj.WithVerify())
		require.NoError(t, err)
		words, err := bigWords(p)
		require.NoError(t, err)
		got := words[0]
		require.True(t, slices.Equal(words[1:], words[:len(words)-1]), "not all words are of transaction %d", got)
		require.True(t, got == acked || got == acked+1, "transaction %d is the last, %d was acknowledged", got, acked)
		s, err := journal.StatsOf(p)
		require.NoError(t, err)
		if s.Bytes > 2*journal.MinSegment {
			rolledBack++
		}
		require.NoError(t, p.Close())
		testpool.Check(t, path)
	}
	t.Logf("crashtest: %d kills; %d transactions of %d MiB were rolled back", rounds, rolledBack, size>>20)
}
