package libpmemobj_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// constructSlots is the root of a pool whose user is killed while it
// constructs objects; each writer has a row.
type constructSlots struct {
	Rows [4][16]Ptr[constructRecord]
}

// constructRecord is an object of any size; bytes follow it.
type constructRecord struct {
	Number uint64 // of the change that made it
	Size   uint64
	Sum    uint64
}

func (r *constructRecord) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(r), unsafe.Sizeof(*r))), r.Size)
}

const constructHeader = int(unsafe.Sizeof(constructRecord{}))

// constructSize is how many bytes the record of change n has.
func constructSize(n uint64) int {
	if n%50 == 0 {
		return 300_000
	}
	return int(n % 7 * 300)
}

func constructRecordIn(p *Pool, dst *Ptr[constructRecord], n uint64, end error) error {
	size := constructSize(n)
	_, err := p.ConstructBytes(dst.Ref(), constructHeader+size, TypeNum[constructRecord](), func(b []byte) error {
		r := (*constructRecord)(unsafe.Pointer(unsafe.SliceData(b)))
		r.Number, r.Size = n, uint64(size)
		fill(r.bytes(), n)
		r.Sum = sum(n, r.bytes())
		return end
	})
	return err
}

func init() {
	testchild.Register("construct", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[constructSlots](p)
		if err != nil {
			return err
		}
		start, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return err
		}
		failed := make(chan error)
		for g := range root.Get().Rows {
			row := &root.Get().Rows[g]
			go func() {
				for n := start; ; n++ {
					slot := &row[n%uint64(len(row))]
					if err := p.Free(slot.Ref()); err != nil {
						failed <- err
					}
					if err := constructRecordIn(p, slot, n, errStop); err != errStop || !slot.IsNull() {
						failed <- fmt.Errorf("cancelled construction: %w", err)
					}
					if err := constructRecordIn(p, slot, n, nil); err != nil {
						failed <- err
					}
					if _, err := os.Stdout.Write(fmt.Appendf(nil, "%d %d\n", g, n)); err != nil {
						failed <- err
					}
				}
			}()
		}
		return <-failed
	})
}

// Ensure that a constructed object is there whole, with its pointer, or not at
// all, when the process is killed at any moment.
func TestKillConstruct(t *testing.T) {
	t.Parallel()
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	rnd := newRand(t)
	made := testpool.New(t, WithSize(3*testpool.Size))
	_, err := Root[constructSlots](made)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	path := made.Path()
	start, busy := uint64(1), 0
	for round := range rounds {
		acknowledged := [4]uint64{}
		for g := range acknowledged {
			acknowledged[g] = start - 1
		}
		killAtRandom(t, rnd, testchild.Start(t, "construct", path, strconv.FormatUint(start, 10)), &acknowledged)
		if slices.Max(acknowledged[:]) >= start {
			busy++
		}
		testpool.Check(t, path)
		p, err := Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		root, err := Root[constructSlots](p)
		require.NoError(t, err)
		objects := 0
		for g, row := range root.Get().Rows {
			for i, slot := range row {
				if slot.IsNull() {
					continue
				}
				objects++
				r := slot.Get()
				usable, err := p.UsableSize(slot.OID())
				require.NoError(t, err, "round %d: not alive", round)
				require.Equal(t, uint64(i), r.Number%16)
				require.EqualValues(t, constructSize(r.Number), r.Size)
				require.GreaterOrEqual(t, usable, uint64(constructHeader)+r.Size)
				require.Equal(t, r.Sum, sum(r.Number, r.bytes()), "round %d: not whole", round)
			}
			if done := acknowledged[g]; done >= start {
				require.False(t, row[done%16].IsNull(), "round %d: acknowledged and lost", round)
				require.Equal(t, done, row[done%16].Get().Number)
			}
		}
		require.Len(t, objectsIn(p), objects, "round %d: objects leaked", round)
		start = slices.Max(acknowledged[:]) + 2
		require.NoError(t, p.Close())
	}
	requireBusy(t, busy, rounds)
}

// constructLarge is a root that takes long to make.
type constructLarge struct {
	Sum  uint64
	Data [1 << 20]byte
}

func init() {
	testchild.Register("construct root", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		_, err = ConstructRoot(p, func(v *constructLarge) error {
			fill(v.Data[:], 3)
			v.Sum = sum(3, v.Data[:])
			fmt.Println("filled")
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("made")
		testchild.Wait()
		return errors.New("not killed")
	})
}

// Ensure that the root is there with all that its constructor wrote, or not at
// all, when the process is killed.
func TestKillConstructRoot(t *testing.T) {
	t.Parallel()
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	rnd := newRand(t)
	whole := 0
	for range rounds {
		made := testpool.New(t)
		require.NoError(t, made.Close())
		c := testchild.Start(t, "construct root", made.Path())
		require.Equal(t, "filled", c.Line(t))
		time.Sleep(time.Duration(rnd.Int64N(int64(time.Millisecond))))
		acknowledged := len(c.Kill(t)) > 0
		p := testpool.Open(t, made.Path(), WithVerify())
		size, err := p.RootSize()
		require.NoError(t, err)
		if size == 0 {
			require.False(t, acknowledged, "acknowledged and lost")
			continue
		}
		whole++
		root, err := ConstructRoot(p, func(*constructLarge) error { return errors.New("it was made already") })
		require.NoError(t, err)
		require.Equal(t, root.Get().Sum, sum(3, root.Get().Data[:]), "not whole")
	}
	t.Logf("%d of %d roots were made", whole, rounds)
}
