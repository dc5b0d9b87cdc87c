package objheap

import "encoding/binary"

// fletcher is the checksum of PMDK's headers and logs: Fletcher-64 over
// little-endian 32-bit words.
type fletcher struct{ lo, hi uint32 }

// add takes in b, whose length is a multiple of 4.
func (f *fletcher) add(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		f.lo += binary.LittleEndian.Uint32(b)
		f.hi += f.lo
	}
}

func (f *fletcher) add64(v uint64) {
	f.lo += uint32(v)
	f.hi += f.lo
	f.lo += uint32(v >> 32)
	f.hi += f.lo
}

func (f *fletcher) sum() uint64 { return uint64(f.hi)<<32 | uint64(f.lo) }

// Checksum is the checksum of b with the 8 bytes at skip, the checksum's own
// place, taken as zero. The length of b is a multiple of 4.
func Checksum(b []byte, skip int) uint64 {
	var f fletcher
	f.add(b[:skip])
	f.add64(0)
	f.add(b[skip+8:])
	return f.sum()
}

// HeaderChecksum is the checksum of a pool header of 4096 bytes. The bytes that
// it does not cover, which its features decide, count as zero.
func HeaderChecksum(b []byte) uint64 {
	covered := 4024
	if binary.LittleEndian.Uint32(b[16:])&featChecksum2K != 0 {
		covered = 2048
	}
	var f fletcher
	f.add(b[:covered])
	for ; covered < headerSize; covered += 4 {
		f.hi += f.lo
	}
	return f.sum()
}
