// Package poolheader reads the header that the files of all PMDK pools begin
// with. It is documented, and printed by PMDK's own tools; nothing here
// enters C or changes a file.
package poolheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Size is how many bytes a header has.
const Size = 4096

const (
	checksumOff = 4088
	shutdownOff = 4024
)

// SetSignature is what a pool set file begins with.
const SetSignature = "PMEMPOOLSET"

// Kind is which library a pool belongs to.
type Kind int

// The kinds of pools.
const (
	Unknown Kind = iota
	Obj
	Log
	Blk
)

// kinds have their signature and the major version of their format.
var kinds = [...]struct {
	name  string
	sig   string
	major uint32
}{
	Unknown: {name: "unknown"},
	Obj:     {"obj", "PMEMOBJ\x00", 6},
	Log:     {"log", "PMEMLOG\x00", 1},
	Blk:     {"blk", "PMEMBLK\x00", 1},
}

// String is the name that PMDK's tools use.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k].name
}

// Incompatible features that PMDK 1.12 knows.
const (
	FeatureSingleHeader  = 1
	FeatureChecksum2K    = 2
	FeatureShutdownState = 4
	KnownIncompat        = FeatureSingleHeader | FeatureChecksum2K | FeatureShutdownState

	// FeatureCheckBadBlocks is a compatible one.
	FeatureCheckBadBlocks = 1
)

// UUID names a pool set, a part or a replica.
type UUID [16]byte

// String gives the usual form, with the first three fields taken as
// little-endian numbers, as PMDK prints them.
func (u UUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(u[:]),
		binary.LittleEndian.Uint16(u[4:]), binary.LittleEndian.Uint16(u[6:]), u[8:10], u[10:])
}

// Header is what a pool's header says.
type Header struct {
	Kind                       Kind
	Signature                  [8]byte
	Major                      uint32
	Compat, Incompat, ROCompat uint32

	PoolSet UUID
	UUID    UUID
	// In a pool set of several parts or replicas these are other files'.
	PrevPart, NextPart, PrevReplica, NextReplica UUID

	Created      time.Time
	Alignment    uint64 // a code for how the compiler lays out C's types
	MachineClass uint8  // 2 is 64 bits
	Data         uint8  // 1 is little-endian
	Machine      uint16 // as in ELF files: 62 is x86-64
	Shutdown     Shutdown

	Checksum uint64
	Computed uint64 // what Checksum should be

	// Marked says that a whole mark of a journal is there. Checksum is wrong
	// then: it is that of the header without it.
	Marked bool
}

// Shutdown is what the header keeps to notice unsafe shutdowns.
type Shutdown struct {
	Count    uint64 // of unsafe shutdowns of the devices, when it was opened
	Devices  uint64
	Dirty    bool // open, or not closed properly
	Checksum uint64
	Computed uint64 // what Checksum should be
}

// Parse reads a header from its Size bytes. It judges nothing: see Check.
func Parse(b []byte) (Header, error) {
	if len(b) < Size {
		return Header{}, fmt.Errorf("a pool header has %d bytes, not %d", Size, len(b))
	}
	le := binary.LittleEndian
	h := Header{
		Major:        le.Uint32(b[8:]),
		Compat:       le.Uint32(b[12:]),
		Incompat:     le.Uint32(b[16:]),
		ROCompat:     le.Uint32(b[20:]),
		Created:      time.Unix(int64(le.Uint64(b[120:])), 0),
		Alignment:    le.Uint64(b[128:]),
		MachineClass: b[136],
		Data:         b[137],
		Machine:      le.Uint16(b[142:]),
		Checksum:     le.Uint64(b[checksumOff:]),
		Computed:     HeaderChecksum(b[:Size]),
	}
	_, h.Marked = MarkOf(b)
	copy(h.Signature[:], b)
	for k := Obj; k <= Blk; k++ {
		if bytes.Equal(b[:8], []byte(kinds[k].sig)) {
			h.Kind = k
		}
	}
	for i, u := range []*UUID{&h.PoolSet, &h.UUID, &h.PrevPart, &h.NextPart, &h.PrevReplica, &h.NextReplica} {
		copy(u[:], b[24+16*i:])
	}
	s := b[shutdownOff:checksumOff]
	h.Shutdown = Shutdown{
		Count:    le.Uint64(s),
		Devices:  le.Uint64(s[8:]),
		Dirty:    s[16] != 0,
		Checksum: le.Uint64(s[len(s)-8:]),
		Computed: Checksum(s, len(s)-8),
	}
	return h, nil
}

// ReadFrom reads the header of a file. A file that is too short for one gives
// ErrShort.
func ReadFrom(r io.ReaderAt) (Header, error) {
	b := make([]byte, Size)
	n, err := r.ReadAt(b, 0)
	if n == Size {
		return Parse(b)
	}
	if err == nil || err == io.EOF {
		err = ErrShort
	}
	h, _ := Parse(append(b[:n], make([]byte, Size-n)...))
	return h, err
}

// ErrShort says that a file ends before its header does.
var ErrShort = errors.New("the file is shorter than a pool header")

// Part says whether the file is one of several of a pool set.
func (h *Header) Part() bool {
	return h.PrevPart != h.UUID || h.NextPart != h.UUID || h.PrevReplica != h.UUID || h.NextReplica != h.UUID
}

// Fault is what is wrong with a header, and where.
type Fault struct {
	Offset int64
	Reason string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("pool header at offset %d: %s", f.Offset, f.Reason)
}

func fault(off int64, format string, args ...any) error {
	return &Fault{off, fmt.Sprintf(format, args...)}
}

// Check says what keeps PMDK 1.12 from opening a pool of the kind wanted with
// this header: a *Fault, or nil.
func (h *Header) Check(want Kind) error {
	switch {
	case h.Kind != want:
		return fault(0, "not a pmem%v pool: %s", want, WhatIs(h.Signature[:]))
	case h.Unreplayed():
		return fault(16, "%v: %s", ErrUnreplayed, ReplayHint)
	case h.Checksum != h.Computed:
		return fault(checksumOff, "checksum is %#x, should be %#x", h.Checksum, h.Computed)
	case h.Major != kinds[want].major:
		return fault(8, "format version %d, only %d is known", h.Major, kinds[want].major)
	case h.Incompat&^KnownIncompat != 0:
		return fault(16, "incompatible features %#x, which this version of PMDK does not know", h.Incompat&^KnownIncompat)
	}
	return nil
}

var signatures = []struct{ sig, what string }{
	{"PMEMOBJ\x00", "a pmemobj pool"},
	{"PMEMBLK\x00", "a pmemblk pool"},
	{"PMEMLOG\x00", "a pmemlog pool"},
	{SetSignature[:8], "a pool set file"},
	{"BTT_ARENA_INFO\x00"[:8], "a BTT arena"},
	{"\x7fELF", "an executable"},
	{"\x1f\x8b", "compressed data"},
	{"SQLite format 3\x00"[:8], "an SQLite database"},
}

// WhatIs names what a file starts with, if that is a pool's signature or
// another well-known one. It needs 8 bytes to tell.
func WhatIs(b []byte) string {
	for _, s := range signatures {
		if bytes.HasPrefix(b, []byte(s.sig)) {
			return s.what
		}
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		return "all zeros, as after a creation that was cut short"
	}
	return fmt.Sprintf("it begins with %q", b[:min(len(b), 8)])
}
