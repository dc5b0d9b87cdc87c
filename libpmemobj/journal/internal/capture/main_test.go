package capture_test

import (
	"encoding/binary"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/leaktest"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/capture"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// effective skips tests in programs whose PMDK cannot be listened to.
func effective(t testing.TB) {
	t.Helper()
	if !interpose.Effective {
		t.Skip(capture.ErrNotEffective)
	}
}

func newCapture(t testing.TB, lines int) *capture.Capture {
	t.Helper()
	effective(t)
	c, err := capture.New(lines)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// armed calls open between Arm and Disarm.
func armed(t testing.TB, c *capture.Capture, span int64, open func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c.Arm(span)
	open()
	require.NoError(t, c.Disarm())
}

func file(t testing.TB, n int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	require.NoError(t, f.Truncate(int64(n)))
	return f
}

// mapped is a captured mapping of n bytes in span bytes of addresses, or n.
func mapped(t testing.TB, c *capture.Capture, n, span int) (b []byte, f *os.File) {
	t.Helper()
	f, span = file(t, n), max(n, span)
	armed(t, c, int64(span), func() {
		var err error
		b, err = flushlog.Map(f, n, span)
		require.NoError(t, err)
	})
	t.Cleanup(func() { flushlog.Unmap(b) })
	require.Equal(t, unsafe.Pointer(&b[0]), c.Base())
	return b, f
}

// apply writes an encoded batch to an image.
func apply(t testing.TB, image, records []byte) {
	t.Helper()
	for len(records) > 0 {
		key := binary.LittleEndian.Uint64(records)
		records = records[capture.Word:]
		words := uint8(key)
		require.NotZero(t, words)
		for ; words != 0; words &= words - 1 {
			off := int(key>>8)*capture.Line + bits.TrailingZeros8(words)*capture.Word
			require.GreaterOrEqual(t, off, header)
			copy(image[off:off+capture.Word], records)
			records = records[capture.Word:]
		}
	}
}

// drain applies all batches there are, and gives the LSN of the last.
func drain(t testing.TB, c *capture.Capture, image []byte) (lsn uint64) {
	t.Helper()
	for {
		b, ok := c.Take()
		if !ok {
			return lsn
		}
		records := b.AppendTo(nil)
		require.Len(t, records, b.Size())
		apply(t, image, records)
		lsn = b.LSN()
		c.Give(b)
	}
}

const header = 4096
