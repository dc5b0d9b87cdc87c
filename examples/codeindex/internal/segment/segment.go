package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sort"
)

// ErrDamaged is what Check returns, wrapped in the place and the reason.
var ErrDamaged = errors.New("segment is damaged")

// Segment reads a finished segment in place. It copies nothing: what its
// methods return points into the body, and is valid as long as that is.
type Segment struct {
	header                                  *Header
	body                                    []byte
	files, dead, terms, paths, names, posts []byte
}

// FileEntry is what a segment records of a file.
type FileEntry struct {
	ID      uint32
	Path    string
	Size    int64
	ModTime int64
}

// View reads the body that h describes. It looks at nothing but lengths, so it
// costs the same for any size; Check proves the contents.
func View(h *Header, body []byte) (Segment, error) {
	if n := h.BodySize(); n != uint64(len(body)) {
		return Segment{}, h.check(body)
	}
	return Segment{
		header: h,
		body:   body,
		files:  body[:h.deadAt()],
		dead:   body[h.deadAt():h.termsAt()],
		terms:  body[h.termsAt():h.pathsAt()],
		paths:  body[h.pathsAt():h.namesAt()],
		names:  body[h.namesAt():h.postsAt()],
		posts:  body[h.postsAt():],
	}, nil
}

// Header describes the segment.
func (s Segment) Header() *Header { return s.header }

// Files is the number of files.
func (s Segment) Files() int { return int(s.header.Files) }

// File is the i-th file in the order of ids.
func (s Segment) File(i int) FileEntry {
	e := s.files[i*fileSize:]
	return FileEntry{
		ID:      u32(e),
		Path:    string(entry(s.paths, s.files, fileSize, 4, i)),
		Size:    int64(binary.LittleEndian.Uint64(e[8:])),
		ModTime: int64(binary.LittleEndian.Uint64(e[16:])),
	}
}

// FileByID finds a file among those of this segment.
func (s Segment) FileByID(id uint32) (FileEntry, bool) {
	i := sort.Search(s.Files(), func(i int) bool { return u32(s.files[i*fileSize:]) >= id })
	if i == s.Files() || u32(s.files[i*fileSize:]) != id {
		return FileEntry{}, false
	}
	return s.File(i), true
}

// Dead is the number of ids this segment declares replaced or deleted.
func (s Segment) Dead() int { return int(s.header.Dead) }

// DeadID is the i-th of them, ascending.
func (s Segment) DeadID(i int) uint32 { return u32(s.dead[i*deadSize:]) }

// Terms is the number of terms.
func (s Segment) Terms() int { return int(s.header.Terms) }

// Name is the i-th term in the order of names.
func (s Segment) Name(i int) []byte { return entry(s.names, s.terms, termSize, 0, i) }

// Posts is the encoded postings of the i-th term; see Postings.
func (s Segment) Posts(i int) []byte { return entry(s.posts, s.terms, termSize, 4, i) }

// Search is the place of the first term that is not less than name.
func (s Segment) Search(name string) int {
	key := []byte(name)
	return sort.Search(s.Terms(), func(i int) bool { return bytes.Compare(s.Name(i), key) >= 0 })
}

// Find is the encoded postings of the term name, nil if the segment lacks it.
func (s Segment) Find(name string) []byte {
	i := s.Search(name)
	if i == s.Terms() || string(s.Name(i)) != name {
		return nil
	}
	return s.Posts(i)
}

// entry cuts the i-th piece out of blob. The piece's end stands in table, in a
// record of stride bytes, at offset; its start is the end of the piece before.
func entry(blob, table []byte, stride, offset, i int) []byte {
	end := u32(table[i*stride+offset:])
	start := uint32(0)
	if i > 0 {
		start = u32(table[(i-1)*stride+offset:])
	}
	return blob[start:end]
}

func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
