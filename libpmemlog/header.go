package libpmemlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolheader"
	"github.com/pmem/pmdk-go/internal/poolsource"
)

// Where PMDK keeps its own fields in a log's first file, in bytes. The content
// follows at dataOff.
const (
	descriptorOff = 4096
	dataOff       = 8192
)

// repair is what to do about a damaged log.
const repair = "repair it with libpmempool.Check or pmempool check -r, on a copy"

// kind is what package poolsource has to know.
var kind = poolsource.Kind{Header: poolheader.Log, MinPool: MinPool, Noun: "log"}

// openSource opens the files of the log at path, and checks them. C opens them
// once more, by the same path.
func openSource(op, path string) (*poolsource.Source, error) {
	s, err := poolsource.Open(op, path, kind)
	if err != nil {
		return nil, ownError(err)
	}
	if err := checkHeader(op, path, s); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// checkHeader says what would make libpmemlog fault, or lose its way, in the
// log: a *CorruptError.
func checkHeader(op, path string, s *poolsource.Source) error {
	p := &s.Parts[0]
	b := make([]byte, 24)
	if _, err := p.ReadAt(b, descriptorOff); err != nil {
		return cgoutil.PathError(op, path, err)
	}
	corrupt := func(off int64, format string, args ...any) error {
		return &CorruptError{p.Path, "log header", descriptorOff + off, fmt.Sprintf(format, args...) + "; " + repair}
	}
	le := binary.LittleEndian
	start, end, write := le.Uint64(b), le.Uint64(b[8:]), le.Uint64(b[16:])
	size := s.Size()
	switch {
	case start != dataOff:
		return corrupt(0, "the content starts at %#x, should start at %#x", start, dataOff)
	case end != uint64(size):
		return corrupt(8, "the content ends at %#x, but the file at %#x", end, size)
	case write < start || write > end:
		return corrupt(16, "the next byte goes to %#x, outside of [%#x, %#x]", write, start, end)
	}
	return nil
}

// ownError turns package poolsource's error into this package's.
func ownError(err error) error {
	var c *poolsource.Corrupt
	if errors.As(err, &c) {
		return (*CorruptError)(c)
	}
	return err
}
