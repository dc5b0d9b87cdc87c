package poolset

import (
	"fmt"
	"strings"
)

// Text prints s as a pool set file, which Parse reads back. A set that cannot
// be written down is an error: a path that is not absolute or contains a blank,
// a # or a line break, a size of 0, a replica without parts.
func (s *Set) Text() ([]byte, error) {
	var b strings.Builder
	b.WriteString(Signature + "\n")
	for _, c := range s.Comments {
		if strings.ContainsAny(c, "\n\x00") || strings.HasSuffix(c, "\r") {
			return nil, fmt.Errorf("comment %q is not one line", c)
		}
		fmt.Fprintf(&b, "#%s\n", c)
	}
	if s.SingleHeader {
		b.WriteString("OPTION SINGLEHDR\n")
	}
	if s.NoHeaders {
		b.WriteString("OPTION NOHDRS\n")
	}
	if len(s.Replicas) == 0 {
		return nil, fmt.Errorf("no pool set parts")
	}
	for i := range s.Replicas {
		if err := s.Replicas[i].print(&b, i == 0); err != nil {
			return nil, err
		}
	}
	return []byte(b.String()), nil
}

func (r *Replica) print(b *strings.Builder, master bool) error {
	if r.Remote() {
		if master {
			return fmt.Errorf("the first replica cannot be a remote one")
		}
		for _, word := range []string{r.Node, r.Descriptor} {
			if word == "" || strings.ContainsAny(word, " \t\r\n#\x00") {
				return fmt.Errorf("%q cannot be written into a pool set file", word)
			}
		}
		fmt.Fprintf(b, "REPLICA %s %s\n", r.Node, r.Descriptor)
		return nil
	}
	if !master {
		b.WriteString("REPLICA\n")
	}
	if len(r.Parts) == 0 {
		return fmt.Errorf("no replica parts")
	}
	for _, p := range r.Parts {
		if err := CheckPath(p.Path); err != nil {
			return err
		}
		size := FormatSize(p.Size)
		if p.Auto {
			size = "AUTO"
		} else if p.Size == 0 || p.Size > maxSize {
			return fmt.Errorf("%s: a size of %d bytes", p.Path, p.Size)
		}
		fmt.Fprintf(b, "%s %s\n", size, p.Path)
	}
	return nil
}

// CheckPath says whether a path can stand in a pool set file.
func CheckPath(path string) error {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Errorf("path %q is not absolute", path)
	case len(path) > MaxPath:
		return fmt.Errorf("a path of %d bytes, at most %d are possible", len(path), MaxPath)
	case strings.ContainsAny(path, " \t\r\n#\x00"):
		return fmt.Errorf("path %q: blanks, line breaks, # and NUL cannot be written into a pool set file", path)
	}
	return nil
}
