package ring_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/counter"
	"github.com/pmem/pmdk-go/libpmemobj/ring"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

func init() { testchild.Register("work", work) }

// work adds records to a log and a queue, cuts the log at both ends, and consumes
// the queue in transactions that count. It prints the log's acknowledged numbers.
func work(args []string) error {
	p, err := libpmemobj.Open(args[0], testpool.Layout, libpmemobj.WithDurability(libpmemobj.DurabilityProcessCrash))
	if err != nil {
		return err
	}
	l, err1 := ring.OpenLog(p, "l", ring.WithCapacity(8192))
	q, err2 := ring.OpenQueue(p, "q", ring.WithCapacity(8192))
	produced, err3 := counter.Open(p, "produced")
	consumed, err4 := counter.Open(p, "consumed")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	fail := make(chan error, 3)
	var wg sync.WaitGroup
	forEver := func(f func(i int) error) {
		wg.Go(func() {
			for i := 0; ; i++ {
				if err := f(i); err != nil {
					fail <- err
					return
				}
			}
		})
	}
	forEver(func(i int) error {
		_, next := l.Bounds()
		_, err := l.Append(logRecord(next), logRecord(next+1))
		switch {
		case errors.Is(err, ring.ErrFull):
			return l.TruncateFront(next - 20)
		case err != nil:
			return err
		}
		fmt.Println("log", next+2)
		if i%10 == 9 {
			fmt.Println("cut", next+1)
			err = l.TruncateBack(next + 1)
		}
		return err
	})
	forEver(func(int) error {
		err := p.Update(func(tx *libpmemobj.Tx) error {
			return errors.Join(q.In(tx).Enqueue(recordOf(7), recordOf(8)), produced.In(tx).Add(2))
		})
		if errors.Is(err, ring.ErrFull) {
			return nil
		}
		return err
	})
	forEver(func(int) error {
		m, err := q.TryDequeue()
		if errors.Is(err, ring.ErrEmpty) {
			return nil
		}
		if err != nil {
			return err
		}
		return p.Update(func(tx *libpmemobj.Tx) error { return errors.Join(m.CommitIn(tx), consumed.In(tx).Add(1)) })
	})
	return <-fail
}

func logRecord(seq uint64) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, seq%100), seq)
}

// Ensure that a process that is killed at any moment leaves all that it was told
// is there.
func TestKill(t *testing.T) {
	p := testpool.New(t)
	path := p.Path()
	require.NoError(t, p.Close())
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range rounds {
		least := uint64(0)
		testchild.Start(t, "work", path).KillAtRandom(t, rnd, 60*time.Millisecond, func(line string) {
			var what string
			_, err := fmt.Sscan(line, &what, &least)
			require.NoError(t, err)
		})
		testpool.Check(t, path)
		p = testpool.Open(t, path)
		l := openLog(t, p, "l", ring.WithCapacity(8192))
		_, next := l.Bounds()
		require.GreaterOrEqual(t, next, least)
		for rec, err := range l.From(0) {
			require.NoError(t, err)
			require.Equal(t, logRecord(rec.Seq), rec.Data)
		}
		q := openQueue(t, p, "q", ring.WithCapacity(8192))
		in, err := counter.Open(p, "produced")
		require.NoError(t, err)
		out, err := counter.Open(p, "consumed")
		require.NoError(t, err)
		a, err := in.Load()
		require.NoError(t, err)
		b, err := out.Load()
		require.NoError(t, err)
		require.EqualValues(t, a-b, q.Len())
		require.NoError(t, p.Close())
	}
}
