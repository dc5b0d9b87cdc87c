package source

import (
	"bytes"
	"cmp"
	"go/scanner"
	"go/token"
	"slices"
)

// Term is a name that can be asked for and the lines where it stands, ascending
// and each once. It is an identifier (Mutex) or two joined by a dot (sync.Mutex).
type Term struct {
	Name  string
	Lines []uint32
}

// Scan returns the terms of a Go file in the order of their names.
//
// Every identifier is a term, _ included. Wherever the source spells x.y, the
// pair x.y is a term too, on the line of y; a.b.c gives a.b and b.c. Pairs are
// taken as spelled, without types: sync.Mutex is found where a file writes
// sync.Mutex, not inside package sync, and not under an import's other name.
// Words in comments and strings do not count. Files with syntax errors give
// whatever identifiers the scanner still finds in them.
func Scan(src []byte) []Term {
	var (
		sc    scanner.Scanner
		found = collector{index: make(map[string]int, 256)}
		fset  = token.NewFileSet()
		file  = fset.AddFile("", -1, len(src))
		line  = lineCounter{src: src, line: 1}

		left   span // the identifier just read, if any
		dotted bool // and a dot after it
	)
	sc.Init(file, src, func(token.Position, string) {}, 0)
	for {
		pos, tok, lit := sc.Scan()
		switch tok {
		case token.EOF:
			return found.sorted()
		case token.IDENT:
			name := spanOf(file.Offset(pos), len(lit))
			at := line.of(name.start)
			found.add(name.of(src), at)
			if dotted {
				found.add(qualified(src, left, name), at)
			}
			left, dotted = name, false
		case token.PERIOD:
			dotted = left.end > 0 && !dotted
		default:
			left, dotted = span{}, false
		}
	}
}

// span is a stretch of a file's bytes. It lets a term be looked up without
// making a string of it first.
type span struct{ start, end int }

func spanOf(start, length int) span { return span{start, start + length} }

func (s span) of(src []byte) []byte { return src[s.start:s.end] }

// qualified is "left.right". In all but odd layouts (a line break after the
// dot) it stands in the source just so.
func qualified(src []byte, left, right span) []byte {
	if right.start == left.end+1 {
		return src[left.start:right.end]
	}
	return slices.Concat(left.of(src), []byte("."), right.of(src))
}

// lineCounter turns ascending offsets into line numbers by counting the line
// breaks in between. A token.File would obey //line directives, and a search
// should lead to where a word really stands.
type lineCounter struct {
	src  []byte
	seen int
	line uint32
}

func (c *lineCounter) of(offset int) uint32 {
	c.line += uint32(bytes.Count(c.src[c.seen:offset], []byte("\n")))
	c.seen = offset
	return c.line
}

type collector struct {
	index map[string]int // name → place in terms
	terms []Term
}

// add notes a name on a line. Lines arrive in ascending order.
func (c *collector) add(name []byte, line uint32) {
	i, known := c.index[string(name)]
	if !known {
		s := string(name)
		c.index[s] = len(c.terms)
		c.terms = append(c.terms, Term{Name: s, Lines: []uint32{line}})
		return
	}
	t := &c.terms[i]
	if t.Lines[len(t.Lines)-1] != line {
		t.Lines = append(t.Lines, line)
	}
}

func (c *collector) sorted() []Term {
	slices.SortFunc(c.terms, func(a, b Term) int { return cmp.Compare(a.Name, b.Name) })
	return c.terms
}
