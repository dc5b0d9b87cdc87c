package source

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Ensure that terms are what a reader would call identifiers, on the lines an editor shows.
func TestScan(t *testing.T) {
	tests := []struct {
		name string
		src  string
		want []Term
	}{
		{"empty file", "", nil},
		{"identifiers only, no keywords", "package p\nfunc f(x int) {}\n", []Term{
			{"f", []uint32{2}}, {"int", []uint32{2}}, {"p", []uint32{1}}, {"x", []uint32{2}},
		}},
		{"a line counts once", "package p\nvar a = a + a\nvar _ = a\n", []Term{
			{"_", []uint32{3}}, {"a", []uint32{2, 3}}, {"p", []uint32{1}},
		}},
		{"qualified pair", "package p\nvar m sync.Mutex\n", []Term{
			{"Mutex", []uint32{2}}, {"m", []uint32{2}}, {"p", []uint32{1}}, {"sync", []uint32{2}}, {"sync.Mutex", []uint32{2}},
		}},
		{"chain gives neighbours", "a.b.c", []Term{
			{"a", []uint32{1}}, {"a.b", []uint32{1}}, {"b", []uint32{1}}, {"b.c", []uint32{1}}, {"c", []uint32{1}},
		}},
		{"pair across a line break stands on the right word's line", "a.\n  b", []Term{
			{"a", []uint32{1}}, {"a.b", []uint32{2}}, {"b", []uint32{2}},
		}},
		{"pair across a comment", "a./* so */b", []Term{
			{"a", []uint32{1}}, {"a.b", []uint32{1}}, {"b", []uint32{1}},
		}},
		{"a call's result does not qualify", "a().b", []Term{
			{"a", []uint32{1}}, {"b", []uint32{1}},
		}},
		{"an ellipsis does not qualify", "a...b", []Term{
			{"a", []uint32{1}}, {"b", []uint32{1}},
		}},
		{"two dots do not qualify", "a..b", []Term{
			{"a", []uint32{1}}, {"b", []uint32{1}},
		}},
		{"comments and strings are not identifiers", "// a\n/* b\n*/ c // d\nvar e = \"f\" + `g\n` + h\n", []Term{
			{"c", []uint32{3}}, {"e", []uint32{4}}, {"h", []uint32{5}},
		}},
		{"line directives do not move lines", "a\n//line other.go:100\nb\n", []Term{
			{"a", []uint32{1}}, {"b", []uint32{3}},
		}},
		{"letters of any script", "größe := 世界.名", []Term{
			{"größe", []uint32{1}}, {"世界", []uint32{1}}, {"世界.名", []uint32{1}}, {"名", []uint32{1}},
		}},
		{"broken source", "package p\n\x00 func ( \"\nx 'yy' z", []Term{
			{"p", []uint32{1}}, {"x", []uint32{3}}, {"z", []uint32{3}},
		}},
		{"carriage returns", "a\r\nb\r\n", []Term{
			{"a", []uint32{1}}, {"b", []uint32{2}},
		}},
		{"byte order mark", "\uFEFFa\nb", []Term{
			{"a", []uint32{1}}, {"b", []uint32{2}},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, Scan([]byte(test.src)))
		})
	}
}

// Ensure that whatever bytes a file holds, terms come out sorted, each with
// ascending lines inside the file.
func FuzzScan(f *testing.F) {
	f.Add("package p\nvar m sync.Mutex\n")
	f.Add("a.\n/*\n*/b \x00 \"\n`")
	f.Fuzz(func(t *testing.T, src string) {
		last := uint32(strings.Count(src, "\n") + 1)
		previous := ""
		for _, term := range Scan([]byte(src)) {
			if term.Name <= previous {
				t.Fatalf("%q after %q", term.Name, previous)
			}
			previous = term.Name
			line := uint32(0)
			for _, l := range term.Lines {
				if l <= line || l > last {
					t.Fatalf("%q: line %d after %d of %d", term.Name, l, line, last)
				}
				line = l
			}
			if line == 0 {
				t.Fatalf("%q stands nowhere", term.Name)
			}
		}
	})
}
