package poolheader

import "encoding/binary"

// Fletcher is the checksum of PMDK's headers and logs: Fletcher-64 over
// little-endian 32-bit words.
type Fletcher struct{ lo, hi uint32 }

// Add takes in b, whose length is a multiple of 4.
func (f *Fletcher) Add(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		f.lo += binary.LittleEndian.Uint32(b)
		f.hi += f.lo
	}
}

// Add64 takes in v as 8 bytes.
func (f *Fletcher) Add64(v uint64) {
	f.lo += uint32(v)
	f.hi += f.lo
	f.lo += uint32(v >> 32)
	f.hi += f.lo
}

// Sum is the checksum of what was taken in.
func (f *Fletcher) Sum() uint64 { return uint64(f.hi)<<32 | uint64(f.lo) }

// Checksum is the checksum of b with the 8 bytes at skip, the checksum's own
// place, taken as zero. The length of b is a multiple of 4.
func Checksum(b []byte, skip int) uint64 {
	var f Fletcher
	f.Add(b[:skip])
	f.Add64(0)
	f.Add(b[skip+8:])
	return f.Sum()
}

// HeaderChecksum is the checksum of a pool header of 4096 bytes. The bytes that
// it does not cover, which its features decide, count as zero.
func HeaderChecksum(b []byte) uint64 {
	covered := 4024
	if binary.LittleEndian.Uint32(b[16:])&FeatureChecksum2K != 0 {
		covered = 2048
	}
	var f Fletcher
	f.Add(b[:covered])
	for ; covered < Size; covered += 4 {
		f.hi += f.lo
	}
	return f.Sum()
}
