package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/pmem/pmdk-go/libpmem"
)

type copier struct {
	flags libpmem.Flags
	chunk int
	force bool
}

// copyFile copies source to target and says what it did.
func (c copier) copyFile(source, target string) (report string, err error) {
	src, err := os.Open(source)
	if err != nil {
		return "", err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return "", fmt.Errorf("%s is not a file with bytes in it", source)
	}
	// Mapped in place, a file would be cut to its own length and read while
	// it is written.
	if existing, err := os.Stat(target); err == nil && os.SameFile(info, existing) {
		return "", fmt.Errorf("%s and %s are the same file", source, target)
	}

	opts := []libpmem.MapOption{libpmem.Create(info.Size(), info.Mode().Perm())}
	if !c.force {
		opts = append(opts, libpmem.Excl())
	}
	dst, err := libpmem.Map(target, opts...)
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, dst.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(target))
		}
	}()
	if err := c.copyBytes(dst, src); err != nil {
		return "", err
	}

	how := "msync"
	if dst.IsPmem() {
		how = "flushes of persistent memory"
	}
	return fmt.Sprintf("%d bytes, flags %v, durable by %s", dst.Len(), c.flags, how), nil
}

// copyBytes fills dst from src, a chunk at a time, and returns when all of it
// is durable.
func (c copier) copyBytes(dst *libpmem.Mapping, src io.Reader) error {
	buf := make([]byte, min(c.chunk, dst.Len()))
	for off := 0; off < dst.Len(); {
		n := min(len(buf), dst.Len()-off)
		if _, err := io.ReadFull(src, buf[:n]); err != nil {
			return fmt.Errorf("read source: %w", err)
		}
		if err := dst.CopyAt(off, buf[:n], c.flags); err != nil {
			return err
		}
		off += n
	}
	switch {
	case c.flags&libpmem.NoFlush != 0:
		return dst.Sync()
	case c.flags&libpmem.NoDrain != 0:
		return dst.Drain()
	}
	return nil
}
