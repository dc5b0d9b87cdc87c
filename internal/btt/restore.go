package btt

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Patch is something to be written to an area.
type Patch struct {
	Offset int64
	Bytes  []byte
}

// Restore finds what makes the info blocks of an area good again to which
// blocks were written: their copies, or, if these are damaged as well, what
// PMDK must have put there, provided that the flog and the map fit that. It
// finds nothing for an area that Check passes.
func (a *Area) Restore() ([]Patch, error) {
	_, err := a.Check()
	if err == nil {
		return nil, nil
	}
	if f, ok := err.(*Fault); !ok || f.Remedy != FromCopy && f.Remedy != Rebuild {
		return nil, err
	}
	var patches []Patch
	plan := Plan(a.Size, a.BlockSize)
	for n, g := range plan {
		primary, err := a.info(g.Start)
		if err != nil {
			return nil, err
		}
		if primary.Valid(a.Parent) && primary.Major != 0 {
			continue
		}
		b := make([]byte, InfoSize)
		if _, err := a.ReadAt(b, g.Start+g.Backup); err != nil {
			return nil, err
		}
		if backup := ParseInfo(b); !backup.Valid(a.Parent) {
			b = g.info(a.BlockSize, a.Parent, n < len(plan)-1)
			patches = append(patches, Patch{g.Start + g.Backup, b})
		}
		patches = append(patches, Patch{g.Start, b})
		i := ParseInfo(b)
		if err := i.check(g.Start, a.Size-g.Start, a.BlockSize); err != nil {
			return nil, err
		}
		if err := a.checkFlog(g.Start, &i); err != nil {
			return nil, err
		}
		if err := a.checkMap(g.Start, &i); err != nil {
			return nil, err
		}
	}
	return patches, nil
}

// info makes the info block of an arena.
func (g *Geometry) info(blockSize int64, parent poolheader.UUID, more bool) []byte {
	b := make([]byte, InfoSize)
	copy(b, Signature)
	_, _ = rand.Read(b[16:32]) // the arena's UUID, which nothing else knows
	copy(b[32:], parent[:])
	le := binary.LittleEndian
	le.PutUint16(b[52:], 1)
	le.PutUint16(b[54:], 1)
	for i, v := range []int64{blockSize, g.Blocks, g.Internal, g.Blocks + spare, spare, InfoSize} {
		le.PutUint32(b[56+4*i:], uint32(v))
	}
	if more {
		le.PutUint64(b[80:], uint64(g.Size))
	}
	for i, v := range []int64{g.Data, g.Map, g.Flog, g.Backup} {
		le.PutUint64(b[88+8*i:], uint64(v))
	}
	le.PutUint64(b[checksumOff:], poolheader.Checksum(b, checksumOff))
	return b
}
