package libpmemobj

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// uuid is that of a part.
type uuid = [16]byte

// lock takes the locks that PMDK takes, so that nobody uses the pool, or makes
// it grow, while its parts are looked at. Closing the parts releases them.
func (s *poolSet) lock(op string) error {
	return s.each(func(p *part) error {
		if err := unix.Flock(int(p.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			return &Error{Op: op, Path: s.path, Errno: unix.EAGAIN, Msg: "locked: the pool is open in this or another process (part " + p.path + ")"}
		}
		return nil // or a file system without locks
	})
}

// inspect reads the parts before C does and returns what it found.
// With repair, what a growth left unfinished is removed.
func (s *poolSet) inspect(op, layout string, verify, repair bool) (info objheap.Info, err error) {
	poolfile.Enter() // as for poolfile.NotInUse
	err = s.lock(op)
	poolfile.Leave()
	if err != nil {
		return info, err
	}
	if err := s.checkHeaders(op); err != nil {
		return info, err
	}
	read := objheap.CheckSet
	if verify || s.gap != "" {
		read = objheap.VerifySet
	}
	master := &s.replicas[0]
	info, err = read(master, s.size())
	if err != nil {
		return info, s.tooSmall(master, info, master.corrupt(op, s.path, err))
	}
	if layout != "" && layout != info.Layout {
		return info, &Error{Op: op, Path: s.path, Errno: unix.EINVAL, Msg: fmt.Sprintf("the pool's layout is %q, not %q", info.Layout, layout)}
	}
	for i := range s.replicas[1:] {
		r := &s.replicas[i+1]
		got, err := objheap.CheckReplica(r, s.size())
		if err != nil {
			return info, s.tooSmall(r, got, r.corrupt(op, s.path, err))
		}
		if got.HeapOffset != info.HeapOffset || got.Layout != info.Layout {
			return info, &CorruptError{Path: r.parts[0].path, Structure: "pool descriptor", Offset: partHeader, Reason: "not a copy of the master replica's"}
		}
	}
	if s.folders {
		if err := s.dropUnused(op, int64(info.HeapOffset+info.HeapSize), repair); err != nil {
			return info, err
		}
		if err := s.closeGaps(op, int64(info.HeapOffset+info.HeapSize), repair); err != nil {
			return info, err
		}
		if s.size() > s.limit() {
			return info, s.wrong(op, unix.EINVAL, "its parts have %d bytes, more than the %d that its folders may have: the sizes in the file can be raised, not lowered below that", s.size(), s.limit())
		}
	}
	return info, nil
}

// tooSmall says what a heap larger than the parts means.
func (s *poolSet) tooSmall(r *replica, info objheap.Info, err error) error {
	if end := info.HeapOffset + info.HeapSize; info.HeapSize != 0 && end > uint64(s.size()) && end < 1<<62 {
		last := &r.parts[len(r.parts)-1]
		which := "one behind this"
		if s.gap != "" {
			which = s.gap
		}
		return &CorruptError{Path: last.path, Structure: "pool set", Offset: last.fileSize, Reason: fmt.Sprintf("the pool has %d bytes, its parts only %d: %s is missing, or one has been cut", end, s.size(), which)}
	}
	return err
}

// checkHeaders checks that the parts belong together, in this order.
func (s *poolSet) checkHeaders(op string) error {
	var set, first []uuid
	infos := make([][]objheap.Info, len(s.replicas))
	for i := range s.replicas {
		parts := s.replicas[i].parts
		for j := range parts {
			p := &parts[j]
			if j > 0 && s.text.SingleHeader {
				continue
			}
			info, err := objheap.CheckPart(p.File, p.fileSize)
			if err != nil {
				return corrupt(op, p.path, err)
			}
			if err := unreplayed(op, p.path, info.UnknownIncompat); err != nil {
				return err
			}
			if info.UnknownIncompat != 0 {
				return &Error{Op: op, Path: p.path, Errno: unix.EINVAL, Msg: fmt.Sprintf("the part has features that PMDK 1.12 does not know: %#x", info.UnknownIncompat)}
			}
			if info.SingleHeader() != s.text.SingleHeader {
				return s.wrong(op, unix.EINVAL, "OPTION SINGLEHDR: %t in the file, %t in the part %s; the pool was created with another set file", s.text.SingleHeader, info.SingleHeader(), p.path)
			}
			infos[i] = append(infos[i], info)
			set = append(set, info.PoolSetUUID)
			if set[0] != info.PoolSetUUID {
				return &CorruptError{Path: p.path, Structure: "pool header", Offset: 24, Reason: "a part of another pool than " + s.replicas[0].parts[0].path}
			}
		}
		first = append(first, infos[i][0].UUID)
	}
	for i := range s.replicas {
		n := len(s.replicas)
		links := partLinks{prev: first[(i+n-1)%n], next: first[(i+1)%n]}
		if err := links.check(s.replicas[i].parts, infos[i]); err != nil {
			return err
		}
	}
	return nil
}

// partLinks are the first parts of the replicas before and behind.
type partLinks struct{ prev, next uuid }

func (l partLinks) check(parts []part, infos []objheap.Info) error {
	n := len(infos)
	for j, info := range infos {
		wrong := ""
		var at int64
		switch {
		case info.PrevPart != infos[(j+n-1)%n].UUID:
			wrong, at = "part before this one", 56
		case info.NextPart != infos[(j+1)%n].UUID:
			wrong, at = "part behind this one", 72
		case info.PrevReplica != l.prev:
			wrong, at = "replica before this one", 88
		case info.NextReplica != l.next:
			wrong, at = "replica behind this one", 104
		default:
			continue
		}
		return &CorruptError{Path: parts[j].path, Structure: "pool header", Offset: at, Reason: "the " + wrong + " is not the one in the pool set file: parts are missing, exchanged, or in the wrong order"}
	}
	return nil
}

// A process that is killed while the pool grows can leave a part behind that
// the heap does not reach to yet, of any size. PMDK refuses a short one, and a
// long one costs address space for nothing. Nothing was ever written to it.

// dropUnused removes such parts if it may, and refuses parts that are too
// short to be mapped. The heap ends at end; all of it was found to be sound.
func (s *poolSet) dropUnused(op string, end int64, may bool) error {
	for i := range s.replicas {
		at, kept := int64(0), 0
		parts := s.replicas[i].parts
		for j := range parts {
			p := &parts[j]
			size := p.size
			// What goes beyond the limit comes from no growth.
			unused := j > 0 && at >= end && p.fileSize <= s.replicas[i].limit-at && p.allZero()
			switch {
			case unused && may:
				_ = p.Close()
				if err := os.Remove(p.path); err != nil {
					return cgoutil.PathError(op, p.path, err)
				}
			case p.fileSize >= MinPart:
				parts[kept] = *p
				kept++
			case unused:
				return &Error{Op: op, Path: s.path, Errno: unix.EINVAL, Msg: fmt.Sprintf("%s is what a killed process left of growing the pool; opening the pool, other than with WithCopyOnWrite, removes it", p.path)}
			default:
				return &CorruptError{Path: p.path, Structure: "file", Offset: p.fileSize, Reason: fmt.Sprintf("%d bytes, a part has at least %d", p.fileSize, MinPart)}
			}
			at += size
		}
		s.replicas[i].parts = parts[:kept]
	}
	return nil
}

// closeGaps renumbers the parts if it may. The heap ends at end; all of it was
// found to be sound.
func (s *poolSet) closeGaps(op string, end int64, may bool) error {
	switch {
	case s.gap == "":
		return nil
	case s.size() != end:
		return &CorruptError{Path: filepath.Join(s.text.Replicas[0].Parts[0].Path, s.gap), Structure: "pool set folder", Reason: fmt.Sprintf("the part is missing, and the others have %d bytes, not the %d of the pool", s.size(), end)}
	case !may:
		return &Error{Op: op, Path: s.path, Errno: unix.EINVAL, Msg: fmt.Sprintf("there is no part %s: the disk was full for a while and PMDK left the number out; opening the pool, other than with WithCopyOnWrite, renumbers the parts", s.gap)}
	}
	if err := s.renumber(); err != nil {
		return cgoutil.PathError(op, s.path, err)
	}
	return nil
}

// allZero says whether nothing was ever written to the part.
func (p *part) allZero() bool {
	b := make([]byte, 1<<20)
	zero := make([]byte, len(b))
	for off := int64(0); off < p.fileSize; {
		n, err := p.File.ReadAt(b, off)
		if !bytes.Equal(b[:n], zero[:n]) || err != nil && err != io.EOF {
			return false
		}
		off += int64(n)
		if n == 0 {
			break
		}
	}
	return true
}
