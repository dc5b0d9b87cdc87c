package objheap

import (
	"encoding/binary"
	"fmt"
)

// walk calls visit for each block of each zone in use, in address order, after
// it checked that the blocks fill their zone exactly.
func (im *image) walk(visit func(block) error) error {
	for z := range im.zones {
		if err := im.walkZone(z, visit); err != nil {
			return err
		}
	}
	return nil
}

func (im *image) walkZone(z uint64, visit func(block) error) error {
	have := chunksIn(im.heapSize, z)
	b := make([]byte, zoneHeaderSize+have*8)
	at := im.zoneOff(z)
	if err := im.read(b, at); err != nil {
		return err
	}
	name := fmt.Sprintf("zone %d header", z)
	magic, n := binary.LittleEndian.Uint32(b), uint64(binary.LittleEndian.Uint32(b[4:]))
	if magic == 0 && n == 0 && unusedChunks(b[zoneHeaderSize:]) {
		return nil // not used yet: zones are set up when the ones before are full
	}
	if magic != zoneMagic {
		return corrupt(name, at, "magic is %#x, should be %#x", magic, uint32(zoneMagic))
	}
	if n == 0 || n > have {
		return corrupt(name, at+4, "%d chunks, the heap has room for %d", n, have)
	}
	headers := b[zoneHeaderSize:]
	for c := uint64(0); c < n; {
		blk := block{zone: z, chunk: c, base: im.chunkOff(z, c)}
		blk.hdr = chunkHeader(binary.LittleEndian.Uint64(headers[c*8:]))
		if err := im.checkChunk(&blk, headers, n); err != nil {
			return err
		}
		if err := visit(blk); err != nil {
			return err
		}
		c += blk.hdr.size()
	}
	return nil
}

// unusedChunks says whether no block is in use, by the headers of a zone's
// chunks. A crash while PMDK sets up a zone can leave the header of its one free
// block behind, or the footer, without the zone's own: PMDK then starts anew.
func unusedChunks(headers []byte) bool {
	for ; len(headers) > 0; headers = headers[8:] {
		switch chunkHeader(binary.LittleEndian.Uint64(headers)).kind() {
		case 0, chunkFooter, chunkFree:
		default:
			return false
		}
	}
	return true
}

// checkChunk checks the header of the block that starts at chunk b.chunk of a
// zone with n chunks.
func (im *image) checkChunk(b *block, headers []byte, n uint64) error {
	where := im.chunkHeaderOff(b.zone, b.chunk)
	name := fmt.Sprintf("zone %d chunk %d", b.zone, b.chunk)
	size, flags := b.hdr.size(), b.hdr.flags()
	if size == 0 || size > n-b.chunk {
		return corrupt(name, where, "a size of %d chunks, %d are left in the zone", size, n-b.chunk)
	}
	switch b.hdr.kind() {
	case chunkFree:
		return nil
	case chunkUsed:
		if flags&^(flagCompact|flagNone) != 0 || flags&(flagCompact|flagNone) == flagCompact|flagNone {
			return corrupt(name, where+2, "unknown flags %#x of a huge object", flags)
		}
		return nil
	case chunkRun:
	default:
		return corrupt(name, where, "type %d where a block should start", b.hdr.kind())
	}
	if flags&^knownFlags != 0 || flags&(flagCompact|flagNone) == flagCompact|flagNone {
		return corrupt(name, where+2, "unknown flags %#x of a run", flags)
	}
	for i := uint64(1); i < size; i++ {
		h := chunkHeader(binary.LittleEndian.Uint64(headers[(b.chunk+i)*8:]))
		if h.kind() != chunkRunData || h.size() != i {
			return corrupt(fmt.Sprintf("zone %d chunk %d", b.zone, b.chunk+i), where+i*8,
				"not part %d of the run of %d chunks that holds it", i, size)
		}
	}
	return im.loadRun(b)
}
