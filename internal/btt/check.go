package btt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pmem/pmdk-go/internal/poolheader"
)

// Area is the part of a pool that holds its blocks.
type Area struct {
	io.ReaderAt
	Size      int64
	BlockSize int64
	Parent    poolheader.UUID // of the pool set
	Zeroed    bool            // it held only zeros when the pool was created
}

// Fault is what is wrong with an area, and where in it.
type Fault struct {
	Structure string
	Offset    int64 // from the start of the area
	Reason    string
	Remedy    Remedy
}

// Remedy is what can be done about a fault.
type Remedy int

// The remedies.
const (
	None     Remedy = iota
	FromCopy        // the info block has a good copy
	Rebuild         // what was in the info block can be computed
	Advanced        // PMDK's checker can guess
)

func (f *Fault) Error() string {
	return fmt.Sprintf("%s at offset %d: %s", f.Structure, f.Offset, f.Reason)
}

func fault(structure string, off int64, remedy Remedy, format string, args ...any) error {
	return &Fault{structure, off, fmt.Sprintf(format, args...), remedy}
}

// Check says what keeps the area from being used: a *Fault, or nil. laidOut is
// false if nothing was written to it yet, so that PMDK will lay it out at the
// first write.
func (a *Area) Check() (laidOut bool, err error) {
	plan := Plan(a.Size, a.BlockSize)
	if len(plan) == 0 {
		return false, fault("area of blocks", 0, None, "%d bytes have no room for %d blocks of %d bytes", a.Size, MinBlocks, a.BlockSize)
	}
	var starts []int64
	var infos []Info
	for start := int64(0); ; start += int64(infos[len(infos)-1].Next) {
		i, err := a.info(start)
		if err != nil {
			return false, err
		}
		// With one bad info block at the start of any arena, PMDK takes the
		// whole area for one that was never laid out.
		if !i.Valid(a.Parent) || i.Major == 0 {
			return false, a.checkFresh(plan)
		}
		if err := i.check(start, a.Size-start, a.BlockSize); err != nil {
			return false, err
		}
		starts, infos = append(starts, start), append(infos, i)
		if i.Next == 0 {
			break
		}
	}
	for n, start := range starts {
		if err := a.checkFlog(start, &infos[n]); err != nil {
			return false, err
		}
		if err := a.checkMap(start, &infos[n]); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (a *Area) info(off int64) (Info, error) {
	b := make([]byte, InfoSize)
	if _, err := a.ReadAt(b, off); err != nil {
		return Info{}, err
	}
	return ParseInfo(b), nil
}

// checkFresh passes an area without a valid info block at its start, unless
// there are signs that blocks were written to it.
func (a *Area) checkFresh(plan []Geometry) error {
	for _, g := range plan {
		used, err := a.mapUsed(g)
		if err != nil {
			return err
		}
		if !used {
			continue // a kill while it was laid out may have left the rest
		}
		primary, err := a.info(g.Start)
		if err != nil {
			return err
		}
		backup, err := a.info(g.Start + g.Backup)
		if err != nil {
			return err
		}
		flog, err := a.plausibleFlog(g)
		if err != nil {
			return err
		}
		switch {
		case primary.Valid(a.Parent) && primary.Major != 0:
			// One of the other arenas has to tell.
		case backup.Valid(a.Parent):
			return a.bad(g.Start, FromCopy, &primary)
		case a.Zeroed, primary.Claims(a.Parent), backup.Claims(a.Parent), flog:
			return a.bad(g.Start, Rebuild, &primary)
		}
		// Else it is what was in the file before there was a pool.
	}
	return nil
}

// bad is the fault of an info block without which PMDK would start all over.
func (a *Area) bad(start int64, remedy Remedy, i *Info) error {
	reason := "does not begin with its signature"
	switch {
	case i.Valid(a.Parent):
		reason = "version 0 of the layout"
	case i.Claims(a.Parent):
		reason = fmt.Sprintf("checksum is %#x, should be %#x", i.Checksum, i.Computed)
	case string(i.Signature[:]) == Signature:
		reason = "belongs to another pool"
	}
	return fault("BTT info block", start, remedy, "%s, though blocks were written", reason)
}

// mapUsed says whether any block of an arena was written, which leaves
// something other than 0 in the map for ever.
func (a *Area) mapUsed(g Geometry) (used bool, err error) {
	err = a.eachChunk(g.Start+g.Map, g.Blocks*mapEntry, func(_ int64, b []byte) error {
		if !used {
			used = len(bytes.TrimLeft(b, "\x00")) > 0
		}
		return nil
	})
	return used, err
}

// plausibleFlog says whether the flog is one.
func (a *Area) plausibleFlog(g Geometry) (bool, error) {
	b := make([]byte, flogSize)
	if _, err := a.ReadAt(b, g.Start+g.Flog); err != nil {
		return false, err
	}
	for i := range int64(spare) {
		seq := [2]uint32{halfOf(b[i*flogEntry:], 0).seq, halfOf(b[i*flogEntry:], 1).seq}
		if seq[0] == seq[1] || seq[0] > 3 || seq[1] > 3 {
			return false, nil
		}
	}
	return true, nil
}

// check compares the fields of a valid info block with one another and with
// the size that there is.
func (i *Info) check(start, room, blockSize int64) error {
	bad := func(field int64, format string, args ...any) error {
		return fault("BTT info block", start+field, None, format, args...)
	}
	size := min(room, MaxArena)
	end := uint64(size)
	switch {
	case i.Major != 1:
		return bad(52, "version %d.%d of the layout, only 1 is known", i.Major, i.Minor)
	case int64(i.ExternalSize) != blockSize:
		return bad(56, "blocks of %d bytes, in a pool with blocks of %d", i.ExternalSize, blockSize)
	case int64(i.InternalSize) < max(blockSize, minInternal):
		return bad(64, "blocks of %d bytes are stored in %d", blockSize, i.InternalSize)
	case i.Spare != spare:
		return bad(72, "%d spare blocks, should be %d", i.Spare, spare)
	case i.External < MinBlocks || uint64(i.External)+spare != uint64(i.Internal):
		return bad(60, "%d usable blocks of %d, with %d spare ones", i.External, i.Internal, spare)
	case i.Internal > entryBlock:
		return bad(68, "%d blocks are more than a map can name", i.Internal)
	case i.Data < InfoSize || i.Data > end:
		return bad(88, "the blocks begin at %#x, in an arena of %#x bytes", i.Data, end)
	case i.Map > end || i.Data+uint64(i.Internal)*uint64(i.InternalSize) > i.Map:
		return bad(96, "%d blocks of %d bytes from %#x on, but the map is at %#x", i.Internal, i.InternalSize, i.Data, i.Map)
	case i.Flog > end || i.Map%mapEntry != 0 || i.Map+uint64(i.External)*mapEntry > i.Flog:
		return bad(104, "a map of %d entries at %#x, but the flog is at %#x", i.External, i.Map, i.Flog)
	case i.Backup > end || i.Flog%flogEntry != 0 || i.Flog+flogSize > i.Backup || i.Backup+InfoSize > end:
		return bad(112, "the flog is at %#x, the copy of this block at %#x, in an arena of %#x bytes", i.Flog, i.Backup, end)
	case i.Next != 0 && (i.Next != end || room-size < MinArena):
		return bad(80, "the next arena begins after %#x bytes, this one has %#x, and %#x follow", i.Next, end, room-size)
	}
	return nil
}

// half is one of the two halves of an entry in the flog.
type half struct{ block, before, after, seq uint32 }

func halfOf(entry []byte, n int) half {
	le, b := binary.LittleEndian, entry[16*n:]
	return half{le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:])}
}

// An entry of the map, or of the flog, is the number of an internal block and
// two flags: neither for one that was never written, which is where it was at
// first, and both for one that was.
const (
	entryZero  = 1 << 31
	entryError = 1 << 30
	entryBlock = entryError - 1
)

func (a *Area) checkFlog(start int64, i *Info) error {
	b := make([]byte, flogSize)
	if _, err := a.ReadAt(b, start+int64(i.Flog)); err != nil {
		return err
	}
	for n := range int64(spare) {
		at := start + int64(i.Flog) + n*flogEntry
		bad := func(format string, args ...any) error {
			return fault(fmt.Sprintf("BTT flog entry %d", n), at, Advanced, format, args...)
		}
		h := [2]half{halfOf(b[n*flogEntry:], 0), halfOf(b[n*flogEntry:], 1)}
		if h[0].seq > 3 || h[1].seq > 3 || h[0].seq == h[1].seq {
			return bad("sequence numbers %d and %d", h[0].seq, h[1].seq)
		}
		for _, h := range h {
			switch {
			case h.block >= i.External:
				return bad("block %d of %d", h.block, i.External)
			case h.before&entryBlock >= i.Internal || h.after&entryBlock >= i.Internal:
				return bad("internal blocks %d and %d of %d", h.before&entryBlock, h.after&entryBlock, i.Internal)
			}
		}
	}
	return nil
}

func (a *Area) checkMap(start int64, i *Info) error {
	from := start + int64(i.Map)
	return a.eachChunk(from, int64(i.External)*mapEntry, func(off int64, b []byte) error {
		for ; len(b) >= mapEntry; b = b[mapEntry:] {
			if e := binary.LittleEndian.Uint32(b); e&entryBlock >= i.Internal {
				return fault(fmt.Sprintf("BTT map entry %d", (off-from)/mapEntry), off, Advanced, "internal block %d of %d", e&entryBlock, i.Internal)
			}
			off += mapEntry
		}
		return nil
	})
}

// eachChunk reads n bytes from off on in portions.
func (a *Area) eachChunk(off, n int64, fn func(off int64, b []byte) error) error {
	buf := make([]byte, min(n, 1<<20))
	for end := off + n; off < end; {
		b := buf[:min(int64(len(buf)), end-off)]
		if _, err := a.ReadAt(b, off); err != nil {
			return err
		}
		if err := fn(off, b); err != nil {
			return err
		}
		off += int64(len(b))
	}
	return nil
}
