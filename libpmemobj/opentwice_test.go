package libpmemobj_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/poolheader"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

type largeRoot struct{ data [64 << 10]byte }

// changeLarge is a transaction whose undo log needs memory from the heap.
func changeLarge(p *Pool, root Ptr[largeRoot]) error {
	return p.Update(func(tx *Tx) error {
		root.Mut(tx).data[100]++
		return nil
	})
}

// cutLog writes the redo log that PMDK has when it cuts a lane's undo log off
// from its continuation, as a process leaves it that dies before that is done.
func cutLog(t *testing.T, b []byte) {
	t.Helper()
	le := binary.LittleEndian
	const lanes, laneSize, undoNext = 8192, 3072, 960 + 8
	for lane := range 1024 {
		at := lanes + lane*laneSize
		if le.Uint64(b[at+undoNext:]) == 0 {
			continue
		}
		redo := b[at:][:256]
		clear(redo)
		le.PutUint64(redo[16:], 64)
		le.PutUint64(redo[64:], uint64(at+undoNext)) // set to 0
		le.PutUint64(redo, poolheader.Checksum(redo[:80], 0))
		return
	}
	t.Fatal("no undo log goes on in the heap")
}

// Ensure that a pool works whose process died while PMDK was cutting off the
// continuation of an undo log. PMDK itself counts the log's room as it was
// before, and a large snapshot then ends the process.
func TestOpenAfterCutLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pool")
	p, err := Create(path, "", WithDurability(DurabilityProcessCrash), WithSize(16<<20))
	require.NoError(t, err)
	root, err := Root[largeRoot](p)
	require.NoError(t, err)
	require.NoError(t, changeLarge(p, root))
	require.NoError(t, p.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	cutLog(t, b)
	require.NoError(t, os.WriteFile(path, b, 0o600))

	_, err = Open(path, "", WithCopyOnWrite())
	require.ErrorIs(t, err, unix.EINVAL)
	require.ErrorContains(t, err, "open the pool without WithCopyOnWrite once")
	p, err = Open(path, "", WithDurability(DurabilityProcessCrash))
	require.NoError(t, err)
	root, err = Root[largeRoot](p)
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, changeLarge(p, root))
	}
	require.EqualValues(t, 11, root.Get().data[100])
	require.NoError(t, p.Close())
	require.NoError(t, Check(path, ""))
}
