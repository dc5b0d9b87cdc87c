package radix

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
	"github.com/pmem/pmdk-go/libpmemobj"
)

func TestMain(m *testing.M) {
	testchild.Main()
	leaktest.Main(m)
}

// allocated is how many bytes of a pool are.
func allocated(t testing.TB, p *libpmemobj.Pool) uint64 {
	t.Helper()
	s, err := p.Stats()
	require.NoError(t, err)
	return s.Allocated
}

// newPool makes a pool that counts what is allocated.
func newPool(t testing.TB, size int64) *libpmemobj.Pool {
	t.Helper()
	p := testpool.New(t, libpmemobj.WithSize(size))
	require.NoError(t, p.SetStatsMode(libpmemobj.StatsBoth))
	return p
}

func reopen(t testing.TB, p *libpmemobj.Pool) *libpmemobj.Pool {
	t.Helper()
	p = testpool.Reopen(t, p)
	require.NoError(t, p.SetStatsMode(libpmemobj.StatsBoth))
	return p
}

// verify checks the invariants of a tree that nobody changes.
func (t *tree) verify() error {
	off, height := topmost(t.hdr.root)
	if off == 0 {
		return nil
	}
	return t.verifyFrom(off, height, nil, nil)
}

func (t *tree) verifyFrom(off uint64, height int, low, end []byte) error {
	within := func(key []byte) bool {
		return bytes.Compare(key, low) >= 0 && (end == nil || bytes.Compare(key, end) < 0)
	}
	if _, err := t.pool.UsableSize(t.oid(off)); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	if height == 0 {
		l := t.leaf(off)
		seen := map[string]bool{}
		for i := range leafSlots {
			if l.load()>>i&1 == 0 {
				continue
			}
			if record := t.slot(l, i).record(); record != 0 {
				if _, err := t.pool.UsableSize(t.oid(record)); err != nil {
					return fmt.Errorf("record: %w", err)
				}
			}
			key, _ := t.view(t.slot(l, i))
			switch {
			case !within(key):
				return fmt.Errorf("key %q is not between %q and %q", key, low, end)
			case seen[string(key)]:
				return fmt.Errorf("key %q is there twice", key)
			case *l.print(i) != fingerprint(hash(key)):
				return fmt.Errorf("key %q has a wrong fingerprint", key)
			}
			seen[string(key)] = true
		}
		return nil
	}
	n := t.inner(off)
	count := n.children()
	if count == 0 || count > maxChildren {
		return fmt.Errorf("%d children", count)
	}
	from := low
	for i := range count {
		to := end
		if i < count-1 {
			to = n.appendSeparator(nil, i)
			if !within(to) || bytes.Compare(from, to) >= 0 {
				return fmt.Errorf("separator %q is not between %q and %q, or not above %q", to, low, end, from)
			}
		}
		if err := t.verifyFrom(*n.child(count, i), height-1, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// same says how a map differs from a model.
func same(m *Map, want model) error {
	if err := m.t.verify(); err != nil {
		return err
	}
	n := 0
	for k, v := range m.All() {
		if have, ok := want[string(k)]; !ok || have != string(v) {
			return fmt.Errorf("%x is %.20q, not %.20q (%v)", k, v, have, ok)
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%d entries, not %d", n, len(want))
	}
	return nil
}

// scattered is a key whose neighbours by number are anywhere.
func scattered(i int) string { return string(AppendUint64(nil, uint64(i+1)*0x9e3779b97f4a7c15)) }
