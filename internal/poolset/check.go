package poolset

import "fmt"

// Limits are what a kind of pool asks of its parts, in bytes.
type Limits struct {
	MinPart uint64 // of a part that is a file
	MinPool uint64 // of a replica
	Page    uint64 // files are used in whole pages
	Header  uint64 // what the second and later headers of a replica take away
}

// Check finds what is wrong with s for a local pool, as far as its text shows.
// The errors are [*SyntaxError]s, with line 0 if s was not parsed.
func (s *Set) Check(l Limits) error {
	if s.NoHeaders {
		return syntaxErr(0, "the NOHDRS option is not supported for local pool sets")
	}
	seen := map[string]int{}
	for i := range s.Replicas {
		r := &s.Replicas[i]
		for _, p := range r.Parts {
			path := p.clean()
			if path == "/" {
				return syntaxErr(p.Line, "part %q: the root of the file system cannot be a part; PMDK would search all of it", p.Path)
			}
			if line, twice := seen[path]; twice {
				return syntaxErr(p.Line, "part %s occurs twice, first in line %d", p.Path, line)
			}
			seen[path] = p.Line
		}
		if err := r.check(s, l); err != nil {
			return err
		}
	}
	return nil
}

// check adds up the parts. What they are, files or folders, is not known here,
// so only what is true of both is said.
func (r *Replica) check(s *Set, l Limits) error {
	if r.Remote() {
		return nil
	}
	var sum uint64
	for _, p := range r.Parts {
		if p.Auto {
			return nil
		}
		if sum += p.Size; sum > maxSize {
			return syntaxErr(p.Line, "the parts add up to more than a pool can have")
		}
	}
	if sum < l.MinPool {
		return syntaxErr(r.Line, "the parts add up to %d bytes, a pool has at least %d", sum, l.MinPool)
	}
	return nil
}

// FileSize is the number of bytes that the replica's parts, all of them files
// with the given sizes, give the pool.
func (s *Set) FileSize(sizes []uint64, l Limits) uint64 {
	var sum uint64
	for i, size := range sizes {
		size -= size % l.Page
		if i > 0 && !s.SingleHeader {
			size -= min(size, l.Header)
		}
		sum += size
	}
	return sum
}

// CheckFiles checks the sizes of the replica's parts where they are files.
func (s *Set) CheckFiles(r *Replica, l Limits) error {
	sizes := make([]uint64, len(r.Parts))
	for i, p := range r.Parts {
		if p.Size < l.MinPart {
			return syntaxErr(p.Line, "part %s: size %d smaller than %d", p.Path, p.Size, l.MinPart)
		}
		sizes[i] = p.Size
	}
	if n := s.FileSize(sizes, l); n < l.MinPool {
		return syntaxErr(r.Line, "the parts give a pool of %d bytes, which has at least %d%s", n, l.MinPool, headerHint(s, r, l))
	}
	return nil
}

func headerHint(s *Set, r *Replica, l Limits) string {
	if s.SingleHeader || len(r.Parts) < 2 {
		return ""
	}
	return fmt.Sprintf("; each part after the first loses %d to its header", l.Header)
}
