package libpmemobj_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// crashOdd is an element that is not a whole number of words.
type crashOdd struct {
	A uint32
	B [2]uint16
	C uint32
}

func crashOddOf(v uint64) crashOdd {
	return crashOdd{uint32(v), [2]uint16{uint16(v >> 8), uint16(v >> 24)}, uint32(v >> 32)}
}

type crashValues struct {
	Name  String
	Blob  Bytes
	Words Slice[uint64]
	Odds  Slice[crashOdd]
}

type valuesModel struct {
	Name, Blob string
	Words      []uint64
	Odds       []crashOdd
}

// valuesOp is a change as a whole, in a transaction or a publication.
type valuesOp struct {
	Edits   []valueEdit
	Publish bool
	Fails   bool
}

type valueEdit struct {
	Field string // name, blob, words, odds
	What  string // of a slice: append, set, delete, truncate, grow, free
	I, N  int
	V     uint64
}

// values changes Strings, Bytes and Slices in both ways.
func values(part int) crashmodel.Actor[*Pool] {
	region := func(p *Pool) (*crashValues, error) {
		root, err := crashRootOf(p)
		if err != nil {
			return nil, err
		}
		return &root.Values[part], nil
	}
	return crashmodel.Script[*Pool, valuesModel, valuesOp]{
		Name:  fmt.Sprint("values ", part),
		Steps: 60,
		Draw:  drawValues,
		Apply: func(m valuesModel, o valuesOp) valuesModel {
			if !o.Fails {
				for _, e := range o.Edits {
					m = e.apply(m)
				}
			}
			return m
		},
		Do: func(p *Pool, o valuesOp) error {
			r, err := region(p)
			if err != nil {
				return err
			}
			change := func(c Change) error {
				for _, e := range o.Edits {
					if err := e.do(c, r); err != nil {
						return fmt.Errorf("%+v: %w", e, err)
					}
				}
				if o.Fails {
					return errCrashAbort
				}
				return nil
			}
			if o.Publish {
				err = p.Publish(func(a *Actions) error { return change(a) })
			} else {
				err = p.Update(func(tx *Tx) error { return change(tx) })
			}
			if o.Fails && err == errCrashAbort {
				return nil
			}
			return err
		},
		Read: func(p *Pool) (m valuesModel, err error) {
			r, err := region(p)
			if err != nil {
				return m, err
			}
			return r.read(p)
		},
	}.Actor()
}

func drawValues(rnd *rand.Rand, m valuesModel) valuesOp {
	o := valuesOp{Publish: rnd.IntN(2) == 0, Fails: rnd.IntN(8) == 0}
	for range 1 + rnd.IntN(4) {
		e := valueEdit{Field: []string{"name", "blob", "words", "words", "odds", "odds"}[rnd.IntN(6)], V: rnd.Uint64() | 1}
		length := 0
		switch e.Field {
		case "words":
			length = len(m.Words)
		case "odds":
			length = len(m.Odds)
		default:
			e.N = []int{0, 10, 11, 60, 200, 900}[rnd.IntN(6)]
			o.Edits, m = append(o.Edits, e), e.apply(m)
			continue
		}
		switch op := rnd.IntN(12); {
		case op == 0:
			e.What = "free"
		case op == 1:
			e.What, e.N = "grow", rnd.IntN(40)
		case op == 2 || length > 250:
			e.What, e.N = "truncate", rnd.IntN(length+1)
		case op == 3 && length > 0:
			e.What, e.I = "delete", rnd.IntN(length)
			e.N = rnd.IntN(length - e.I + 1)
		case op < 7 && length > 0:
			e.What, e.I = "set", rnd.IntN(length)
		default:
			e.What, e.N = "append", rnd.IntN(1+rnd.IntN(50))
		}
		o.Edits, m = append(o.Edits, e), e.apply(m)
	}
	return o
}

func (e valueEdit) apply(m valuesModel) valuesModel {
	switch e.Field {
	case "name":
		m.Name = crashText(e.V, e.N)
	case "blob":
		m.Blob = crashText(e.V, e.N)
	case "words":
		m.Words = applySlice(e, m.Words, func(v uint64) uint64 { return v })
	case "odds":
		m.Odds = applySlice(e, m.Odds, crashOddOf)
	}
	return m
}

// applySlice returns a new slice.
func applySlice[T any](e valueEdit, s []T, value func(uint64) T) []T {
	s = slices.Clone(s)
	switch e.What {
	case "free":
		return nil
	case "truncate":
		return s[:e.N]
	case "delete":
		return slices.Delete(s, e.I, e.I+e.N)
	case "set":
		s[e.I] = value(e.V)
	case "append":
		s = append(s, appended(e, value)...)
	}
	return s
}

func appended[T any](e valueEdit, value func(uint64) T) []T {
	s := make([]T, e.N)
	for i := range s {
		s[i] = value(e.V * uint64(i+1))
	}
	return s
}

func (e valueEdit) do(c Change, r *crashValues) error {
	switch e.Field {
	case "name":
		return r.Name.Set(c, crashText(e.V, e.N))
	case "blob":
		return r.Blob.Set(c, []byte(crashText(e.V, e.N)))
	case "words":
		return doSlice(c, e, &r.Words, func(v uint64) uint64 { return v })
	}
	return doSlice(c, e, &r.Odds, crashOddOf)
}

func doSlice[T any](c Change, e valueEdit, s *Slice[T], value func(uint64) T) error {
	switch e.What {
	case "free":
		return s.Free(c)
	case "truncate":
		return s.Truncate(c, e.N)
	case "delete":
		return s.Delete(c, e.I, e.I+e.N)
	case "grow":
		return s.Grow(c, e.N)
	case "set":
		if tx, ok := c.(*Tx); ok && e.V%4 < 2 {
			*s.Mut(tx, e.I) = value(e.V)
			return nil
		}
		return s.Set(c, e.I, value(e.V))
	}
	return s.Append(c, appended(e, value)...)
}

func (r *crashValues) read(p *Pool) (m valuesModel, err error) {
	name, err := r.Name.TryView(p)
	if err != nil {
		return m, fmt.Errorf("name: %w", err)
	}
	blob, err := r.Blob.TryView(p)
	if err != nil {
		return m, fmt.Errorf("blob: %w", err)
	}
	words, err := r.Words.TryView(p)
	if err != nil {
		return m, fmt.Errorf("words: %w", err)
	}
	odds, err := r.Odds.TryView(p)
	if err != nil {
		return m, fmt.Errorf("odds: %w", err)
	}
	return valuesModel{string(name), string(blob), slices.Clone(words), slices.Clone(odds)}, nil
}

// Ensure that String, Bytes and Slice change as a whole or not at all.
func TestCrashValues(t *testing.T) { runCrash(t, crashtest.Config{}, values(0)) }

// Ensure the same on an ordinary file.
func TestCrashValuesOnDisk(t *testing.T) { runCrash(t, onDisk, values(1)) }
