package objheap

import (
	"bytes"
	"encoding/binary"
	"sync/atomic"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Info is what the headers of a pool say about it.
type Info struct {
	IsSet    bool // a pool set file; nothing else in here is filled in then
	IsDevice bool // a character device (device DAX), which cannot be read(2); likewise

	Layout      string
	UUIDLo      uint64 // what PMEMoid.pool_uuid_lo is in this pool
	PoolSetUUID [16]byte
	UUID        [16]byte
	// In a pool set of several parts or replicas these are other files' UUIDs.
	PrevPart, NextPart, PrevReplica, NextReplica [16]byte

	Compat, Incompat, ROCompat uint32
	// UnknownIncompat are the incompatible features that PMDK 1.12 does not
	// know. It refuses such a pool, and nothing after its header was checked.
	UnknownIncompat uint32

	Size       uint64 // of the file
	HeapOffset uint64
	HeapSize   uint64
	RootOffset uint64
	RootSize   uint64

	// CutLogs are offsets of words that recovery will set to 0, and so cut off
	// what continues a lane's log. PMDK counts the room of the logs before that,
	// and would write later to where nothing is: they are to be 0 before it
	// opens the pool, which recovery repeats.
	CutLogs []uint64
}

// SingleHeader says whether only the first part of each replica has a header.
func (i *Info) SingleHeader() bool { return i.Incompat&featSingleHeader != 0 }

// Part says whether the file is one of several of a pool set. The rest of such
// a pool is elsewhere, so only its header was checked.
func (i *Info) Part() bool {
	return i.PrevPart != i.UUID || i.NextPart != i.UUID || i.PrevReplica != i.UUID || i.NextReplica != i.UUID
}

// checkHeader reads the pool header. stop is true if what follows cannot or
// need not be looked at.
func (im *image) checkHeader(info *Info) (stop bool, err error) {
	info.Size = im.size
	if im.size == 0 {
		return true, corrupt("file", 0, "it is empty")
	}
	b := make([]byte, min(headerSize, im.size))
	if err := im.raw(b, 0); err != nil {
		return true, err
	}
	if bytes.HasPrefix(b, []byte(poolheader.SetSignature)) {
		info.IsSet = true
		return true, nil
	}
	if !bytes.HasPrefix(b, []byte("PMEMOBJ\x00")) {
		return true, corrupt("pool header", 0, "not a pmemobj pool: %s", poolheader.WhatIs(b))
	}
	if len(b) < headerSize {
		return true, corrupt("file", im.size, "truncated: %d bytes are less than a pool header", im.size)
	}
	le := binary.LittleEndian
	info.Compat, info.Incompat, info.ROCompat = le.Uint32(b[12:]), le.Uint32(b[16:]), le.Uint32(b[20:])
	_, marked := poolheader.MarkOf(b) // which leaves the checksum wrong
	if got, want := le.Uint64(b[headerSum:]), poolheader.HeaderChecksum(b); got != want && !marked {
		return true, corrupt("pool header", headerSum, "checksum is %#x, should be %#x", got, want)
	}
	if major := le.Uint32(b[8:]); major != poolMajor {
		return true, corrupt("pool header", 8, "format version %d, only %d is known", major, poolMajor)
	}
	copy(info.PoolSetUUID[:], b[24:])
	copy(info.UUID[:], b[40:])
	copy(info.PrevPart[:], b[56:])
	copy(info.NextPart[:], b[72:])
	copy(info.PrevReplica[:], b[88:])
	copy(info.NextReplica[:], b[104:])
	for i := range 8 {
		info.UUIDLo = info.UUIDLo<<8 | uint64(info.PoolSetUUID[i]^info.PoolSetUUID[i+8])
	}
	info.UnknownIncompat = info.Incompat &^ knownIncompat
	return info.UnknownIncompat != 0 || info.Part() && !im.whole, nil
}

// fewLanes is what FewLanes was called with.
var fewLanes atomic.Uint64

// FewLanes has this process accept pools of n lanes, 1 to 1023, beside those of
// as many as PMDK gives them all. PMDK spends most of the time in which it
// opens and closes a small pool on lanes. It has to be told, by PMEMOBJ_NLANES
// in the environment, to use no more.
func FewLanes(n int) { fewLanes.Store(uint64(n) % laneCount) }

// checkDescriptor reads the descriptor and the heap header.
func (im *image) checkDescriptor(info *Info) error {
	if im.size < minPoolSize {
		return corrupt("file", im.size, "truncated: %d bytes, a pmemobj pool has at least %d", im.size, minPoolSize)
	}
	b := make([]byte, lanesOff-descriptorOff)
	if err := im.raw(b, descriptorOff); err != nil {
		return err
	}
	at := func(off int) uint64 { return binary.LittleEndian.Uint64(b[off-descriptorOff:]) }
	if got, want := at(descriptorSum), poolheader.Checksum(b[:descriptorLen], descriptorSum-descriptorOff); got != want {
		return corrupt("pool descriptor", descriptorSum, "checksum is %#x, should be %#x", got, want)
	}
	name, _, ended := bytes.Cut(b[:layoutLen], []byte{0})
	if !ended {
		return corrupt("pool descriptor", descriptorOff, "the layout name has no end")
	}
	info.Layout = string(name)
	if v := at(lanesOffsetOff); v != lanesOff {
		return corrupt("pool descriptor", lanesOffsetOff, "lanes at %#x, should be at %#x", v, lanesOff)
	}
	im.lanes = at(lanesCountOff)
	if few := fewLanes.Load(); im.lanes != laneCount && (few == 0 || im.lanes != few) {
		return corrupt("pool descriptor", lanesCountOff, "%d lanes, should be %d", im.lanes, laneCount)
	}
	info.HeapOffset, info.HeapSize = at(heapOffsetOff), at(heapSizeOff)
	if o := info.HeapOffset; o < lanesEnd || o%cacheLine != 0 || o >= im.size {
		return corrupt("pool descriptor", heapOffsetOff, "the heap cannot start at %#x", o)
	}
	if s := info.HeapSize; s < minHeapSize || s > im.size-info.HeapOffset {
		return corrupt("pool descriptor", heapSizeOff, "a heap of %d bytes at %#x does not fit a file of %d bytes", s, info.HeapOffset, im.size)
	}
	im.heapOff, im.heapSize, im.zones = info.HeapOffset, info.HeapSize, zonesIn(info.HeapSize)
	return im.checkHeapHeader()
}

func (im *image) checkHeapHeader() error {
	b := make([]byte, heapHeaderSize)
	if err := im.raw(b, im.heapOff); err != nil {
		return err
	}
	le := binary.LittleEndian
	if !bytes.HasPrefix(b, []byte("MEMORY_HEAP_HDR\x00")) {
		return corrupt("heap header", im.heapOff, "wrong signature %q", b[:16])
	}
	if got, want := le.Uint64(b[heapHeaderSum:]), poolheader.Checksum(b, heapHeaderSum); got != want {
		return corrupt("heap header", im.heapOff+heapHeaderSum, "checksum is %#x, should be %#x", got, want)
	}
	if major := le.Uint64(b[16:]); major != heapMajor {
		return corrupt("heap header", im.heapOff+16, "format version %d, only %d is known", major, heapMajor)
	}
	if v := le.Uint64(b[40:]); v != chunkSize {
		return corrupt("heap header", im.heapOff+40, "chunks of %d bytes, should be %d", v, chunkSize)
	}
	if v := le.Uint64(b[48:]); v != maxChunks {
		return corrupt("heap header", im.heapOff+48, "%d chunks in a zone, should be %d", v, maxChunks)
	}
	return nil
}

// checkRoot makes sure that the root object is one, and as large as it should
// be. It runs after the logs were laid over the image.
func (im *image) checkRoot(info *Info) error {
	var err error
	if info.RootOffset, err = im.word(rootOffsetOff); err != nil {
		return err
	}
	if info.RootSize, err = im.word(rootSizeOff); err != nil {
		return err
	}
	if info.RootOffset == 0 {
		return nil
	}
	o, ok, err := im.objectAt(info.RootOffset)
	if err != nil {
		return err
	}
	if !ok {
		return corrupt("root object", rootOffsetOff, "there is no object at %#x", info.RootOffset)
	}
	if info.RootSize > o.usable {
		return corrupt("root object", rootSizeOff, "%d bytes, the object at %#x has room for %d", info.RootSize, info.RootOffset, o.usable)
	}
	return nil
}
