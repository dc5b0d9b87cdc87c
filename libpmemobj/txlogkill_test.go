package libpmemobj_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// txLogParts are so many that both logs go on in the buffers.
const txLogParts = 64

// changeTxLogRoot writes n into all of the data, in parts, and replaces all
// objects. With a nil log PMDK finds the memory for that.
func changeTxLogRoot(tx *Tx, r *txLogRoot, n uint64, log Ptr[TxLog]) error {
	if !log.IsNull() {
		if err := tx.UseLog(log); err != nil {
			return err
		}
	}
	*MutAt(tx, &r.Number) = n
	const size = len(r.Data) / txLogParts
	for i := range txLogParts {
		part := r.Data[i*size:][:size]
		if err := tx.Snapshot(RangeOfSlice(part)); err != nil {
			return err
		}
		for j := range part {
			part[j] = byte(n)
		}
	}
	if err := tx.Snapshot(RangeOf(&r.Objects)); err != nil {
		return err
	}
	for i, oid := range r.Objects {
		if err := tx.Free(oid); err != nil {
			return err
		}
		oid, b, err := NewBytes(tx, 40+int(n)*7%90+i%8*100, 7)
		if err != nil {
			return err
		}
		fill(b[:40], n)
		r.Objects[i] = oid
	}
	return nil
}

func verifyTxLogRoot(p *Pool, r *txLogRoot) error {
	for i, b := range r.Data {
		if b != byte(r.Number) {
			return fmt.Errorf("byte %d is %d after change %d", i, b, r.Number)
		}
	}
	want := make([]byte, 40)
	fill(want, r.Number)
	for i, oid := range r.Objects {
		if r.Number == 0 {
			break
		}
		b, err := p.Bytes(oid, 0, 40)
		if err != nil {
			return err
		}
		if string(b) != string(want) {
			return fmt.Errorf("object %d is not of change %d", i, r.Number)
		}
	}
	return nil
}

func init() {
	testchild.Register("txlog", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[txLogRoot](p)
		if err != nil {
			return err
		}
		r := root.Get()
		for {
			n := r.Number + 1
			log := r.Log
			if n%8 == 0 {
				log = Ptr[TxLog]{}
			}
			err := p.Update(func(tx *Tx) error {
				if n%3 != 0 {
					return nil
				}
				if err := changeTxLogRoot(tx, r, n+100, log); err != nil {
					return err
				}
				return errStop
			})
			if err != nil && !errors.Is(err, errStop) {
				return err
			}
			if err := p.Update(func(tx *Tx) error { return changeTxLogRoot(tx, r, n, log) }); err != nil {
				return err
			}
			if _, err := fmt.Fprintf(os.Stdout, "0 %d\n", n); err != nil {
				return err
			}
		}
	})
}

// Ensure that a process killed anywhere in transactions whose logs lie in the
// user's memory leaves all of a change or nothing, and that the memory can be
// used and freed afterwards.
func TestKillTxLog(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	rnd := newRand(t)
	p := testpool.New(t, WithSize(4*testpool.Size))
	path := p.Path()
	r := txLogRootOf(t, p)
	// The last snapshots are of one word and of all of Objects.
	need := TxNeeds{Snapshots: txLogParts + 8, SnapshotBytes: len(r.Data) / txLogParts, Intents: 2 * len(r.Objects)}
	require.NoError(t, p.Update(func(tx *Tx) error {
		log, err := NewTxLog(tx, need)
		*MutAt(tx, &r.Log) = log
		return err
	}))
	var acknowledged [4]uint64
	torn, restored := 0, 0
	for round := range rounds {
		require.NoError(t, p.Close())
		killAtRandom(t, rnd, testchild.Start(t, "txlog", path), &acknowledged)
		require.NoError(t, testpool.PmempoolCheck(t, path), "round %d", round)
		var err error
		p, err = Open(path, "", WithVerify(), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err, "round %d", round)
		r = txLogRootOf(t, p)
		require.NoError(t, verifyTxLogRoot(p, r), "round %d", round)
		require.GreaterOrEqual(t, r.Number, acknowledged[0])
		require.LessOrEqual(t, r.Number, acknowledged[0]+1)
		if r.Number == acknowledged[0] {
			torn++
		}
		acknowledged[0] = r.Number
		// Recovery may have freed the buffers, and nothing else.
		objects := 1
		if r.Number > 0 {
			objects += len(r.Objects)
		}
		got := len(objectsIn(p))
		require.GreaterOrEqual(t, got, objects, "round %d", round)
		require.LessOrEqual(t, got, objects+2, "round %d", round)
		if got < objects+2 {
			restored++
		}
	}
	t.Logf("%d rounds, %d ended before the commit, %d lost a buffer; %d changes", rounds, torn, restored, acknowledged[0])
	require.Positive(t, acknowledged[0])
	require.NoError(t, p.Update(func(tx *Tx) error { return tx.FreeLog(r.Log) }))
	require.Len(t, objectsIn(p), len(r.Objects))
	p = testpool.Reopen(t, p)
	require.NoError(t, verifyTxLogRoot(p, txLogRootOf(t, p)))
	require.NoError(t, p.Close())
}

func init() {
	testchild.Register("txlog open", func(args []string) error {
		p, err := Open(args[0], "", WithDurability(DurabilityProcessCrash))
		if err != nil {
			return err
		}
		root, err := Root[txLogRoot](p)
		if err != nil {
			return err
		}
		return p.Update(func(tx *Tx) error {
			if err := tx.UseLog(root.Get().Log); err != nil {
				return err
			}
			if err := tx.Snapshot(RangeOfSlice(root.Get().Data[:100])); err != nil {
				return err
			}
			clear(root.Get().Data[:100])
			fmt.Println("in the transaction")
			testchild.Wait()
			return nil
		})
	})
}

// Ensure that what recovery frees after a crash is the log's buffer as a whole
// and nothing else, whatever was in it.
func TestKillTxLogBuffer(t *testing.T) {
	for _, bytes := range []int{100, 3000, 20_000, 300_000} {
		t.Run(fmt.Sprint(bytes), func(t *testing.T) {
			p := testpool.New(t, WithSize(2*testpool.Size))
			r := txLogRootOf(t, p)
			fill(r.Data[:], 5)
			before := r.Data
			var buffer OID
			for i := range 3 { // the second has the first and the third beside it
				log := newTxLog(t, p, TxNeeds{Snapshots: 1, SnapshotBytes: bytes})
				if i == 1 {
					require.NoError(t, p.Update(func(tx *Tx) error {
						*MutAt(tx, &r.Log) = log
						return nil
					}))
					buffer = PtrOf[[8]OID](log.OID()).Get()[1] // behind two words
				}
			}
			b := view(t, p, buffer, bytes)
			for i := range b {
				b[i] = 0xFF
			}
			require.NoError(t, p.Persist(RangeOfSlice(b)))
			all := sorted(objectsIn(p))
			require.Contains(t, all, buffer)
			require.NoError(t, p.Close())

			c := testchild.Start(t, "txlog open", p.Path())
			require.Equal(t, "in the transaction", c.Line(t))
			c.Kill(t)

			p = testpool.Open(t, p.Path(), WithVerify(), WithDurability(DurabilityProcessCrash))
			r = txLogRootOf(t, p)
			require.True(t, before == r.Data)
			all = slices.DeleteFunc(all, func(oid OID) bool { return oid == buffer })
			require.Equal(t, all, sorted(objectsIn(p)))
			require.NoError(t, p.Close())

			// The verification reads the heap as recovery has left it.
			p = testpool.Open(t, p.Path(), WithVerify(), WithDurability(DurabilityProcessCrash))
			r = txLogRootOf(t, p)
			require.NoError(t, p.Update(func(tx *Tx) error { return tx.UseLog(r.Log) }))
			require.Len(t, objectsIn(p), len(all)+1)
			require.Equal(t, buffer, PtrOf[[8]OID](r.Log.OID()).Get()[1], "its place was not free")
		})
	}
}
