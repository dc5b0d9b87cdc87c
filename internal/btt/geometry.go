package btt

// Sizes in bytes, and numbers, of version 1.1 of the layout.
const (
	InfoSize = 4096
	MinArena = 16 << 20
	MaxArena = 512 << 30

	// MinBlocks is how many blocks an arena has at least.
	MinBlocks = 256
	// spare is how many more there are than can be used.
	spare = 256

	align       = 4096
	mapEntry    = 4
	flogEntry   = 64
	flogSize    = spare * flogEntry
	minInternal = 512
	internalRow = 256 // what internal sizes of blocks are multiples of
)

// Geometry is where the parts of an arena are, in bytes from its start.
type Geometry struct {
	Start    int64 // from the start of the area
	Size     int64 // with all of the area's rest that it does not use
	Blocks   int64 // that can be used
	Internal int64 // bytes that a block takes
	Data     int64
	Map      int64
	Flog     int64
	Backup   int64 // of the info block
}

// Plan says how PMDK lays out an area of size bytes in blocks of blockSize
// bytes. An area that is too small for MinBlocks has no arenas, nor has one
// with blocks of no size.
func Plan(size, blockSize int64) []Geometry {
	if blockSize < 1 || blockSize > MaxArena {
		return nil
	}
	var all []Geometry
	for start := int64(0); size-start >= MinArena; {
		g := Geometry{Start: start, Size: min(size-start, MaxArena), Data: InfoSize}
		g.Internal = (max(blockSize, minInternal) + internalRow - 1) / internalRow * internalRow
		usable := g.Size / align * align
		g.Blocks = (usable-2*InfoSize-flogSize-align)/(g.Internal+mapEntry) - spare
		if g.Blocks < MinBlocks {
			break
		}
		g.Backup = usable - InfoSize
		g.Flog = g.Backup - flogSize
		g.Map = g.Flog - (g.Blocks*mapEntry+align-1)/align*align
		all = append(all, g)
		start += g.Size
	}
	return all
}

// Blocks is how many blocks an area of size bytes has.
func Blocks(size, blockSize int64) (n int64) {
	for _, g := range Plan(size, blockSize) {
		n += g.Blocks
	}
	return n
}
