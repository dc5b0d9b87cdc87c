package trace

import (
	"encoding/binary"
	"math/bits"
)

// seed keeps what is hashed apart from 0, which mix leaves as it is.
const seed = 0x9e3779b97f4a7c15

// mix is a bijection that spreads a change of any bit over all of them.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// fingerprint returns the sum, by XOR, of a hash for each word of data, so that
// what is added for one word can be taken out for another alone.
func fingerprint(off uint64, data []byte) uint64 {
	var sum uint64
	for len(data) >= 8 {
		sum ^= word(off, binary.LittleEndian.Uint64(data))
		off += 8
		data = data[8:]
	}
	if len(data) > 0 {
		var last [8]byte
		copy(last[:], data)
		sum ^= word(off, binary.LittleEndian.Uint64(last[:]))
	}
	return sum
}

func word(off, value uint64) uint64 {
	// Two rounds with the offset in between: one round of XOR of sums would
	// let equal differences at two places cancel.
	hi, lo := bits.Mul64(mix(off+seed)|1, value^0xa0761d6478bd642f)
	return mix(lo ^ bits.RotateLeft64(hi, 23) ^ value)
}

// Fingerprint returns a number that is equal for choices, of any moment of the
// trace, that give equal images, and hardly ever for others. It is the same in
// every process. It costs some nanoseconds a line, and does not look at the
// rest of the file.
func (s *State) Fingerprint(c Choice) (uint64, error) {
	units, err := s.check(nil, c)
	if err != nil {
		return 0, err
	}
	sum := s.print
	for i, u := range units {
		sum ^= s.Change(u, c.Lines[i].Version, c.Lines[i].Words)
	}
	return sum, nil
}

// Change returns what the fingerprint of the image in which all is lost changes
// by, with XOR, if the unit in flight holds that version and words instead.
func (s *State) Change(u *Unit, version int, words uint8) uint64 {
	if version == 0 {
		return 0
	}
	v := &u.Versions[version-1]
	if words&v.Parts == v.Parts {
		return u.print ^ v.print
	}
	sum := u.print
	if version > 1 {
		sum = u.Versions[version-2].print
	}
	sum ^= u.print
	before := u.Content(version - 1)
	n := int(s.size) / Parts
	for w := words & v.Parts; w != 0; w &= w - 1 {
		i := bits.TrailingZeros8(w) * n
		end := min(i+n, len(before))
		sum ^= fingerprint(u.Off+uint64(i), before[i:end]) ^ fingerprint(u.Off+uint64(i), v.Data[i:end])
	}
	return sum
}

// Base returns the fingerprint of the image in which all is lost.
func (s *State) Base() uint64 { return s.print }
