package diagnose

import (
	"cmp"
	"fmt"
	"slices"
)

// findings counts by kind and line of the program.
type findings struct {
	at    map[finding]*counted
	order []finding
}

type finding struct {
	kind Kind
	site string // File and Line, and what was called there
}

type counted struct {
	Warning
	useful bool // at least once it was not in vain
}

func newFindings() *findings { return &findings{at: make(map[finding]*counted)} }

func (f *findings) add(k Kind, p Place, message func() string) { f.visit(k, p, false, message) }

// visit counts one time that the program came to a place; if it was useful
// once, there is nothing to be said.
func (f *findings) visit(k Kind, p Place, useful bool, message func() string) {
	key := finding{k, fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Call)}
	c := f.at[key]
	if c == nil {
		c = &counted{Warning: Warning{Kind: k, Place: p}}
		f.at[key] = c
		f.order = append(f.order, key)
	}
	if useful {
		c.useful = true
		return
	}
	if c.Count == 0 {
		c.Message = message()
	}
	c.Count++
}

func (f *findings) list() []Warning {
	var all []Warning
	for _, key := range f.order {
		if c := f.at[key]; !c.useful {
			all = append(all, c.Warning)
		}
	}
	slices.SortStableFunc(all, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Place.File, b.Place.File),
			cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Call, b.Place.Call))
	})
	return all
}
