package poolfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Allocate gives f all its blocks, in steps: a signal makes the kernel start
// a step again, and Go sends many.
func Allocate(f *os.File, size int64) error {
	const step = 64 << 20
	if err := Fits(f, size); err != nil {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	for off := int64(0); off < size; off += step {
		n := min(step, size-off)
		for {
			err := unix.Fallocate(int(f.Fd()), 0, off, n)
			if err == nil {
				break
			}
			if errors.Is(err, unix.EOPNOTSUPP) {
				return writeZeros(f, off, size)
			}
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	}
	return nil
}

// Fits fails if the file system has less room than f needs to have all its
// blocks. Without asking first, the disk would be filled to the brim before the
// failure, and on a file system in memory, the memory.
func Fits(f *os.File, size int64) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	// Some file systems do not tell.
	if missing := size - st.Blocks*512; missing > 0 && fs.Blocks > 0 && uint64(missing)/uint64(fs.Bsize) >= fs.Bavail {
		return unix.ENOSPC
	}
	return nil
}

// writeZeros allocates blocks where the file system cannot be asked to.
func writeZeros(f *os.File, off, end int64) error {
	zeros := make([]byte, 1<<20)
	for off < end {
		n := min(int64(len(zeros)), end-off)
		if _, err := f.WriteAt(zeros[:n], off); err != nil {
			return err
		}
		off += n
	}
	return nil
}

// FillHoles allocates the blocks that a copied or thinned-out pool lacks: a
// store into a hole on a full disk would kill the process.
func FillHoles(file *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Blocks*512 >= st.Size {
		return nil
	}
	return Allocate(file, st.Size)
}
