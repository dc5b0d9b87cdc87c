package libpmempool

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Arena is a piece of a blk pool's block translation table, of at most 512
// GiB, as its info block describes it. The block exists twice.
type Arena struct {
	Start int64 // in the file, in bytes
	Size  int64 // in bytes

	UUID, Parent                  UUID
	Flags                         uint32
	Major, Minor                  uint16
	ExternalBlock, ExternalBlocks uint32 // a block's size as the user sees it, and how many there are
	InternalBlock, InternalBlocks uint32 // as they are stored
	FreeBlocks                    uint32
	InfoSize                      uint32
	// In bytes, from Start. Next is 0 in the last arena.
	Next, Data, Map, Flog, Backup uint64

	Checksum uint64
	Computed uint64 // what Checksum should be

	// Primary and Second tell the state of the two info blocks; the numbers
	// above are those of the first that is valid.
	Primary, Second InfoState

	faults []bttFault
}

// bttFault is what a valid info block says that cannot be.
type bttFault struct {
	off    int64 // in the pool
	reason string
}

// InfoState is the state of an info block.
type InfoState int

// The states of an info block.
const (
	InfoUnwritten InfoState = iota // all zeros
	InfoValid
	InfoDamaged
)

// String gives "unwritten", "valid" or "damaged".
func (s InfoState) String() string {
	names := [...]string{"unwritten", "valid", "damaged"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("InfoState(%d)", int(s))
	}
	return names[s]
}

const (
	blkDataOff   = 8192
	infoSize     = 4096
	infoSumOff   = 4088
	arenaMaxSize = 512 << 30
	arenaMinSize = 16 << 20
)

// bttFree is how many blocks more are stored than can be used.
const bttFree = 256

const bttSignature = "BTT_ARENA_INFO\x00\x00"

// readArenas reads the info blocks of the table in [start, end).
func readArenas(r io.ReaderAt, start, end int64) ([]Arena, error) {
	var arenas []Arena
	for end-start >= arenaMinSize {
		size := min(end-start, arenaMaxSize)
		size -= size % infoSize
		a := Arena{Start: start, Size: size}
		primary, backup := make([]byte, infoSize), make([]byte, infoSize)
		if _, err := r.ReadAt(primary, start); err != nil {
			return arenas, err
		}
		if _, err := r.ReadAt(backup, start+size-infoSize); err != nil {
			return arenas, err
		}
		a.Primary, a.Second = stateOf(primary), stateOf(backup)
		if a.Primary != InfoValid && a.Second == InfoValid {
			a.parse(backup)
		} else {
			a.parse(primary)
		}
		for off, info := range map[int64][]byte{start: primary, start + size - infoSize: backup} {
			if stateOf(info) != InfoValid {
				continue
			}
			b := Arena{Size: size}
			b.parse(info)
			if reason := b.impossible(); reason != "" {
				a.faults = append(a.faults, bttFault{off, reason})
			}
		}
		arenas = append(arenas, a)
		start += size
	}
	return arenas, nil
}

func stateOf(info []byte) InfoState {
	switch {
	case len(bytes.Trim(info, "\x00")) == 0:
		return InfoUnwritten
	case !bytes.HasPrefix(info, []byte(bttSignature)),
		poolheader.Checksum(info, infoSumOff) != binary.LittleEndian.Uint64(info[infoSumOff:]):
		return InfoDamaged
	}
	return InfoValid
}

func (a *Arena) parse(b []byte) {
	le := binary.LittleEndian
	copy(a.UUID[:], b[16:])
	copy(a.Parent[:], b[32:])
	a.Flags = le.Uint32(b[48:])
	a.Major, a.Minor = le.Uint16(b[52:]), le.Uint16(b[54:])
	for i, field := range []*uint32{&a.ExternalBlock, &a.ExternalBlocks, &a.InternalBlock, &a.InternalBlocks, &a.FreeBlocks, &a.InfoSize} {
		*field = le.Uint32(b[56+4*i:])
	}
	for i, field := range []*uint64{&a.Next, &a.Data, &a.Map, &a.Flog, &a.Backup} {
		*field = le.Uint64(b[80+8*i:])
	}
	a.Checksum, a.Computed = le.Uint64(b[infoSumOff:]), poolheader.Checksum(b[:infoSize], infoSumOff)
}

// lost says whether the table looks unwritten to PMDK, although its backup
// shows that it was written: the first write to such a pool formats it anew,
// and what it holds is gone.
func (a *Arena) lost() bool { return a.Primary == InfoUnwritten && a.Second == InfoValid }

// impossible says why C would lose its way in the arena that a describes, with
// a checksum that is right.
func (a *Arena) impossible() string {
	const entry, flogEntry = 4, 64
	data := uint64(a.InternalBlocks) * uint64(a.InternalBlock)
	switch {
	case a.Major != 1:
		return fmt.Sprintf("version %d.%d, only 1.x is known", a.Major, a.Minor)
	case a.InfoSize != infoSize:
		return fmt.Sprintf("an info block of %d bytes, should be %d", a.InfoSize, infoSize)
	case a.FreeBlocks != bttFree:
		return fmt.Sprintf("%d free blocks, should be %d", a.FreeBlocks, bttFree)
	case a.ExternalBlock == 0 || a.InternalBlock < a.ExternalBlock || a.ExternalBlocks == 0,
		uint64(a.ExternalBlocks)+bttFree != uint64(a.InternalBlocks):
		return fmt.Sprintf("%d blocks of %d bytes, stored as %d of %d", a.ExternalBlocks, a.ExternalBlock, a.InternalBlocks, a.InternalBlock)
	case a.Next != 0 && a.Next != uint64(a.Size):
		return fmt.Sprintf("the next arena at %#x, should be at %#x", a.Next, a.Size)
	case a.Backup != uint64(a.Size)-infoSize:
		return fmt.Sprintf("the backup at %#x, should be at %#x", a.Backup, a.Size-infoSize)
	case a.Data < infoSize || a.Map > a.Flog || a.Flog > a.Backup || a.Data > a.Map || data > a.Map-a.Data,
		uint64(a.ExternalBlocks)*entry > a.Flog-a.Map, bttFree*flogEntry > a.Backup-a.Flog,
		(a.Data|a.Map|a.Flog)%infoSize != 0:
		return fmt.Sprintf("data at %#x, map at %#x and flog at %#x do not fit", a.Data, a.Map, a.Flog)
	}
	return ""
}
