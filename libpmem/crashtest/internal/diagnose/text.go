package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// hedge is what to add to a message about a store whose line is not certain.
func (s *scan) hedge(event int) string {
	if alone(s.trace, event) {
		return ""
	}
	return " (by this line, or one that follows)"
}

// alone reports whether a Store's stack is certainly that of all its bytes: no
// other store to its page has the same stack, between the events around.
func alone(t *trace.Trace, event int) bool {
	e := &t.Events[event]
	same := func(o *trace.Event) bool { return o.Off/trace.Page == e.Off/trace.Page && o.Stack == e.Stack }
	for i := event - 1; i >= 0 && t.Events[i].Kind == trace.Store; i-- {
		if same(&t.Events[i]) {
			return false
		}
	}
	for i := event + 1; i < len(t.Events) && t.Events[i].Kind == trace.Store; i++ {
		if same(&t.Events[i]) {
			return false
		}
	}
	return true
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// span is how a range is written: how long it is, and where it starts.
func span(off, n uint64) string {
	return fmt.Sprintf("%s at %#x", plural(int(n), "byte", "bytes"), off)
}

// wordsAt is how bytes of the line at off are written: the words that hold
// them. How many bytes were stored is not known, only which have changed.
func wordsAt(off uint64, m mask) string {
	w := m.words()
	first := uint64(bits.TrailingZeros8(w))
	if n := bits.OnesCount8(w); n > 1 {
		return fmt.Sprintf("%d words at %#x", n, off+8*first)
	}
	return fmt.Sprintf("the word at %#x", off+8*first)
}

// list is "word 1" or "words 0-1, 5".
func list(what string, m uint8) string {
	var all []string
	for i := 0; i < 8; i++ {
		if m>>i&1 == 0 {
			continue
		}
		j := i
		for j < 7 && m>>(j+1)&1 != 0 {
			j++
		}
		if i == j {
			all = append(all, fmt.Sprint(i))
		} else {
			all = append(all, fmt.Sprintf("%d-%d", i, j))
		}
		i = j
	}
	if bits.OnesCount8(m) != 1 {
		what += "s"
	}
	return what + " " + strings.Join(all, ", ")
}

// number is a word in hexadecimal and, where that helps, decimal.
func number(v uint64) string {
	if n := int64(v); n >= 10 && n < 1<<32 || n < 0 && n > -1<<31 {
		return fmt.Sprintf("%#x (%d)", v, n)
	}
	return fmt.Sprintf("%#x", v)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
