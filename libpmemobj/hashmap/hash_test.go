package hashmap

import (
	"math/bits"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that the hash function stays what it is: it is part of the layout.
func TestHashIsFixed(t *testing.T) {
	seed := &[2]uint64{0x0123456789abcdef, 0xfedcba9876543210}
	for key, want := range map[string]uint64{
		"": 0x75e0dc8b3353ce3, "a": 0xd6f9447f4f5c1720, "12345678": 0x76abf961cbe73524,
		"123456789": 0x1e8ea01a2297db70, "a key of some length": 0x8477ee595b72328,
	} {
		assert.Equal(t, want, hashBytes([]byte(key), seed), "%q: %#x", key, hashBytes([]byte(key), seed))
	}
}

// Ensure that hashes spread: each bit of a key has an influence on each bit of
// the hash, in half of all cases.
func TestHashSpreads(t *testing.T) {
	seed := &[2]uint64{rand.Uint64(), rand.Uint64()}
	for _, size := range []int{4, 8, 13, 16, 40} {
		const rounds = 2000
		flips := make([][64]int, size*8)
		for range rounds {
			key := make([]byte, size)
			for i := range key {
				key[i] = byte(rand.Uint32())
			}
			h := hashBytes(key, seed)
			for bit := range size * 8 {
				key[bit/8] ^= 1 << (bit % 8)
				for x := h ^ hashBytes(key, seed); x != 0; x &= x - 1 {
					flips[bit][bits.TrailingZeros64(x)]++
				}
				key[bit/8] ^= 1 << (bit % 8)
			}
		}
		for bit := range flips {
			for out, n := range flips[bit] {
				assert.InDelta(t, rounds/2, n, rounds/8, "%d bytes: bit %d → %d", size, bit, out)
			}
		}
	}
}

// Ensure that prints are found where they are, whatever else is on the line.
func TestMatches(t *testing.T) {
	g := geometry{kind: kindFixed, keySize: 8, slotSize: 72}.complete()
	require.Equal(t, 56, g.slots)
	require.Equal(t, 4096, g.pageSize)
	line := make([]uint64, 8)
	p := page{unsafe.Pointer(&line[0])}
	for range 20_000 {
		for i := range line {
			line[i] = rand.Uint64()
			if rand.IntN(3) == 0 {
				line[i] = rand.Uint64N(4) * 0x0100_0001_0001_0100 // many equal ones
			}
		}
		hash := rand.Uint64()
		if rand.IntN(2) == 0 {
			hash = rand.Uint64N(4)
		}
		want, got := uint64(0), g.matches(p, hash)
		for i := range g.slots {
			if *p.print(i) == byte(hash) {
				want |= 1 << i
			}
		}
		require.Equal(t, want, got&want, "prints are missed")
		require.LessOrEqual(t, bits.OnesCount64(got&^want), 20, "too many others")
	}
}

// Ensure that words are written and read whole, with zeros behind, and nothing
// beyond.
func TestWords(t *testing.T) {
	memory := make([]uint64, 8)
	at := unsafe.Pointer(&memory[1])
	for n := range 41 {
		for i := range memory {
			memory[i] = ^uint64(0)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i + 1)
		}
		putWords(at, b)
		require.True(t, hasWords(at, b))
		got := make([]byte, n)
		getWords(got, at)
		require.Equal(t, b, got)
		require.Equal(t, ^uint64(0), memory[0])
		require.Equal(t, ^uint64(0), memory[1+round(n)/8])
		if n%8 != 0 {
			require.Zero(t, memory[n/8+1]>>(n%8*8), "no zeros behind")
		}
		if n > 0 {
			b[n-1]++
			require.False(t, hasWords(at, b))
		}
	}
}

// Ensure that every page size is one that the layout allows.
func TestGeometry(t *testing.T) {
	for slot := 8; slot <= maxSlot; slot += 8 {
		g := geometry{kind: kindFixed, keySize: 8, slotSize: slot}.complete()
		require.Zero(t, g.pageSize%64)
		require.GreaterOrEqual(t, g.pageSize, metaSize+g.slots*slot)
		require.GreaterOrEqual(t, g.slots, minSlots)
		require.LessOrEqual(t, g.slots, maxSlots)
		for range 20 {
			used, hash := rand.Uint64()&g.mask, rand.Uint64()
			if used == g.mask {
				continue
			}
			i := g.freeSlot(used, hash)
			require.Zero(t, used>>i&1)
			require.Less(t, i, g.slots)
		}
	}
}
