// Package load puts keys into an engine from many goroutines and measures how
// long each takes.
package load

import (
	"encoding/binary"

	"github.com/pmem/pmdk-go/benchmarks/internal/engine"
)

// Keys is a sequence of random keys with a random value each, the same ones for
// every engine.
type Keys struct {
	Seed uint64

	// Among is how many different keys there are, which then come again in
	// random order; 0 is a new key each time.
	Among uint64
}

// At returns the n-th key.
func (k Keys) At(n uint64) uint64 {
	if k.Among > 0 {
		n = mix(n) % k.Among
	}
	return mix(k.Seed + n)
}

// Content is each of Among keys once, with its value.
func (k Keys) Content() engine.Content {
	keys := make([]uint64, k.Among)
	for n := range keys {
		keys[n] = mix(k.Seed + uint64(n))
	}
	return engine.Content{Keys: keys, ValueOf: ValueOf}
}

// ValueOf sets v to the value of a key. It cannot be compressed.
func ValueOf(key uint64, v *engine.Value) {
	for i := 0; i < len(v); i += 8 {
		key += 0x9e3779b97f4a7c15
		binary.LittleEndian.PutUint64(v[i:], mix(key))
	}
}

// mix is the last step of splitmix64. It gives different numbers for different
// numbers.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
