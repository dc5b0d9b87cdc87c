package libpmemblk

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/btt"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/poolsource"
)

// Where PMDK keeps its own fields in a pool's first file, in bytes. The area of
// blocks follows at dataOff.
const (
	descriptorOff = 4096
	dataOff       = 8192
)

// remedies is what to do about damage, on a copy of the file.
var remedies = map[btt.Remedy]string{
	btt.None:     "PMDK has no repair for that",
	btt.FromCopy: "its copy at the arena's end is good: before anything is written to the pool, use libpmemblk.Restore or, where the block is not all zeros, libpmempool.Check or pmempool check -r",
	btt.Rebuild:  "its copy at the arena's end is damaged as well: before anything is written to the pool, use libpmemblk.Restore, which computes what was there",
	btt.Advanced: "libpmempool.Check with its advanced repair, or pmempool check -r -a, marks blocks as bad that it concerns",
}

// header is what a pool says about itself.
type header struct {
	blockSize int64
	laidOut   bool // else the first write will do it
}

// kind is what package poolsource has to know.
var kind = poolsource.Kind{Header: poolheader.Blk, MinPool: MinPool, Noun: "pool"}

// source is the files of a pool, and what C would make of them.
type source struct {
	*poolsource.Source
	header
	area btt.Area
}

// openSource opens the files of the pool at path and reads its headers.
func openSource(op, path string) (*source, error) {
	files, err := poolsource.Open(op, path, kind)
	if err != nil {
		return nil, ownError(err)
	}
	s := &source{Source: files}
	if err := s.readHeader(); err != nil {
		s.Close()
		return nil, s.error(op, path, err)
	}
	return s, nil
}

// readHeader reads what tells how the blocks are stored.
func (s *source) readHeader() error {
	p := &s.Parts[0]
	h, err := poolheader.ReadFrom(p)
	if err != nil {
		return err
	}
	b := make([]byte, 8)
	if _, err := p.ReadAt(b, descriptorOff); err != nil {
		return err
	}
	s.blockSize = int64(binary.LittleEndian.Uint32(b))
	if s.blockSize == 0 {
		return &CorruptError{p.Path, "block pool header", descriptorOff, "blocks of 0 bytes; use libpmempool.Check or pmempool check -r, on a copy"}
	}
	size := s.Size() - dataOff
	s.area = btt.Area{
		ReaderAt:  io.NewSectionReader(s, dataOff, size),
		Size:      size,
		BlockSize: s.blockSize,
		Parent:    h.PoolSet,
		Zeroed:    binary.LittleEndian.Uint32(b[4:]) != 0,
	}
	return nil
}

// check says what would make libpmemblk fault, or lose data.
func (s *source) check() (err error) {
	s.laidOut, err = s.area.Check()
	return err
}

// error makes what users see of an error of the files.
func (s *source) error(op, path string, err error) error {
	switch e := err.(type) {
	case nil, *CorruptError:
		return err
	case *btt.Fault:
		p, off := s.Locate(dataOff + e.Offset)
		return &CorruptError{p.Path, e.Structure, off, e.Reason + "; " + remedies[e.Remedy]}
	}
	return cgoutil.PathError(op, path, err)
}

// ownError turns package poolsource's error into this package's.
func ownError(err error) error {
	var c *poolsource.Corrupt
	if errors.As(err, &c) {
		return (*CorruptError)(c)
	}
	return err
}
