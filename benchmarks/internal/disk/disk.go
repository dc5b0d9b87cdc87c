// Package disk says what a folder lies on, so that nobody takes the speed of
// memory for that of a disk.
package disk

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

var inMemory = map[int64]string{
	unix.TMPFS_MAGIC:     "tmpfs",
	unix.RAMFS_MAGIC:     "ramfs",
	unix.HUGETLBFS_MAGIC: "hugetlbfs",
}

// InMemory names the file system of a folder if that is one that has no disk
// below, and is empty otherwise.
func InMemory(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return inMemory[int64(st.Type)], nil
}

// Free is how many bytes can be written below a folder.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Settle waits until the folder's file system has written what it still holds
// in memory, so that it does not fall on who comes next.
func Settle(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("syncfs %s: %w", dir, err)
	}
	return nil
}

// SyncTime is the median time of fdatasync after overwriting 4 KiB of a file in
// the folder: what any store must wait for at least.
func SyncTime(dir string, times int) (time.Duration, error) {
	const block = 4096
	f, err := os.Create(filepath.Join(dir, "sync-time"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(make([]byte, block*times)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	data := bytes.Repeat([]byte{1}, block)
	var took []time.Duration
	for i := range times {
		start := time.Now()
		if _, err := f.WriteAt(data, int64(i)*block); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, fmt.Errorf("fdatasync %s: %w", f.Name(), err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return took[times/2], nil
}
