package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// magic begins an encoded trace, with the version of the form.
const magic = "pmgotrc1"

var errShort = errors.New("trace: the data ends too soon")

// Encode writes the trace. Pages of Base that are all zeros take no room.
func (t *Trace) Encode(w io.Writer) error {
	b := make([]byte, 0, 1<<20)
	flush := func(room int) error {
		if len(b)+room <= cap(b) {
			return nil
		}
		_, err := w.Write(b)
		b = b[:0]
		return err
	}
	b = append(b, magic...)
	pages := byte(0)
	if t.Pages {
		pages = 1
	}
	b = append(b, pages)
	b = binary.AppendUvarint(b, uint64(len(t.Base)))
	b = binary.AppendUvarint(b, uint64(len(t.Stacks)))
	b = binary.AppendUvarint(b, uint64(len(t.Events)))
	for off := 0; off < len(t.Base); off += Page {
		page := t.Base[off:min(off+Page, len(t.Base))]
		if isZero(page) {
			continue
		}
		if err := flush(Page + binary.MaxVarintLen64); err != nil {
			return err
		}
		b = binary.AppendUvarint(b, uint64(off/Page)+1)
		b = append(b, page...)
	}
	b = append(b, 0)
	for _, stack := range t.Stacks {
		if err := flush((len(stack) + 1) * binary.MaxVarintLen64); err != nil {
			return err
		}
		b = binary.AppendUvarint(b, uint64(len(stack)))
		for _, pc := range stack {
			b = binary.AppendUvarint(b, uint64(pc))
		}
	}
	for i := range t.Events {
		if err := flush(256); err != nil {
			return err
		}
		e := &t.Events[i]
		b = append(b, byte(e.Kind), e.Words)
		b = binary.AppendVarint(b, int64(e.Thread))
		b = binary.AppendVarint(b, int64(e.Stack))
		b = binary.AppendVarint(b, int64(e.Worker))
		b = binary.AppendUvarint(b, e.Off)
		b = binary.AppendUvarint(b, e.Len)
		b = binary.AppendVarint(b, e.N)
		if e.Kind == Store {
			if e.Data == nil {
				return fmt.Errorf("trace: event %d is a store without data", i)
			}
			b = append(b, e.Data[:]...)
		}
	}
	_, err := w.Write(b)
	return err
}

func isZero(b []byte) bool {
	var zeros [Page]byte
	return bytes.Equal(b, zeros[:len(b)])
}

// Decode reads what Encode has written. A trace that no recording can have
// made is an error: a [State] can be made of what is returned.
func Decode(r io.Reader) (*Trace, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	return DecodeBytes(all)
}

// maxFile is the largest file that is believed to have been recorded.
const maxFile = 1 << 36

// DecodeBytes is Decode of what is in memory. The trace refers to all, which
// must not change any more.
func DecodeBytes(all []byte) (*Trace, error) {
	return decode(all, maxFile)
}

func decode(all []byte, maxBase uint64) (*Trace, error) {
	if !bytes.HasPrefix(all, []byte(magic)) {
		return nil, errors.New("trace: this is no trace, or one of another version")
	}
	r := cursor{rest: all[len(magic):]}
	t := &Trace{Pages: r.byte() != 0}
	size, stacks, events := r.uvarint(), r.uvarint(), r.uvarint()
	if r.err != nil {
		return nil, r.err
	}
	// Counts are checked against the bytes left before memory is made for them.
	if size > maxBase || stacks > uint64(len(r.rest)) || events > uint64(len(r.rest))/8 || events > math.MaxInt32 {
		return nil, fmt.Errorf("trace: %d bytes, %d stacks and %d events in %d bytes", size, stacks, events, len(r.rest))
	}
	t.Base = make([]byte, size)
	for page := r.uvarint(); page != 0; page = r.uvarint() {
		if page > (size+Page-1)/Page {
			return nil, fmt.Errorf("trace: page %d in a file of %d bytes", page-1, size)
		}
		at := t.Base[(page-1)*Page:]
		copy(at, r.bytes(min(Page, len(at))))
	}
	if stacks > 0 {
		t.Stacks = make([][]uintptr, stacks)
	}
	for i := range t.Stacks {
		n := r.uvarint()
		if n > uint64(len(r.rest)) {
			return nil, errShort
		}
		if n == 0 {
			continue
		}
		t.Stacks[i] = make([]uintptr, n)
		for j := range t.Stacks[i] {
			t.Stacks[i][j] = uintptr(r.uvarint())
		}
	}
	if events > 0 {
		t.Events = make([]Event, events)
	}
	for i := range t.Events {
		e := &t.Events[i]
		e.Kind, e.Words = Kind(r.byte()), r.byte()
		e.Thread, e.Stack, e.Worker = r.int32(), r.int32(), r.int32()
		e.Off, e.Len, e.N = r.uvarint(), r.uvarint(), r.varint()
		if e.Kind == Store {
			if data := r.bytes(Line); data != nil {
				e.Data = (*[Line]byte)(data)
			}
		}
		if r.err != nil {
			return nil, r.err
		}
		if err := t.valid(e); err != nil {
			return nil, fmt.Errorf("trace: event %d: %w", i, err)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("trace: %d bytes after the last event", len(r.rest))
	}
	return t, nil
}

// valid returns what is impossible about an event.
func (t *Trace) valid(e *Event) error {
	if e.Kind < Store || e.Kind > Alloc {
		return fmt.Errorf("kind %d", e.Kind)
	}
	if e.Stack < 0 || e.Stack > 0 && int(e.Stack) >= len(t.Stacks) {
		return fmt.Errorf("stack %d of %d", e.Stack, len(t.Stacks))
	}
	if e.Kind == Store && (e.Off%Line != 0 || e.Off >= uint64(len(t.Base))) {
		return fmt.Errorf("a store at %#x of %#x", e.Off, len(t.Base))
	}
	return nil
}

// cursor reads from memory. After an error it reads zeros.
type cursor struct {
	rest []byte
	err  error
}

func (r *cursor) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *cursor) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail(errShort)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *cursor) int() int {
	v := r.uvarint()
	if v > math.MaxInt {
		r.fail(fmt.Errorf("trace: %d is out of range", v))
		return 0
	}
	return int(v)
}

func (r *cursor) int32() int32 {
	v := r.varint()
	if v < math.MinInt32 || v > math.MaxInt32 {
		r.fail(fmt.Errorf("trace: %d is out of range", v))
		return 0
	}
	return int32(v)
}

func (r *cursor) byte() byte {
	b := r.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

func (r *cursor) bytes(n int) []byte {
	if len(r.rest) < n {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}
