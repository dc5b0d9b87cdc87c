package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Choice says what reached the medium in a crash. It is complete with the
// trace that it is of: together they are an image.
type Choice struct {
	// Point is the Point.At of the crash: how many events had happened.
	Point int
	// Lines are the units of which something reached the medium, by ascending
	// offset. Units in flight that are not here are lost: they hold what was
	// durable.
	Lines []LineChoice
}

// A LineChoice is what became of one unit in flight: a line or a page.
type LineChoice struct {
	Off uint64
	// Version is the number of the version in flight, from 1 for the oldest.
	Version int
	// Words is Whole if the version reached the medium as it is. Else it is
	// the mask of the parts that did; the others are of the version before,
	// which for Version 1 is the durable content. It is never 0.
	Words uint8
}

// Equal reports whether c and d are the same choice.
func (c Choice) Equal(d Choice) bool { return c.Point == d.Point && slices.Equal(c.Lines, d.Lines) }

// String returns the choice as text without spaces, which ParseChoice reads:
// the point and, for each unit, its offset, version and, if torn, parts:
//
//	1207:1040=1,1080=2/0f
func (c Choice) String() string {
	b := strconv.AppendInt(nil, int64(c.Point), 10)
	for i, l := range c.Lines {
		sep := byte(',')
		if i == 0 {
			sep = ':'
		}
		b = append(b, sep)
		b = strconv.AppendUint(b, l.Off, 16)
		b = append(b, '=')
		b = strconv.AppendInt(b, int64(l.Version), 10)
		if l.Words != Whole {
			b = fmt.Appendf(b, "/%02x", l.Words)
		}
	}
	return string(b)
}

// ParseChoice reads what Choice.String has returned.
func ParseChoice(text string) (Choice, error) {
	fail := func(what string, err error) (Choice, error) {
		return Choice{}, fmt.Errorf("trace: %s in the choice %.200q: %w", what, text, err)
	}
	point, lines, found := strings.Cut(text, ":")
	var c Choice
	var err error
	if c.Point, err = strconv.Atoi(point); err != nil {
		return fail("no point", err)
	}
	for found {
		var line string
		line, lines, found = strings.Cut(lines, ",")
		off, version, _ := strings.Cut(line, "=")
		version, words, tear := strings.Cut(version, "/")
		l := LineChoice{Words: Whole}
		if l.Off, err = strconv.ParseUint(off, 16, 64); err != nil {
			return fail("no offset", err)
		}
		if l.Version, err = strconv.Atoi(version); err != nil {
			return fail("no version", err)
		}
		if tear {
			w, err := strconv.ParseUint(words, 16, 8)
			if err != nil {
				return fail("no mask of words", err)
			}
			l.Words = uint8(w)
		}
		c.Lines = append(c.Lines, l)
	}
	if err := c.valid(); err != nil {
		return fail("an impossible value", err)
	}
	return c, nil
}

// MarshalText returns String.
func (c Choice) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseChoice.
func (c *Choice) UnmarshalText(text []byte) error {
	d, err := ParseChoice(string(text))
	if err != nil {
		return err
	}
	*c = d
	return nil
}

// AppendBinary appends the choice in a form of some bytes a line.
func (c Choice) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(b, uint64(c.Point))
	b = binary.AppendUvarint(b, uint64(len(c.Lines)))
	var last uint64
	for _, l := range c.Lines {
		b = binary.AppendUvarint(b, l.Off-last)
		b = binary.AppendUvarint(b, uint64(l.Version))
		b = append(b, l.Words)
		last = l.Off
	}
	return b, nil
}

// MarshalBinary returns what AppendBinary appends.
func (c Choice) MarshalBinary() ([]byte, error) { return c.AppendBinary(nil) }

// UnmarshalBinary reads what MarshalBinary has returned.
func (c *Choice) UnmarshalBinary(b []byte) error {
	r := cursor{rest: b}
	d := Choice{Point: r.int()}
	n := r.uvarint()
	if n > uint64(len(r.rest))/3 { // a line has at least three bytes
		return errShort
	}
	if n > 0 {
		d.Lines = make([]LineChoice, 0, n)
	}
	var off uint64
	for range n {
		off += r.uvarint()
		d.Lines = append(d.Lines, LineChoice{Off: off, Version: r.int(), Words: r.byte()})
	}
	if r.err != nil {
		return r.err
	}
	if len(r.rest) > 0 {
		return fmt.Errorf("trace: %d bytes after a choice", len(r.rest))
	}
	if err := d.valid(); err != nil {
		return fmt.Errorf("trace: an impossible choice: %w", err)
	}
	*c = d
	return nil
}

// valid returns what no trace can have.
func (c Choice) valid() error {
	if c.Point < 0 {
		return errors.New("the point is negative")
	}
	for i, l := range c.Lines {
		if i > 0 && l.Off <= c.Lines[i-1].Off {
			return fmt.Errorf("offset %#x is not above the one before", l.Off)
		}
		if l.Version < 1 || l.Words == 0 {
			return fmt.Errorf("nothing of the line at %#x", l.Off)
		}
	}
	return nil
}
