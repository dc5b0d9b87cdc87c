package objheap_test

import (
	"os"
	"testing"
	"unsafe"
)

// Nothing here is about power loss: cache flushes instead of msync save most of
// the time.
func TestMain(m *testing.M) {
	os.Setenv("PMEM_IS_PMEM_FORCE", "1")
	os.Exit(m.Run())
}

// tempDir is a folder in memory if there is one.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "objheap")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// aligned is the address of b, which is large enough to be aligned to pages.
func aligned(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }
