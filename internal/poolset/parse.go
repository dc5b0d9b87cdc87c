package poolset

import (
	"bytes"
	"fmt"
	"strings"
)

// Signature is the first line of a pool set file.
const Signature = "PMEMPOOLSET"

// MaxText is the size of the longest text that Parse reads.
const MaxText = 1 << 20

// MaxPath is the length of the longest path of a part.
const MaxPath = 4095

// SyntaxError says why a text is no pool set file.
type SyntaxError struct {
	Line   int // from 1 on; 0 if it is not about one line
	Reason string
}

// Error names the line and the reason.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

func syntaxErr(line int, format string, args ...any) error {
	return &SyntaxError{line, fmt.Sprintf(format, args...)}
}

// IsSet says whether a file that begins like this is meant to be a pool set
// file.
func IsSet(start []byte) bool { return bytes.HasPrefix(start, []byte(Signature)) }

// Parse reads the text of a pool set file. Errors are [*SyntaxError]s.
//
// It is as strict as PMDK: a # and what follows it is a comment, wherever it
// stands; lines begin without blanks, except those of parts; the first line is
// the signature and nothing else. It is stricter where PMDK takes what cannot
// be meant: signs in front of sizes, NUL bytes, and carriage returns that end no
// line.
func Parse(text []byte) (*Set, error) {
	if len(text) > MaxText {
		return nil, syntaxErr(1, "%d bytes are too long for a pool set file, which has at most %d", len(text), MaxText)
	}
	p := parser{set: &Set{}}
	lines := strings.Split(string(text), "\n")
	if strings.TrimSuffix(lines[0], "\r") != Signature || len(lines) == 1 {
		return nil, syntaxErr(1, "the first line must be exactly %q", Signature)
	}
	for i, line := range lines[1:] {
		p.number = i + 2
		if err := p.line(line); err != nil {
			return nil, err
		}
	}
	if err := p.endReplica(); err != nil {
		return nil, err
	}
	return p.set, nil
}

type parser struct {
	set    *Set
	number int // of the line
}

func (p *parser) fail(format string, args ...any) error {
	return syntaxErr(p.number, format, args...)
}

func (p *parser) line(line string) error {
	line = strings.TrimSuffix(line, "\r")
	if i := strings.IndexByte(line, 0); i >= 0 {
		return p.fail("a NUL byte at column %d", i+1)
	}
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		p.set.Comments = append(p.set.Comments, strings.TrimRight(comment, "\r"))
		return nil
	}
	line, _, _ = strings.Cut(line, "#")
	switch {
	case strings.Contains(line, "\r"):
		return p.fail("a carriage return in the middle of the line")
	case line == "":
		return nil
	case strings.HasPrefix(line, "OPTION"):
		return p.option(line)
	case strings.HasPrefix(line, "REPLICA"):
		return p.replica(line)
	}
	return p.part(line)
}

// fields splits a line as PMDK does, at blanks and tabs alone.
func fields(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
}

func (p *parser) option(line string) error {
	words := fields(line)
	switch {
	case words[0] != "OPTION":
		return p.fail("unknown option %q: a line OPTION and a name expected", words[0])
	case len(words) == 1:
		return p.fail("missing option name")
	case len(words) > 2:
		return p.fail("unknown option %q: one name a line", strings.Join(words[1:], " "))
	}
	switch words[1] {
	case "SINGLEHDR":
		p.set.SingleHeader = true
	case "NOHDRS":
		p.set.NoHeaders = true
	default:
		return p.fail("unknown option %q; there are SINGLEHDR and NOHDRS", words[1])
	}
	return nil
}

func (p *parser) replica(line string) error {
	if err := p.endReplica(); err != nil {
		return err
	}
	words := fields(line)
	switch {
	case words[0] != "REPLICA":
		return p.fail("exactly 'REPLICA' expected, not %q", words[0])
	case len(words) == 1 && line != words[0]:
		return p.fail("address of remote node and descriptor of remote pool set expected: blanks after REPLICA")
	case len(words) == 2:
		return p.fail("address of remote node and descriptor of remote pool set expected")
	case len(words) > 3:
		return p.fail("invalid token %q", words[3])
	}
	r := Replica{Line: p.number}
	if len(words) == 3 {
		r.Node, r.Descriptor = words[1], words[2]
	}
	p.set.Replicas = append(p.set.Replicas, r)
	return nil
}

// endReplica checks that the replica so far has parts.
func (p *parser) endReplica() error {
	n := len(p.set.Replicas)
	if n == 0 {
		return p.fail("no pool set parts")
	}
	if last := &p.set.Replicas[n-1]; len(last.Parts) == 0 && !last.Remote() {
		return p.fail("no replica parts")
	}
	return nil
}

func (p *parser) part(line string) error {
	words := fields(line)
	if len(words) < 2 {
		return p.fail("a size and a path expected")
	}
	path := words[1]
	switch {
	case !strings.HasPrefix(path, "/"):
		return p.fail("incorrect path %q (must be an absolute one)", path)
	case len(path) > MaxPath:
		return p.fail("a path of %d bytes, at most %d are possible", len(path), MaxPath)
	case len(words) > 2:
		return p.fail("invalid token %q: a size and a path expected, and paths cannot contain blanks", words[2])
	}
	part := Part{Path: path, Line: p.number}
	if words[0] == "AUTO" {
		part.Auto = true
	} else {
		var ok bool
		if part.Size, ok = ParseSize(words[0]); !ok {
			return p.fail("incorrect format of size %q", words[0])
		}
	}
	if len(p.set.Replicas) == 0 {
		p.set.Replicas = append(p.set.Replicas, Replica{Line: p.number})
	}
	last := &p.set.Replicas[len(p.set.Replicas)-1]
	if last.Remote() {
		return p.fail("a part after a remote replica, which is one line")
	}
	last.Parts = append(last.Parts, part)
	return nil
}
