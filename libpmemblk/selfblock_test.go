package libpmemblk_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
)

// A block that describes itself: its number, the version of its content, and
// bytes that follow from both, with a checksum over all.

const selfHeader = 8 + 8 + 4

// fillBlock makes b the given version of block n.
func fillBlock(b []byte, n int64, version int) {
	binary.LittleEndian.PutUint64(b, uint64(n))
	binary.LittleEndian.PutUint64(b[8:], uint64(version))
	rnd := rand.NewPCG(uint64(n), uint64(version))
	body := b[selfHeader:]
	for ; len(body) >= 8; body = body[8:] {
		binary.LittleEndian.PutUint64(body, rnd.Uint64())
	}
	clear(body)
	binary.LittleEndian.PutUint32(b[16:], crc32.Update(crc32.ChecksumIEEE(b[:16]), crc32.IEEETable, b[selfHeader:]))
}

// versionOf returns the version of a block, 0 if it was never written, or an
// error if it is a mixture or another block.
func versionOf(b []byte, n int64) (int, error) {
	version := int(binary.LittleEndian.Uint64(b[8:]))
	if version == 0 {
		for i, c := range b {
			if c != 0 {
				return 0, fmt.Errorf("block %d: byte %d of a block that was never written is %#x", n, i, c)
			}
		}
		return 0, nil
	}
	if got := binary.LittleEndian.Uint64(b); got != uint64(n) {
		return 0, fmt.Errorf("block %d holds block %d", n, got)
	}
	if binary.LittleEndian.Uint32(b[16:]) != crc32.Update(crc32.ChecksumIEEE(b[:16]), crc32.IEEETable, b[selfHeader:]) {
		return 0, fmt.Errorf("block %d, version %d: torn", n, version)
	}
	return version, nil
}
