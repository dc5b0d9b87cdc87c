package objmutate

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Where things are in a pool, said once more than in package objheap so that a
// mistake there is noticed here.
const (
	lanesAt   = 8192
	laneBytes = 3072
	heapAt    = 0x302000
	zoneAt    = heapAt + 1024
	chunksAt  = zoneAt + 512<<10
	chunk     = 256 << 10
)

// image is a pool's file in memory, and what is where in it.
type image struct {
	name    string
	bytes   []byte
	regions []region
}

// region is a kind of place, with the offsets and lengths of its instances.
type region struct {
	name  string
	spans []span
}

type span struct{ off, n uint64 }

// survey finds the places in an image that mutations aim at.
func survey(name string, b []byte) *image {
	img := &image{name: name, bytes: b}
	size := uint64(len(b))
	le := binary.LittleEndian
	add := func(name string, spans ...span) {
		if len(spans) > 0 {
			img.regions = append(img.regions, region{name, spans})
		}
	}
	add("pool header", span{0, 136}, span{0, 4096})
	add("descriptor", span{4096, 16}, span{5120, 32}, span{6136, 8})
	add("root and heap size", span{6144, 48})
	var heads, entries, conts []span
	for lane := range uint64(1024) {
		at := lanesAt + lane*laneBytes
		logs := []span{{at, 64 + 192}, {at + 256, 64 + 640}, {at + 960, 64 + 2048}}
		for _, l := range logs {
			used := le.Uint64(b[l.off:]) != 0 || le.Uint64(b[l.off+8:]) != 0 || le.Uint64(b[l.off+64:]) != 0
			if used || lane < 2 || lane == 1023 {
				heads = append(heads, span{l.off, 40})
			}
			if used {
				entries = append(entries, span{l.off + 64, min(l.n-64, 256)})
			}
			if next := le.Uint64(b[l.off+8:]); next != 0 && next < size-256 {
				conts = append(conts, span{(next + 63) &^ 63, 128}, span{next - 16, 16})
			}
		}
	}
	add("log headers", heads...)
	add("log entries", entries...)
	add("log continuations", conts...)
	add("heap header", span{heapAt, 64}, span{heapAt, 1024})
	add("zone header", span{zoneAt, 64})
	chunks := uint64(le.Uint32(b[zoneAt+4:]))
	if chunks == 0 || chunks > (size-chunksAt)/chunk {
		add("anywhere", span{0, size})
		return img
	}
	add("chunk headers", span{zoneAt + 64, chunks * 8})
	var runs, bitmaps []span
	for c := range chunks {
		if at := chunksAt + c*chunk; le.Uint16(b[zoneAt+64+c*8:]) == 4 {
			runs = append(runs, span{at, 16})
			bitmaps = append(bitmaps, span{at + 16, 16}, span{at + 16, 304})
		}
	}
	add("run headers", runs...)
	add("bitmaps", bitmaps...)
	if h, err := objheap.NewHeap(unsafe.Pointer(unsafe.SliceData(b)), size); err == nil {
		var headers, data []span
		for off, ok := h.Next(0); ok; off, ok = h.Next(off) {
			n, _ := h.Object(off)
			headers = append(headers, span{off - 16, 16})
			data = append(data, span{off, n})
		}
		add("object headers", headers...)
		add("user data", data...)
		if root := le.Uint64(b[6144:]); root > heapAt && root < size {
			add("root object", span{root - 16, 24})
		}
	}
	add("anywhere", span{0, size})
	return img
}

// mutant is a damaged copy of an image.
type mutant struct {
	bytes  []byte
	region string // what the first damage hit
	how    string
}

// mutate damages a copy of the image: the nth of the series that seed stands
// for. buf is reused if it is large enough.
func (img *image) mutate(seed, nth uint64, buf []byte) mutant {
	rnd := rand.New(rand.NewPCG(seed, nth<<8|uint64(len(img.name))))
	b := append(buf[:0], img.bytes...)
	if rnd.IntN(25) == 0 {
		return resize(b, rnd)
	}
	var m mutant
	for i := 0; i == 0 || i < 6 && rnd.IntN(4) == 0; i++ {
		r := &img.regions[rnd.IntN(len(img.regions))]
		s := r.spans[rnd.IntN(len(r.spans))]
		how := damage(b, s, rnd)
		if i == 0 {
			m.region, m.how = r.name, how
		} else {
			m.how += fmt.Sprintf("; %s: %s", r.name, how)
		}
	}
	if rnd.IntN(6) == 0 {
		m.how += "; " + forge(b, rnd)
	}
	if rnd.IntN(2) == 0 {
		repairSums(b)
		m.how += "; checksums recomputed"
	}
	m.bytes = b
	return m
}

// resize cuts the file short, or makes it longer.
func resize(b []byte, rnd *rand.Rand) mutant {
	n := rnd.IntN(len(b))
	switch rnd.IntN(6) {
	case 0:
		n = []int{0, 1, 7, 8, 4095, 4096, 4097, 6144, 8191, 8192, 2 << 20, 3 << 20, heapAt, zoneAt, chunksAt, 8<<20 - 1, 8 << 20}[rnd.IntN(17)]
	case 1:
		n &^= 4095
	case 2:
		n = len(b) - 1 - rnd.IntN(5000)
	case 3:
		grown := append(b, make([]byte, 1+rnd.IntN(3*chunk))...)
		return mutant{grown, "file", fmt.Sprintf("grown to %d", len(grown))}
	}
	n = min(n, len(b))
	return mutant{b[:n], "file", fmt.Sprintf("cut to %d", n)}
}

// damage changes something in the span s.
func damage(b []byte, s span, rnd *rand.Rand) string {
	at := s.off + rnd.Uint64N(s.n)
	if at+8 > uint64(len(b)) {
		at = uint64(len(b)) - 8
	}
	switch k := rnd.IntN(20); {
	case k < 4:
		bit := rnd.IntN(8)
		b[at] ^= 1 << bit
		return fmt.Sprintf("bit %d at %#x", bit, at)
	case k < 6:
		b[at] = byte(rnd.Uint32())
		return fmt.Sprintf("byte at %#x", at)
	case k < 8:
		at &^= 1
		binary.LittleEndian.PutUint16(b[at:], uint16(number(b, at, rnd)))
		return fmt.Sprintf("16 bits at %#x", at)
	case k < 10:
		at &^= 3
		binary.LittleEndian.PutUint32(b[at:], uint32(number(b, at, rnd)))
		return fmt.Sprintf("32 bits at %#x", at)
	case k < 16:
		at &^= 7
		v := number(b, at, rnd)
		binary.LittleEndian.PutUint64(b[at:], v)
		return fmt.Sprintf("word at %#x = %#x", at, v)
	case k < 18:
		return fill(b, at&^63, 64, rnd)
	case k < 19:
		return fill(b, at&^511, 512, rnd)
	}
	return fill(b, at&^4095, 4096, rnd)
}

// fill overwrites n bytes: with zeros, ones, noise, or what stands elsewhere.
func fill(b []byte, at, n uint64, rnd *rand.Rand) string {
	to := b[at:min(at+n, uint64(len(b)))]
	switch rnd.IntN(4) {
	case 0:
		clear(to)
		return fmt.Sprintf("%d bytes at %#x zeroed", n, at)
	case 1:
		for i := range to {
			to[i] = 0xff
		}
		return fmt.Sprintf("%d bytes at %#x all ones", n, at)
	case 2:
		for i := range to {
			to[i] = byte(rnd.Uint32())
		}
		return fmt.Sprintf("%d bytes of noise at %#x", n, at)
	}
	from := rnd.Uint64N(uint64(len(b))-n) &^ (n - 1)
	copy(to, b[from:])
	return fmt.Sprintf("%d bytes from %#x at %#x", n, from, at)
}

// number is a number likely to hurt where at is.
func number(b []byte, at uint64, rnd *rand.Rand) uint64 {
	size := uint64(len(b))
	old := binary.LittleEndian.Uint64(b[min(at, size-8)&^7:])
	switch rnd.IntN(14) {
	case 0:
		return 0
	case 1:
		return 1
	case 2:
		return ^uint64(0)
	case 3:
		return rnd.Uint64()
	case 4:
		return 1 << rnd.IntN(64)
	case 5:
		return old + 1
	case 6:
		return old - 1
	case 7:
		return old << rnd.IntN(10)
	case 8:
		return old + rnd.Uint64N(4096)
	case 9:
		return rnd.Uint64N(size) &^ 7
	case 10:
		return rnd.Uint64N(256)
	case 11:
		return old ^ 1<<rnd.IntN(64)
	case 12:
		return size - rnd.Uint64N(128)
	}
	// An offset or a header from elsewhere in the file.
	return binary.LittleEndian.Uint64(b[rnd.Uint64N(size-8)&^7:])
}

// forge writes a redo or undo log with a right checksum and made-up entries
// into one of the lanes.
func forge(b []byte, rnd *rand.Rand) string {
	le := binary.LittleEndian
	lane := uint64(lanesAt + laneBytes*rnd.IntN(1024))
	target := func() uint64 {
		switch rnd.IntN(6) {
		case 0:
			return rnd.Uint64()
		case 1:
			return rnd.Uint64N(uint64(len(b)) + 4096)
		case 2:
			return uint64(zoneAt) + 8*rnd.Uint64N(64)
		case 3:
			return uint64(chunksAt) + rnd.Uint64N(20)*chunk + 8*rnd.Uint64N(40)
		case 4:
			return lane + 8*rnd.Uint64N(laneBytes/8)
		}
		return uint64(6144 + 8*rnd.IntN(8))
	}
	n := 1 + rnd.Uint64N(3)
	if rnd.IntN(3) == 0 {
		log := b[lane+960:]
		gen := le.Uint64(log[24:])
		at := uint64(64)
		for range n {
			size := 1 + rnd.Uint64N(64)
			total := (24 + size + 63) &^ 63
			le.PutUint64(log[at:], uint64(6)<<61|target()&(1<<61-1))
			le.PutUint64(log[at+16:], size)
			putUndoSum(log[at:at+total], gen)
			at += total
		}
		clear(log[at : at+64])
		return fmt.Sprintf("undo log forged at %#x", lane+960)
	}
	log := b[lane:][:256]
	if rnd.IntN(2) == 0 {
		log = b[lane+256:][:704]
	}
	clear(log[64:])
	for i := range n {
		op := []uint64{0, 1, 2, uint64(rnd.IntN(8))}[rnd.IntN(4)]
		le.PutUint64(log[64+16*i:], op<<61|target()&(1<<61-1))
		le.PutUint64(log[72+16*i:], number(b, lane, rnd))
	}
	clear(log[:16])
	le.PutUint64(log[16:], (n*16+63)&^63)
	le.PutUint64(log, poolheader.Checksum(log[:64+n*16], 0))
	return fmt.Sprintf("redo log forged in the lane at %#x", lane)
}

// putUndoSum writes the checksum into an entry of an undo log.
func putUndoSum(entry []byte, gen uint64) {
	withGen := append(append([]byte{}, entry...), make([]byte, 8)...)
	binary.LittleEndian.PutUint64(withGen[len(entry):], gen)
	binary.LittleEndian.PutUint64(entry[8:], poolheader.Checksum(withGen, 8))
}

// repairSums recomputes the checksums of everything that has one.
func repairSums(b []byte) {
	le := binary.LittleEndian
	if len(b) < chunksAt {
		return
	}
	le.PutUint64(b[4088:], poolheader.HeaderChecksum(b[:4096]))
	le.PutUint64(b[6136:], poolheader.Checksum(b[4096:6144], 2040))
	le.PutUint64(b[heapAt+1016:], poolheader.Checksum(b[heapAt:heapAt+1024], 1016))
	for lane := range uint64(1024) {
		at := lanesAt + lane*laneBytes
		repairRedo(b[at:][:256])
		repairRedo(b[at+256:][:704])
		repairUndo(b[at+960:][:2112])
	}
}

func repairRedo(log []byte) {
	le := binary.LittleEndian
	if le.Uint64(log) == 0 {
		return
	}
	used := 64
	for used+16 <= len(log) && le.Uint64(log[used:]) != 0 {
		used += 16
	}
	le.PutUint64(log, poolheader.Checksum(log[:used], 0))
}

func repairUndo(log []byte) {
	le := binary.LittleEndian
	gen := le.Uint64(log[24:])
	for at := uint64(64); at+64 <= uint64(len(log)) && le.Uint64(log[at:]) != 0; {
		total := (24 + min(le.Uint64(log[at+16:]), 1<<20) + 63) &^ 63
		if at+total > uint64(len(log)) {
			return
		}
		putUndoSum(log[at:at+total], gen)
		at += total
	}
}
