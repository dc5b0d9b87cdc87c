package btt

import (
	"encoding/binary"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Signature is what an info block begins with.
const Signature = "BTT_ARENA_INFO\x00\x00"

const checksumOff = 4088

// Info is an info block.
type Info struct {
	Signature    [16]byte
	UUID         poolheader.UUID // of the arena
	Parent       poolheader.UUID // of the pool set
	Flags        uint32          // FlagError
	Major, Minor uint16
	ExternalSize uint32 // of a block
	External     uint32 // how many blocks can be used
	InternalSize uint32 // of a block
	Internal     uint32 // how many blocks there are
	Spare        uint32
	InfoSize     uint32
	Next         uint64 // the next arena; 0 if there is none
	Data         uint64 // this, and what follows, from the start of the arena
	Map          uint64
	Flog         uint64
	Backup       uint64
	Checksum     uint64
	Computed     uint64 // what Checksum should be
}

// FlagError is set in the flags of an arena that takes no writes any more.
const FlagError = 1

// ParseInfo reads an info block from its InfoSize bytes.
func ParseInfo(b []byte) Info {
	le := binary.LittleEndian
	i := Info{
		Flags:        le.Uint32(b[48:]),
		Major:        le.Uint16(b[52:]),
		Minor:        le.Uint16(b[54:]),
		ExternalSize: le.Uint32(b[56:]),
		External:     le.Uint32(b[60:]),
		InternalSize: le.Uint32(b[64:]),
		Internal:     le.Uint32(b[68:]),
		Spare:        le.Uint32(b[72:]),
		InfoSize:     le.Uint32(b[76:]),
		Next:         le.Uint64(b[80:]),
		Data:         le.Uint64(b[88:]),
		Map:          le.Uint64(b[96:]),
		Flog:         le.Uint64(b[104:]),
		Backup:       le.Uint64(b[112:]),
		Checksum:     le.Uint64(b[checksumOff:]),
		Computed:     poolheader.Checksum(b[:InfoSize], checksumOff),
	}
	copy(i.Signature[:], b)
	copy(i.UUID[:], b[16:])
	copy(i.Parent[:], b[32:])
	return i
}

// Valid says whether PMDK takes the info block for one of the pool set's.
func (i *Info) Valid(parent poolheader.UUID) bool {
	return i.Claims(parent) && i.Checksum == i.Computed
}

// Claims says whether it looks like one, damaged or not.
func (i *Info) Claims(parent poolheader.UUID) bool {
	return string(i.Signature[:]) == Signature && i.Parent == parent
}
