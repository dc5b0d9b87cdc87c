package objheap

import (
	"bytes"
	"encoding/binary"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// UsedLanes is how many lanes of a pool, from the first, hold anything but what
// every lane of a new pool does.
func UsedLanes(pool []byte) int {
	if len(pool) < lanesEnd {
		return laneCount
	}
	last := pool[lanesEnd-laneSize : lanesEnd]
	n := laneCount - 1
	for ; n > 0; n-- {
		lane := pool[lanesOff+(n-1)*laneSize:]
		if !bytes.Equal(lane[:laneSize], last) {
			break
		}
	}
	return n
}

// LaneOf is the lane that the byte at off of a pool is in, -1 if in none.
func LaneOf(off uint64) int {
	if off < lanesOff || off >= lanesEnd {
		return -1
	}
	return int((off - lanesOff) / laneSize)
}

// SetLanes makes pool one of n lanes. The others must not be in use.
func SetLanes(pool []byte, n int) {
	d := pool[descriptorOff : descriptorOff+descriptorLen]
	binary.LittleEndian.PutUint64(d[lanesCountOff-descriptorOff:], uint64(n))
	binary.LittleEndian.PutUint64(d[descriptorSum-descriptorOff:], poolheader.Checksum(d, descriptorSum-descriptorOff))
}

// InDescriptor says whether the byte at off of a pool is in what SetLanes
// changes.
func InDescriptor(off uint64) bool {
	return off >= descriptorOff && off < descriptorOff+descriptorLen
}

// KeepLinks notes where the logs of a pool's lanes go on, which is what
// libpmemobj.Open may change in the file, and returns what puts it back.
func KeepLinks(pool []byte) (restore func()) {
	// A recording may have spoilt the number.
	lanes := min(binary.LittleEndian.Uint64(pool[lanesCountOff:]), laneCount)
	links := make([][]byte, 0, lanes*uint64(len(laneLinks)))
	for lane := range lanes {
		for _, l := range laneLinks {
			links = append(links, pool[lanesOff+lane*laneSize+l:][:8])
		}
	}
	kept := bytes.Join(links, nil)
	return func() {
		for i, link := range links {
			copy(link, kept[8*i:])
		}
	}
}
