package libpmemobj_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that ranges anywhere in the pool, also none and empty ones, are
// flushed, and that data stays as it is.
func TestXPersist(t *testing.T) {
	for name, durability := range map[string]Durability{"caches": DurabilityProcessCrash, "msync": DurabilityMsync} {
		t.Run(name, func(t *testing.T) {
			if durability == DurabilityMsync && !interpose.Effective {
				t.Skip("with shared libraries, PMEM_IS_PMEM_FORCE decides for all pools")
			}
			p := testpool.New(t, WithDurability(durability))
			root := rootOf(t, p)
			root.Get().Words[0], root.Get().Words[63] = 1, 2
			ranges := []Range{RangeOf(&root.Get().Words[0]), RangeOf(&root.Get().Words[63]), {}, root.Range()}
			for _, flags := range []MemFlag{0, MemRelaxed} {
				for n := range len(ranges) + 1 {
					require.NoError(t, p.XPersist(flags, ranges[:n]...))
					runtime.LockOSThread()
					require.NoError(t, p.XFlush(flags, ranges[:n]...))
					require.NoError(t, p.Drain())
					runtime.UnlockOSThread()
				}
			}
			p = testpool.Reopen(t, p)
			require.EqualValues(t, 1, rootOf(t, p).Get().Words[0])
			require.EqualValues(t, 2, rootOf(t, p).Get().Words[63])
		})
	}
}

// Ensure that other flags, and memory outside the pool, are refused.
func TestXPersistMisuse(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	root, foreign := rootOf(t, p), rootOf(t, other)
	var stack uint64
	for name, flush := range map[string]func(MemFlag, ...Range) error{"xpersist": p.XPersist, "xflush": p.XFlush} {
		for _, flags := range []MemFlag{MemNoDrain, MemNoFlush | MemRelaxed, MemNonTemporal, 1 << 20} {
			err := flush(flags, root.Range())
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, name+": ")
			require.ErrorContains(t, err, "only MemRelaxed")
		}
		for _, r := range []Range{foreign.Range(), RangeOf(&stack), RangeOf((*[testpool.Size]byte)(addressIn(p, root, 8)))} {
			err := flush(0, root.Range(), r)
			require.ErrorIs(t, err, ErrForeignPool)
			require.ErrorContains(t, err, "not in pool")
		}
	}
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.XPersist(0), ErrClosed)
	require.ErrorIs(t, p.XFlush(0), ErrClosed)
}

// Ensure that flushing allocates nothing.
func TestXPersistAllocs(t *testing.T) {
	if addressSanitizer {
		t.Skip("with the address sanitizer every call into C goes through cgo, whose arguments escape")
	}
	p := testpool.New(t)
	root := rootOf(t, p)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := p.XPersist(MemRelaxed, RangeOf(&root.Get().Words[0]), RangeOf(&root.Get().Count)); err != nil {
			t.Error(err)
		}
	}))
}
