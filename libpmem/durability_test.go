package libpmem_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/libpmem"
)

// dirty is how many bytes of the mapping wait to be written to disk, as the
// kernel counts them.
func dirty(t *testing.T, m *libpmem.Mapping) (kib int) {
	t.Helper()
	smaps, err := os.Open("/proc/self/smaps")
	require.NoError(t, err)
	defer smaps.Close()
	prefix := fmt.Sprintf("%x-", uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes()))))
	found, inside := false, false
	for lines := bufio.NewScanner(smaps); lines.Scan(); {
		line := lines.Text()
		first := strings.Fields(line)[0]
		if !strings.HasSuffix(first, ":") {
			inside = strings.HasPrefix(line, prefix)
			found = found || inside
			continue
		}
		if inside && (first == "Shared_Dirty:" || first == "Private_Dirty:") {
			n, err := strconv.Atoi(strings.Fields(line)[1])
			require.NoError(t, err)
			kib += n
		}
	}
	require.True(t, found, "the mapping is in smaps")
	return kib
}

// Ensure that on an ordinary file everything that promises durability leaves
// no page unwritten, and that NoFlush does leave them.
func TestDurableOnOrdinaryFile(t *testing.T) {
	if forced() {
		t.Skip("on persistent memory no page is ever written by the kernel")
	}
	m := newMapping(t, 64<<10)
	var fs unix.Statfs_t
	require.NoError(t, unix.Statfs(m.Path(), &fs))
	if fs.Type == unix.TMPFS_MAGIC {
		t.Skip("tmpfs never writes its pages")
	}
	b := m.Bytes()
	src := []byte("durable")
	stored := func(call func() error) func() error {
		return func() error {
			copy(b[8192:], src)
			return call()
		}
	}
	calls := map[string]func() error{
		"WriteAt":             func() error { _, err := m.WriteAt(src, 8192); return err },
		"CopyAt":              func() error { return m.CopyAt(8192, src, 0) },
		"CopyAt with NoDrain": func() error { return m.CopyAt(8192, src, libpmem.NoDrain) },
		"SetAt":               func() error { return m.SetAt(8192, 7, 1, 0) },
		"MemcpyPersist":       func() error { return libpmem.MemcpyPersist(b[8192:], src) },
		"MemmoveNodrain":      func() error { return libpmem.MemmoveNodrain(b[8192:], src) },
		"MemsetPersist":       func() error { return libpmem.MemsetPersist(b[8192:8200], 1) },
		"Persist":             stored(func() error { return libpmem.Persist(b[8192:8200]) }),
		"Flush":               stored(func() error { return m.Flush(8192, 8) }),
		"Msync":               stored(func() error { return m.Msync(8192, 8) }),
		"DeepFlush":           stored(func() error { return libpmem.DeepFlush(b[8192:8200]) }),
		"DeepDrain":           stored(func() error { return m.DeepDrain(8192, 8) }),
		"DeepPersist":         stored(func() error { return m.DeepPersist(8192, 8) }),
		"Sync":                stored(m.Sync),
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, m.SetAt(8192, 8, 0xff, libpmem.NoFlush))
			require.Equal(t, 4, dirty(t, m), "NoFlush leaves the page to be written")
			require.NoError(t, call())
			assert.Zero(t, dirty(t, m))
		})
	}
}

const recordSize = 8

func init() {
	// Writes numbered records and prints each number once it is durable, until it
	// is killed.
	testchild.Register("writer", func(args []string) error {
		m, err := libpmem.Map(args[0])
		if err != nil {
			return err
		}
		for i := 1; i < m.Len()/recordSize; i++ {
			record := binary.LittleEndian.AppendUint64(nil, uint64(i))
			if _, err := m.WriteAt(record, int64(i*recordSize)); err != nil {
				return err
			}
			fmt.Println(i)
		}
		return nil
	})
}

// Ensure that every record whose write was acknowledged is in the file after
// the writer was killed at any moment.
func TestWriteAtSurvivesKill(t *testing.T) {
	for round := range 20 {
		path := filepath.Join(t.TempDir(), "file")
		m, err := libpmem.Map(path, libpmem.Create(1<<20, 0o600))
		require.NoError(t, err)
		require.NoError(t, m.Close())

		c := testchild.Start(t, "writer", path)
		killAt := 1 + rand.IntN(300)
		acknowledged := 0
		note := func(line string) {
			acknowledged, err = strconv.Atoi(line)
			require.NoError(t, err)
		}
		for acknowledged < killAt {
			note(c.Line(t))
		}
		c.KillAfter(t, 0, note)

		m, err = libpmem.Map(path)
		require.NoError(t, err)
		for i := 1; i <= acknowledged; i++ {
			got := binary.LittleEndian.Uint64(m.Bytes()[i*recordSize:])
			require.EqualValues(t, i, got, "round %d, killed at %d", round, killAt)
		}
		require.NoError(t, m.Close())
	}
}
