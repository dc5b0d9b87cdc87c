package hashmap

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The constants of the hash function; see the package's doc comment.
const (
	hashMul  = 0x9fb21c651e98df25
	hashWord = 0xa0761d6478bd642f

	hashSize8 = wordSize * hashWord & (1<<64 - 1)
)

// mix ends a hash: every bit of x has an influence on every bit of the result,
// and no two x have the same one.
func mix(x uint64, seed *[2]uint64) uint64 {
	x ^= seed[0]
	x ^= bits.RotateLeft64(x, 49) ^ bits.RotateLeft64(x, 24)
	x *= hashMul
	x ^= seed[1]
	x ^= x>>35 + 8
	x *= hashMul
	return x ^ x>>28
}

// hashBytes is the hash of a key. Up to 8 bytes are mixed as one word, so that
// no two of one length have the same hash.
func hashBytes(key []byte, seed *[2]uint64) uint64 {
	if len(key) == wordSize {
		return mix(binary.LittleEndian.Uint64(key)^hashSize8, seed)
	}
	x := uint64(len(key)) * hashWord
	for ; len(key) > 8; key = key[8:] {
		hi, lo := bits.Mul64(x^seed[1]^hashWord, binary.LittleEndian.Uint64(key)^seed[0])
		x = x ^ hi ^ bits.RotateLeft64(lo, 32) // x stays in, should a factor be 0
	}
	var last uint64
	if len(key) == 8 {
		last = binary.LittleEndian.Uint64(key)
	} else {
		for i, c := range key {
			last |= uint64(c) << (8 * i)
		}
	}
	return mix(x^last, seed)
}

// hash is the hash of a key.
func (g *geometry) hash(key []byte) uint64 { return hashBytes(key, &g.seed) }

// hashOf is the hash of the key in a slot.
func (g *geometry) hashOf(slot unsafe.Pointer) uint64 {
	if g.kind == kindBytes {
		return *(*uint64)(slot)
	}
	return g.hash(unsafe.Slice((*byte)(slot), g.keySize))
}
