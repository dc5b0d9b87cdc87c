package libpmemobj_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that what is written and persisted, in any way, is in the file.
func TestFlushing(t *testing.T) {
	cases := []struct {
		name  string
		write func(p *Pool, dst []byte, src []byte) error
	}{
		{"Persist", func(p *Pool, dst, src []byte) error {
			copy(dst, src)
			return p.Persist(RangeOfSlice(dst))
		}},
		{"Flush and Drain", func(p *Pool, dst, src []byte) error {
			copy(dst, src)
			for i := range dst {
				if err := p.Flush(RangeOf(&dst[i])); err != nil {
					return err
				}
			}
			return p.Drain()
		}},
		{"Memcpy", func(p *Pool, dst, src []byte) error { return p.Memcpy(dst, src, 0) }},
		{"Memcpy without drain", func(p *Pool, dst, src []byte) error {
			if err := p.Memcpy(dst, src, MemNoDrain); err != nil {
				return err
			}
			return p.Drain()
		}},
		{"Memcpy without flush", func(p *Pool, dst, src []byte) error {
			if err := p.Memcpy(dst, src, MemNoFlush); err != nil {
				return err
			}
			return p.Persist(RangeOfSlice(dst))
		}},
		{"Memcpy non-temporal", func(p *Pool, dst, src []byte) error { return p.Memcpy(dst, src, MemNonTemporal) }},
		{"Memcpy temporal", func(p *Pool, dst, src []byte) error { return p.Memcpy(dst, src, MemTemporal) }},
		{"Memcpy write-combining", func(p *Pool, dst, src []byte) error { return p.Memcpy(dst, src, MemWC) }},
		{"Memcpy write-back", func(p *Pool, dst, src []byte) error { return p.Memcpy(dst, src, MemWB|MemRelaxed) }},
		{"Memmove", func(p *Pool, dst, src []byte) error { return p.Memmove(dst, src, 0) }},
		{"Memset", func(p *Pool, dst, src []byte) error {
			for i := range dst {
				if err := p.Memset(dst[i:i+1], src[i], MemNoDrain); err != nil {
					return err
				}
			}
			return p.Drain()
		}},
	}
	for _, durability := range []Durability{DurabilityProcessCrash, DurabilityMsync} {
		for _, c := range cases {
			t.Run(durability.String()+"/"+c.name, func(t *testing.T) {
				if durability != DurabilityProcessCrash {
					needsDurabilities(t)
				}
				p := testpool.New(t, WithDurability(durability))
				for i, n := range []int{1, 7, 8, 64, 1000, 5000} {
					oid := oneObject(t, p, uint64(n), 1)
					src := make([]byte, n)
					fill(src, uint64(i))
					require.NoError(t, c.write(p, view(t, p, oid, n), src))
					require.Equal(t, src, view(t, p, oid, n))
				}
			})
		}
	}
}

// Ensure that Memmove serves overlapping slices and Memcpy refuses them.
func TestMemmoveOverlap(t *testing.T) {
	p := testpool.New(t)
	oid := oneObject(t, p, 1000, 1)
	b := view(t, p, oid, 1000)
	fill(b, 1)
	want := bytes.Clone(b)
	copy(want[10:900], want[:890])
	err := p.Memcpy(b[10:900], b[:890], 0)
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "overlap; use Memmove")
	require.NoError(t, p.Memmove(b[10:900], b[:890], 0))
	require.Equal(t, want, b)
	require.NoError(t, p.Memcpy(b[:100], b[100:200], 0), "side by side")
	require.Equal(t, want[100:200], b[:100])
}

func TestFlushingRefuses(t *testing.T) {
	p, other := testpool.New(t), testpool.New(t)
	oid := oneObject(t, p, 100, 1)
	freed := oneObject(t, p, 100, 1)
	stale := view(t, p, freed, 100)
	require.NoError(t, p.Free(&freed))
	b := view(t, p, oid, 100)
	foreign := view(t, other, oneObject(t, other, 100, 1), 100)
	over := PtrOf[byte](oid).Slice(1000)
	local := make([]byte, 100)
	cases := []struct {
		name string
		err  error
		is   error
		text string
	}{
		{"persist the Go heap", p.Persist(RangeOfSlice(local)), ErrForeignPool, "are not in pool"},
		{"persist another pool", p.Persist(RangeOfSlice(foreign)), ErrForeignPool, "are not in pool"},
		{"flush the Go heap", p.Flush(RangeOfSlice(local)), ErrForeignPool, "are not in pool"},
		{"copy to the Go heap", p.Memcpy(local, b, 0), ErrForeignPool, "are not in pool"},
		{"copy to another pool", p.Memcpy(foreign, b, 0), ErrForeignPool, "are not in pool"},
		{"copy past the object", p.Memcpy(over, make([]byte, 1000), 0), ErrNotLive, "not a live object"},
		{"move past the object", p.Memmove(over, make([]byte, 1000), 0), ErrNotLive, "not a live object"},
		{"set past the object", p.Memset(over, 0, 0), ErrNotLive, "not a live object"},
		{"copy to a freed object", p.Memcpy(stale, local, 0), ErrNotLive, "not a live object"},
		{"set a freed object", p.Memset(stale, 0, 0), ErrNotLive, "not a live object"},
		{"lengths differ", p.Memcpy(b, local[:99], 0), unix.EINVAL, "99 bytes to copy into 100"},
		{"lengths differ, one is empty", p.Memmove(nil, local, 0), unix.EINVAL, "100 bytes to copy into 0"},
		{"unknown flags", p.Memcpy(b, local, 1<<30), unix.EINVAL, "unknown flags 0x40000000"},
		{"both temporal", p.Memcpy(b, local, MemTemporal|MemNonTemporal), unix.EINVAL, "exclude each other"},
		{"both policies", p.Memset(b, 0, MemWC|MemWB), unix.EINVAL, "exclude each other"},
		{"no flush and no caches", p.Memmove(b, local, MemNoFlush|MemNonTemporal), unix.EINVAL, "MemNoFlush excludes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			require.ErrorIs(t, c.err, c.is)
			require.ErrorContains(t, c.err, c.text)
		})
	}
}

// Ensure that nothing is no trouble.
func TestFlushingNothing(t *testing.T) {
	p := testpool.New(t)
	b := view(t, p, oneObject(t, p, 100, 1), 100)
	for _, empty := range [][]byte{nil, {}, b[:0], b[100:]} {
		require.NoError(t, p.Persist(RangeOfSlice(empty)))
		require.NoError(t, p.Flush(RangeOfSlice(empty)))
		require.NoError(t, p.Memcpy(empty, nil, 0))
		require.NoError(t, p.Memmove(empty, empty, 0))
		require.NoError(t, p.Memset(empty, 1, 0))
	}
	require.Equal(t, make([]byte, 100), b)
}

// Ensure that a new object can be copied to in its transaction.
func TestMemcpyToFresh(t *testing.T) {
	p := testpool.New(t)
	want := make([]byte, 100)
	fill(want, 1)
	var oid OID
	require.NoError(t, p.Update(func(tx *Tx) (err error) {
		var b []byte
		oid, b, err = NewBytes(tx, 100, 1)
		require.NoError(t, err)
		return p.Memcpy(b, want, MemNoDrain)
	}))
	require.Equal(t, want, view(t, p, oid, 100))
}
