package objheap

const (
	headerSize = 4096
	headerSum  = 4088 // where the pool header's checksum stands
	poolMajor  = 6

	// Incompatible features that PMDK 1.12 knows.
	featSingleHeader  = 1
	featChecksum2K    = 2
	featShutdownState = 4
	knownIncompat     = featSingleHeader | featChecksum2K | featShutdownState

	descriptorOff  = 4096
	descriptorSum  = 6136
	descriptorLen  = 2048 // the checksummed part, checksum included
	layoutLen      = 1024
	lanesOffsetOff = 5120
	lanesCountOff  = 5128
	heapOffsetOff  = 5136
	rootOffsetOff  = 6144
	rootSizeOff    = 6160
	heapSizeOff    = 6176

	lanesOff  = 8192
	laneCount = 1024
	laneSize  = 3072
	lanesEnd  = lanesOff + laneCount*laneSize

	heapHeaderSize = 1024
	heapHeaderSum  = 1016
	heapMajor      = 1

	chunkShift     = 18
	chunkSize      = 1 << chunkShift
	maxChunks      = 65528
	zoneMagic      = 0xC3F0A2D2
	zoneHeaderSize = 64
	zoneMetaSize   = zoneHeaderSize + maxChunks*8
	zoneSize       = zoneMetaSize + maxChunks*chunkSize

	runHeaderSize = 16 // unit size and alignment, before the bitmap
	// libpmemobj counts units with 16 bits. It lets one make a class with more,
	// but then frees the wrong ones, and its iteration never ends.
	maxUnits = 1<<16 - 1
	// Runs made before flexible bitmaps existed have one of this many words.
	fixedBitmapWords = 38
	cacheLine        = 64
)

const (
	minPoolSize = 8 << 20
	minHeapSize = heapHeaderSize + zoneMetaSize + chunkSize
)

// HeapMeta is how many bytes of a heap precede its first chunk, and with it
// every object.
const HeapMeta = heapHeaderSize + zoneMetaSize

// Types of a chunk.
const (
	chunkFooter  = 1 // of the last chunk of a free block
	chunkFree    = 2
	chunkUsed    = 3
	chunkRun     = 4
	chunkRunData = 5
)

// Flags of a chunk.
const (
	flagCompact = 1
	flagNone    = 2
	flagAligned = 4
	flagFlex    = 8
	knownFlags  = flagCompact | flagNone | flagAligned | flagFlex
)

// The high bits of a compact object header's size are flags.
const (
	objSizeMask = 1<<48 - 1
	objInternal = 1 << 63 // the root object, or a log of libpmemobj's own
)

// chunkHeader is the 8-byte header of a chunk as one number.
type chunkHeader uint64

func (h chunkHeader) kind() uint16  { return uint16(h) }
func (h chunkHeader) flags() uint16 { return uint16(h >> 16) }
func (h chunkHeader) size() uint64  { return uint64(h >> 32) }

// objHeaderSize is the size of the header of the objects in a chunk with these
// flags.
func objHeaderSize(flags uint16) uint64 {
	switch {
	case flags&flagCompact != 0:
		return 16
	case flags&flagNone != 0:
		return 0
	}
	return 64
}

// runGeometry says where the units of a run lie.
type runGeometry struct {
	unit   uint64 // bytes in a unit
	units  uint64 // how many there are
	header uint64 // bytes of header in front of each object
	first  uint64 // pool offset of unit 0
	meta   uint64 // bytes of the run before unit 0, if it is not aligned
}

// geometryOf works out the geometry of the run of n chunks at pool offset base.
// It is false for numbers that no run has.
func geometryOf(base, n uint64, flags uint16, unit, align uint64) (runGeometry, bool) {
	total := n << chunkShift
	if unit == 0 || unit > total {
		return runGeometry{}, false
	}
	words := uint64(fixedBitmapWords)
	if flags&flagFlex != 0 {
		words = ((total-runHeaderSize)/unit + 63) / 64
	}
	meta := (runHeaderSize + words*8 + cacheLine - 1) &^ (cacheLine - 1)
	g := runGeometry{unit: unit, header: objHeaderSize(flags), meta: meta}
	if flags&flagAligned == 0 {
		align = 0
	} else if align == 0 || align&(align-1) != 0 || align > unit {
		return runGeometry{}, false
	}
	if meta+unit > total {
		return runGeometry{}, false
	}
	g.units = (total - meta) / unit
	if align != 0 {
		g.units-- // for the bytes that aligning the first unit costs
	}
	if flags&flagFlex == 0 {
		g.units = min(g.units, fixedBitmapWords*64)
	}
	g.first = base + meta
	if align != 0 {
		// The alignment is that of the user's data, not of the unit.
		user := (g.first + g.header + align - 1) &^ (align - 1)
		g.first = user - g.header
	}
	return g, g.units > 0 && g.units <= maxUnits && unit >= g.header && g.end() <= base+total
}

// end is the pool offset after the last unit.
func (g *runGeometry) end() uint64 { return g.first + g.units*g.unit }

// zonesIn is the number of zones in a heap of that many bytes.
func zonesIn(heapSize uint64) uint64 {
	if heapSize < minHeapSize {
		return 0
	}
	rest := heapSize - heapHeaderSize
	zones := rest / zoneSize
	if rest%zoneSize >= zoneMetaSize+chunkSize {
		zones++
	}
	return zones
}

// chunksIn is the number of chunks that zone z has in a heap of that many
// bytes, which has such a zone.
func chunksIn(heapSize, z uint64) uint64 {
	rest := heapSize - heapHeaderSize - z*zoneSize
	return min(maxChunks, (rest-zoneMetaSize)/chunkSize)
}
