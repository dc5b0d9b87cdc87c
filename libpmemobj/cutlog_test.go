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

type largeRoot struct{ data [8 << 10]uint64 }

// changeLarge is a transaction whose undo log needs memory from the heap.
func changeLarge(p *Pool, root Ptr[largeRoot]) error {
	return p.Update(func(tx *Tx) error {
		root.Mut(tx).data[0]++
		return nil
	})
}

// publishMany is a publication whose redo log does.
func publishMany(p *Pool, root Ptr[largeRoot]) error {
	return p.Publish(func(a *Actions) error {
		data := &root.Get().data
		Store(a, &data[0], data[0]+1)
		for i := range 300 {
			Store(a, &data[8*(i+1)], uint64(i))
		}
		return nil
	})
}

// Where in a lane a log says how it goes on.
const (
	externalLink = 256 + 8
	undoLink     = 960 + 8
)

// cutLog writes the redo log that PMDK has when it cuts a lane's log off from
// its continuation, as a process leaves it that dies before that is done. The
// continuation is that of an undo log, whichever log it is to be of.
func cutLog(t *testing.T, b []byte, link int) {
	t.Helper()
	le := binary.LittleEndian
	const lanes, laneSize = 8192, 3072
	for lane := range 1024 {
		at := lanes + lane*laneSize
		next := le.Uint64(b[at+undoLink:])
		if next == 0 {
			continue
		}
		le.PutUint64(b[at+undoLink:], 0)
		le.PutUint64(b[at+link:], next)
		redo := b[at:][:256]
		clear(redo)
		le.PutUint64(redo[16:], 64)
		le.PutUint64(redo[64:], uint64(at+link)) // set to 0
		le.PutUint64(redo, poolheader.Checksum(redo[:80], 0))
		return
	}
	t.Fatal("no such log goes on in the heap")
}

// Ensure that a pool works whose process died while PMDK was cutting off the
// continuation of a log. PMDK itself counts the log's room as it was before, and
// the next large use of it ends the process.
func TestOpenAfterCutLog(t *testing.T) {
	for name, log := range map[string]struct {
		link int
		use  func(*Pool, Ptr[largeRoot]) error
	}{
		"undo log":          {undoLink, changeLarge},
		"external redo log": {externalLink, publishMany},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pool")
			p, err := Create(path, "", WithDurability(DurabilityProcessCrash), WithSize(16<<20))
			require.NoError(t, err)
			root, err := Root[largeRoot](p)
			require.NoError(t, err)
			require.NoError(t, changeLarge(p, root))
			require.NoError(t, p.Close())
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			cutLog(t, b, log.link)
			require.NoError(t, os.WriteFile(path, b, 0o600))

			_, err = Open(path, "", WithCopyOnWrite())
			require.ErrorIs(t, err, unix.EINVAL)
			require.ErrorContains(t, err, "open the pool without WithCopyOnWrite once")
			p, err = Open(path, "", WithDurability(DurabilityProcessCrash))
			require.NoError(t, err)
			root, err = Root[largeRoot](p)
			require.NoError(t, err)
			for range 10 {
				require.NoError(t, log.use(p, root))
			}
			require.EqualValues(t, 11, root.Get().data[0])
			require.NoError(t, p.Close())
			require.NoError(t, Check(path, ""))
		})
	}
}
