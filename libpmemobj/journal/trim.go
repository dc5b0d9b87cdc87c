package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What /proc/self/pagemap says of a page, a word of 8 bytes each.
const (
	pagePresent = 1 << 63
	pageSwapped = 1 << 62
	pageOfFile  = 1 << 61 // not a private copy
)

// trimPages is how many pages are looked at at a time.
const trimPages = 512

// dropCopies gives private copies of pages that equal what file has of them
// back to the system: the next access reads them from the file's cache. Nobody
// may be storing to the memory.
func dropCopies(base unsafe.Pointer, size int64, file io.ReaderAt) (dropped int, err error) {
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return 0, err
	}
	defer pagemap.Close()
	page := int64(os.Getpagesize())
	words := make([]byte, trimPages*8)
	content := make([]byte, page)
	for at := int64(0); at < size; at += trimPages * page {
		n := min(trimPages, (size-at)/page)
		first := int64(uintptr(base))/page + at/page
		if _, err := pagemap.ReadAt(words[:n*8], first*8); err != nil {
			return dropped, fmt.Errorf("pagemap: %w", err)
		}
		for i := range n {
			word := binary.NativeEndian.Uint64(words[i*8:])
			if word&(pagePresent|pageSwapped) == 0 || word&pageOfFile != 0 {
				continue
			}
			off := at + i*page
			if _, err := file.ReadAt(content, off); err != nil {
				return dropped, err
			}
			memory := unsafe.Slice((*byte)(unsafe.Add(base, off)), page)
			if !bytes.Equal(memory, content) {
				continue
			}
			if err := unix.Madvise(memory, unix.MADV_DONTNEED); err != nil {
				return dropped, err
			}
			dropped++
		}
	}
	return dropped, nil
}
