package libpmempool

import (
	"errors"
	"io"
	"os"
)

// content is the first replica of a pool as C maps it: its parts one behind
// the other, in whole pages, all but the first without their headers.
type content struct {
	pieces []piece
	size   int64
}

type piece struct {
	f     *os.File
	off   int64 // in f
	start int64 // in the pool
	len   int64
}

// openContent opens the files for reading, or, with os.O_RDWR, for writing too.
func (t *target) openContent(flag int) (*content, error) {
	c := &content{}
	for _, p := range t.files {
		if p.replica > 0 {
			break
		}
		f, err := os.OpenFile(p.path, flag, 0)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		s := piece{f: f, start: c.size, len: p.size}
		if t.set != nil {
			s.len = min(p.size, int64(t.partSize(p.part)))
			s.len -= s.len % 4096
		}
		if p.part > 0 && t.set != nil && !t.set.SingleHeader {
			s.off = 4096
			s.len -= min(s.len, 4096)
		}
		c.pieces = append(c.pieces, s)
		c.size += s.len
	}
	return c, nil
}

// partSize is what the pool set file says; a folder's files have their own.
func (t *target) partSize(n int) uint64 {
	if parts := t.set.Replicas[0].Parts; n < len(parts) {
		if st, err := os.Stat(parts[n].Path); err == nil && !st.IsDir() {
			return parts[n].Size
		}
	}
	return 1<<63 - 1
}

// at calls do for the pieces that [off, off+len(b)) is in.
func (c *content) at(b []byte, off int64, do func(p piece, b []byte, off int64) (int, error)) (n int, err error) {
	for _, p := range c.pieces {
		if len(b) == 0 {
			break
		}
		if off >= p.start+p.len {
			continue
		}
		k := min(int64(len(b)), p.start+p.len-off)
		m, err := do(p, b[:k], p.off+off-p.start)
		n += m
		if err != nil {
			return n, err
		}
		b, off = b[k:], off+k
	}
	if len(b) > 0 {
		return n, io.EOF
	}
	return n, nil
}

func (c *content) ReadAt(b []byte, off int64) (int, error) {
	return c.at(b, off, func(p piece, b []byte, off int64) (int, error) { return p.f.ReadAt(b, off) })
}

func (c *content) WriteAt(b []byte, off int64) (int, error) {
	return c.at(b, off, func(p piece, b []byte, off int64) (int, error) { return p.f.WriteAt(b, off) })
}

func (c *content) Sync() error {
	var errs []error
	for _, p := range c.pieces {
		errs = append(errs, p.f.Sync())
	}
	return errors.Join(errs...)
}

func (c *content) Close() error {
	var errs []error
	for _, p := range c.pieces {
		errs = append(errs, p.f.Close())
	}
	return errors.Join(errs...)
}
