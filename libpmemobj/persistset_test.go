package libpmemobj_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that the word is set, in all kinds of pools.
func TestPersistThenSet(t *testing.T) {
	for _, d := range []Durability{DurabilityProcessCrash, DurabilityMsync} {
		p := testpool.New(t, WithDurability(d))
		oid, err := p.Zalloc(nil, 256, 1)
		require.NoError(t, err)
		words := PtrOf[[32]uint64](oid).Get()
		words[0] = 5
		p.PersistThenSet(RangeOf(&words[0]), &words[20], 7)
		require.EqualValues(t, 7, words[20])
		p.PersistThenSet(Range{}, &words[20], 8)
		require.EqualValues(t, 8, words[20])
	}
}

// Ensure that after a crash the word is set only if the range is there as a
// whole.
func TestPersistThenSetCrash(t *testing.T) {
	type object struct {
		Data  [20]uint64
		_     [4]uint64
		Words [8]uint64
	}
	crashtest.Run(t, crashtest.Config{Images: 100}, func(p *Pool) error {
		var o *object
		err := crashtest.Unchecked(func() error {
			root, err := Root[object](p)
			if err == nil {
				o = root.Get()
			}
			return err
		})
		if err != nil {
			return err
		}
		for i := range o.Data {
			o.Data[i] = 1
		}
		p.PersistThenSet(RangeOf(&o.Data), &o.Words[0], 1)
		crashtest.Ack(1)
		return nil
	}, func(p *Pool, acked crashtest.Acked) error {
		root, err := Root[object](p)
		if err != nil {
			return err
		}
		o := root.Get()
		if o.Words[0] == 0 && acked.Any() {
			return errors.New("the word is lost")
		}
		for _, w := range o.Data {
			if o.Words[0] == 1 && w != 1 {
				return errors.New("the word is there, the range is not")
			}
		}
		return nil
	})
}
