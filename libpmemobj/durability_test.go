package libpmemobj_test

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that a pool reports what it gives: nothing is promised that the
// file's place does not hold.
func TestDurability(t *testing.T) {
	needsDurabilities(t)
	cases := []struct{ ask, get Durability }{
		{DurabilityAuto, DurabilityMsync},
		{DurabilityMsync, DurabilityMsync},
		{DurabilityProcessCrash, DurabilityProcessCrash},
	}
	for _, c := range cases {
		t.Run(c.ask.String(), func(t *testing.T) {
			t.Setenv("PMEM_IS_PMEM_FORCE", "")
			p := testpool.New(t, WithDurability(c.ask))
			require.Equal(t, c.get, p.Durability())
			root := rootOf(t, p)
			for want := uint64(1); want < 4; want++ {
				require.NoError(t, p.Update(func(tx *Tx) error {
					root.Mut(tx).Count++
					return nil
				}))
				require.NoError(t, p.Close())
				p = testpool.Open(t, p.Path(), WithDurability(c.ask))
				require.Equal(t, c.get, p.Durability())
				require.Equal(t, want, root.Get().Count)
			}
		})
	}
	t.Run("dax", func(t *testing.T) {
		path := closedPool(t)
		_, err := Open(path, "", WithDurability(DurabilityDAX))
		require.ErrorIs(t, err, ErrNotDAX)
		require.ErrorContains(t, err, path)
	})
}

// Ensure that pools of several durabilities can be open at the same time.
func TestDurabilitiesSideBySide(t *testing.T) {
	needsDurabilities(t)
	for range 2 {
		var pools []*Pool
		for _, d := range []Durability{DurabilityProcessCrash, DurabilityMsync, DurabilityProcessCrash, DurabilityAuto} {
			pools = append(pools, testpool.New(t, WithSize(MinPool), WithDurability(d)))
		}
		for _, p := range pools {
			oneNode(t, p, 1)
		}
		for _, p := range pools {
			require.Len(t, objectsIn(p), 1)
			require.NoError(t, p.Close())
		}
	}
}

// Ensure that the variable by which libpmem is made to flush caches shows in
// what the pool reports. It is read once in a process, so a child does it.
func TestDurabilityForced(t *testing.T) {
	needsDurabilities(t)
	c := testchild.StartWith(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "PMEM_IS_PMEM_FORCE=1")
	}, "report durability", closedPool(t))
	require.Equal(t, []string{"auto: process-crash", "msync: msync", "process-crash: process-crash"}, c.Output(t))
}

func init() {
	testchild.Register("report durability", func(args []string) error {
		for _, d := range []Durability{DurabilityAuto, DurabilityMsync, DurabilityProcessCrash} {
			p, err := Open(args[0], "", WithDurability(d))
			if err != nil {
				return err
			}
			fmt.Printf("%v: %v\n", d, p.Durability())
			if err := p.Close(); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestDurabilityNames(t *testing.T) {
	for _, d := range []Durability{DurabilityAuto, DurabilityDAX, DurabilityMsync, DurabilityProcessCrash} {
		got, err := ParseDurability(d.String())
		require.NoError(t, err)
		require.Equal(t, d, got)
	}
	for _, name := range []string{"", "none", "Auto", "DAX", "fsync"} {
		_, err := ParseDurability(name)
		require.ErrorIs(t, err, unix.EINVAL, name)
		require.ErrorContains(t, err, "is none of auto, dax, msync, process-crash", name)
	}
	require.Equal(t, "none", DurabilityNone.String())
	require.Equal(t, "Durability(-1)", Durability(-1).String())
	require.Equal(t, "Durability(6)", Durability(6).String())
}
