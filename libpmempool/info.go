package libpmempool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolheader"
)

// PoolInfo is what the files of a pool say about it.
type PoolInfo struct {
	Path  string
	Type  Type     // TypeDetect if no header says so
	Set   *PoolSet // nil for a single file
	Files []FileInfo

	// The content of the first replica, of which one is there at most.
	Log *LogInfo
	Blk *BlkInfo
	Obj *ObjInfo

	// Damage is what is wrong with the pool, as far as was seen: errors of
	// reading its files, and *CorruptErrors.
	Damage []error
}

// FileInfo is one file of a pool.
type FileInfo struct {
	Path          string
	Replica, Part int // from 0
	Size          int64
	Busy          bool    // the pool is open: what was read may be half-written
	Header        *Header // nil if it could not be read, and where there is none
	HeaderOK      bool    // PMDK would accept the header
}

// LogInfo are the offsets of a log, in bytes from the start of the pool. It
// holds what stands from Start to Write, and can hold what fits up to End.
type LogInfo struct{ Start, Write, End uint64 }

// BlkInfo is what a blk pool says about its blocks.
type BlkInfo struct {
	BlockSize uint32
	Zeroed    bool // blocks never written read as zeros
	Arenas    []Arena
}

// Written says whether the translation table exists, which the first write
// makes.
func (b *BlkInfo) Written() bool {
	for _, a := range b.Arenas {
		if a.Primary != InfoUnwritten || a.Second != InfoUnwritten {
			return true
		}
	}
	return false
}

// ObjInfo is the descriptor of an obj pool.
type ObjInfo struct {
	Layout                 string
	LanesOffset, LaneCount uint64
	HeapOffset, HeapSize   uint64
	RootOffset, RootSize   uint64
	Checksum, Computed     uint64
}

// Info reads what the pool at path, a file or a pool set, says about itself.
// Everything is read in Go and checked on the way; nothing is changed, C is not
// entered, and damage is reported in [PoolInfo.Damage] next to what could be
// read in spite of it. The error is that of a file that cannot be read at all,
// or of a pool set file that is not sound.
//
// A pool may be open meanwhile; that is told, and numbers may not fit together.
// WithType reads a pool as another type than its header says.
//
// Options: WithType, WithAllowedDirs.
func Info(path string, opts ...Option) (*PoolInfo, error) {
	const op = "info"
	o, err := newOptions(op, path, opts, "WithType", "WithAllowedDirs")
	if err != nil {
		return nil, err
	}
	defer enterC()(nil) // a look at the locks takes them, for a moment
	t, err := examine(op, path, o)
	if err != nil {
		return nil, err
	}
	info := &PoolInfo{Path: path, Set: t.set}
	for _, f := range t.files {
		info.addFile(op, f)
	}
	if info.Type = t.kind(); o.kind != TypeDetect {
		info.Type = o.kind
	}
	info.addContent(op, t)
	return info, nil
}

func (i *PoolInfo) addFile(op string, p poolFile) {
	f := FileInfo{Path: p.path, Replica: p.replica, Part: p.part, Size: p.size}
	if errors.Is(p.err, unix.EAGAIN) {
		f.Busy, p.err = true, nil
	}
	if p.err != nil {
		i.Damage = append(i.Damage, p.err)
	}
	if i.Set != nil && i.Set.SingleHeader && p.part > 0 {
		i.Files = append(i.Files, f) // all of it is content
		return
	}
	if p.size >= poolheader.Size {
		f.Header = publicHeader(&p.header)
		err := checkHeader(&p)
		f.HeaderOK = err == nil
		if err != nil {
			i.Damage = append(i.Damage, err)
		}
	}
	i.Files = append(i.Files, f)
}

// addContent reads what stands behind the first header.
func (i *PoolInfo) addContent(op string, t *target) {
	first := i.Files[0]
	if first.Size < blkDataOff {
		return
	}
	f, err := t.openContent(os.O_RDONLY)
	if err != nil {
		i.Damage = append(i.Damage, err)
		return
	}
	defer f.Close()
	b := make([]byte, blkDataOff-poolheader.Size)
	if _, err := f.ReadAt(b, poolheader.Size); err != nil {
		i.Damage = append(i.Damage, err)
		return
	}
	lone := t.set == nil && (first.Header == nil || !t.files[0].header.Part())
	switch i.Type {
	case TypeLog:
		i.addLog(first, f, b, lone)
	case TypeBlk:
		i.addBlk(first, f, b, lone)
	case TypeObj:
		i.addObj(first, f, b, lone)
	case TypeBTT:
		i.Blk = &BlkInfo{}
		i.addArenas(first, f, 0)
	}
}

func (i *PoolInfo) damaged(f FileInfo, structure string, off int64, format string, args ...any) {
	i.Damage = append(i.Damage, &CorruptError{Path: f.Path, Structure: structure, Offset: off, Reason: fmt.Sprintf(format, args...)})
}

func (i *PoolInfo) addLog(f FileInfo, pool *content, b []byte, lone bool) {
	le := binary.LittleEndian
	l := &LogInfo{Start: le.Uint64(b), End: le.Uint64(b[8:]), Write: le.Uint64(b[16:])}
	i.Log = l
	const name = "log header"
	if l.Start != blkDataOff {
		i.damaged(f, name, 4096, "the content starts at %#x, should start at %#x", l.Start, blkDataOff)
	}
	if (lone || i.Set != nil) && l.End != uint64(pool.size) {
		i.damaged(f, name, 4104, "the content ends at %#x, but the pool at %#x", l.End, pool.size)
	}
	if l.Write < l.Start || l.Write > l.End {
		i.damaged(f, name, 4112, "the next byte goes to %#x, outside of [%#x, %#x]", l.Write, l.Start, l.End)
	}
}

func (i *PoolInfo) addBlk(f FileInfo, r *content, b []byte, lone bool) {
	le := binary.LittleEndian
	i.Blk = &BlkInfo{BlockSize: le.Uint32(b), Zeroed: le.Uint32(b[4:]) != 0}
	if i.Blk.BlockSize == 0 {
		i.damaged(f, "blk header", 4096, "blocks of 0 bytes")
	}
	if lone || i.Set != nil {
		i.addArenas(f, r, blkDataOff)
	}
}

func (i *PoolInfo) addArenas(f FileInfo, r *content, start int64) {
	arenas, err := readArenas(r, start, r.size)
	if err != nil {
		i.Damage = append(i.Damage, err)
	}
	i.Blk.Arenas = arenas
	for n, a := range arenas {
		name := fmt.Sprintf("BTT Info of arena %d", n)
		for _, fault := range a.faults {
			i.damaged(f, name, fault.off, "%s", fault.reason)
		}
		switch {
		case a.lost():
			i.damaged(f, name, a.Start, "it is all zeros, but its backup at %#x is valid: repair the pool before anything is written to it, which would format it", a.Start+a.Size-infoSize)
		case a.Primary == InfoDamaged:
			i.damaged(f, name, a.Start, "wrong signature or checksum; its backup is %v", a.Second)
		case a.Primary == InfoValid && a.Second != InfoValid:
			i.damaged(f, name+", backup", a.Start+a.Size-infoSize, "%v", a.Second)
		case a.Second == InfoDamaged:
			i.damaged(f, name+", backup", a.Start+a.Size-infoSize, "wrong signature or checksum")
		}
	}
}

func (i *PoolInfo) addObj(f FileInfo, r *content, b []byte, lone bool) {
	at := func(off int) uint64 { return binary.LittleEndian.Uint64(b[off-4096:]) }
	name, _, _ := bytes.Cut(b[:1024], []byte{0})
	i.Obj = &ObjInfo{
		Layout:      string(name),
		LanesOffset: at(5120), LaneCount: at(5128),
		HeapOffset: at(5136), HeapSize: at(6176),
		RootOffset: at(6144), RootSize: at(6160),
		Checksum: at(6136), Computed: poolheader.Checksum(b[:2048], 2040),
	}
	if !lone {
		if i.Obj.Checksum != i.Obj.Computed {
			i.damaged(f, "pool descriptor", 6136, "checksum is %#x, should be %#x", i.Obj.Checksum, i.Obj.Computed)
		}
		return
	}
	if !f.HeaderOK || f.Busy {
		return
	}
	var c *objheap.Corrupt
	if _, err := objheap.Check(r, f.Size); errors.As(err, &c) {
		i.damaged(f, c.Structure, c.Offset, "%s", c.Reason)
	} else if err != nil {
		i.Damage = append(i.Damage, err)
	}
}
