package poolset_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	. "github.com/pmem/pmdk-go/internal/poolset"
)

var limits = Limits{MinPart: 2 << 20, MinPool: 8 << 20, Page: 4096, Header: 4096}

// withoutLines makes sets comparable wherever they were read.
func withoutLines(s *Set) *Set {
	for i := range s.Replicas {
		s.Replicas[i].Line = 0
		for j := range s.Replicas[i].Parts {
			s.Replicas[i].Parts[j].Line = 0
		}
	}
	return s
}

// Ensure that what PMDK reads is read, with the same meaning.
func TestParse(t *testing.T) {
	one := func(size uint64, path string) *Set {
		return &Set{Replicas: []Replica{{Parts: []Part{{Size: size, Path: path}}}}}
	}
	tests := []struct {
		name, text string
		want       *Set
	}{
		{"one part", "PMEMPOOLSET\n8M /a\n", one(8<<20, "/a")},
		{"no line break at the end", "PMEMPOOLSET\n8M /a", one(8<<20, "/a")},
		{"carriage returns", "PMEMPOOLSET\r\n8M /a\r\n", one(8<<20, "/a")},
		{"empty lines", "PMEMPOOLSET\n\n8M /a\n\n\n", one(8<<20, "/a")},
		{"blanks around a part", "PMEMPOOLSET\n \t8M \t /a \n", one(8<<20, "/a")},
		{"comment behind a part", "PMEMPOOLSET\n8M /a # the first one\n", one(8<<20, "/a")},
		{"comment inside a path", "PMEMPOOLSET\n8M /a#b\n", one(8<<20, "/a")},
		{"leading zeros", "PMEMPOOLSET\n0008M /a\n", one(8<<20, "/a")},
		{"bytes", "PMEMPOOLSET\n8388608B /a\n", one(8<<20, "/a")},
		{"decimal units", "PMEMPOOLSET\n9192kB /a\n", one(9192000, "/a")},
		{"binary units", "PMEMPOOLSET\n1TiB /a\n", one(1<<40, "/a")},
		{"comment lines", "PMEMPOOLSET\n# one\n#two\n8M /a\n", &Set{
			Comments: []string{" one", "two"},
			Replicas: one(8<<20, "/a").Replicas,
		}},
		{"device", "PMEMPOOLSET\nAUTO /dev/dax0.0\n", &Set{
			Replicas: []Replica{{Parts: []Part{{Auto: true, Path: "/dev/dax0.0"}}}},
		}},
		{"options anywhere and again", "PMEMPOOLSET\n8M /a\nOPTION\tSINGLEHDR \nOPTION SINGLEHDR # again\n", &Set{
			SingleHeader: true, Replicas: one(8<<20, "/a").Replicas,
		}},
		{"both options", "PMEMPOOLSET\nOPTION NOHDRS\nOPTION SINGLEHDR\n8M /a\n", &Set{
			SingleHeader: true, NoHeaders: true, Replicas: one(8<<20, "/a").Replicas,
		}},
		{"replicas", "PMEMPOOLSET\n4M /a\n5M /b\nREPLICA#local\n10M /c\nREPLICA host x/y.set\n", &Set{
			Replicas: []Replica{
				{Parts: []Part{{Size: 4 << 20, Path: "/a"}, {Size: 5 << 20, Path: "/b"}}},
				{Parts: []Part{{Size: 10 << 20, Path: "/c"}}},
				{Node: "host", Descriptor: "x/y.set"},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.text))
			require.NoError(t, err)
			assert.Equal(t, tt.want, withoutLines(got))
		})
	}
}

// Ensure that what PMDK refuses is refused for the same reason, with the line.
func TestParseErrors(t *testing.T) {
	long := "/" + strings.Repeat("x", MaxPath)
	tests := []struct {
		name, text string
		line       int
		want       string
	}{
		{"empty", "", 1, "the first line must be exactly"},
		{"signature alone", "PMEMPOOLSET", 1, "the first line must be exactly"},
		{"signature and more", "PMEMPOOLSETX\n8M /a\n", 1, "the first line must be exactly"},
		{"blank behind the signature", "PMEMPOOLSET \n8M /a\n", 1, "the first line must be exactly"},
		{"comment behind the signature", "PMEMPOOLSET#x\n8M /a\n", 1, "the first line must be exactly"},
		{"no parts", "PMEMPOOLSET\n", 2, "no pool set parts"},
		{"option alone", "PMEMPOOLSET\nOPTION SINGLEHDR\n", 3, "no pool set parts"},
		{"replica first", "PMEMPOOLSET\nREPLICA\n8M /a\n", 2, "no pool set parts"},
		{"replica without parts", "PMEMPOOLSET\n8M /a\nREPLICA\n", 4, "no replica parts"},
		{"two replicas, one empty", "PMEMPOOLSET\n8M /a\nREPLICA\nREPLICA\n8M /b\n", 4, "no replica parts"},
		{"half a remote replica", "PMEMPOOLSET\n8M /a\nREPLICA host\n", 3, "descriptor of remote pool set expected"},
		{"blank behind REPLICA", "PMEMPOOLSET\n8M /a\nREPLICA \n8M /b\n", 3, "blanks after REPLICA"},
		{"remote replica and more", "PMEMPOOLSET\n8M /a\nREPLICA h s x\n", 3, `invalid token "x"`},
		{"misspelt REPLICA", "PMEMPOOLSET\n8M /a\nREPLICAS\n8M /b\n", 3, "exactly 'REPLICA' expected"},
		{"blank before REPLICA", "PMEMPOOLSET\n8M /a\n REPLICA\n8M /b\n", 3, "a size and a path expected"},
		{"part of a remote replica", "PMEMPOOLSET\n8M /a\nREPLICA h s\n8M /b\n", 4, "a part after a remote replica"},
		{"unknown option", "PMEMPOOLSET\nOPTION FOO\n8M /a\n", 2, `unknown option "FOO"`},
		{"missing option", "PMEMPOOLSET\nOPTION\n8M /a\n", 2, "missing option name"},
		{"two options in a line", "PMEMPOOLSET\nOPTION SINGLEHDR x\n8M /a\n", 2, "unknown option"},
		{"misspelt OPTION", "PMEMPOOLSET\nOPTIONS SINGLEHDR\n8M /a\n", 2, "unknown option"},
		{"lower case", "PMEMPOOLSET\noption SINGLEHDR\n8M /a\n", 2, "incorrect path"},
		{"relative path", "PMEMPOOLSET\n8M a\n", 2, "must be an absolute one"},
		{"quoted path", "PMEMPOOLSET\n8M \"/a\"\n", 2, "must be an absolute one"},
		{"path first", "PMEMPOOLSET\n/a 8M\n", 2, "must be an absolute one"},
		{"no path", "PMEMPOOLSET\n8M\n", 2, "a size and a path expected"},
		{"blanks", "PMEMPOOLSET\n \t\n8M /a\n", 2, "a size and a path expected"},
		{"blank in a path", "PMEMPOOLSET\n8M /a b\n", 2, "paths cannot contain blanks"},
		{"long path", "PMEMPOOLSET\n8M " + long + "\n", 2, "at most 4095"},
		{"small letter", "PMEMPOOLSET\n8m /a\n", 2, "incorrect format of size"},
		{"KB", "PMEMPOOLSET\n9192KB /a\n", 2, "incorrect format of size"},
		{"fraction", "PMEMPOOLSET\n8.5M /a\n", 2, "incorrect format of size"},
		{"negative", "PMEMPOOLSET\n-8M /a\n", 2, "incorrect format of size"},
		{"hexadecimal", "PMEMPOOLSET\n0x800000 /a\n", 2, "incorrect format of size"},
		{"zero", "PMEMPOOLSET\n0 /a\n", 2, "incorrect format of size"},
		{"no number", "PMEMPOOLSET\nM /a\n", 2, "incorrect format of size"},
		{"overflow", "PMEMPOOLSET\n99999999999999999999 /a\n", 2, "incorrect format of size"},
		{"overflow by the unit", "PMEMPOOLSET\n9000P /a\n8M /b\n", 2, "incorrect format of size"},
		{"NUL", "PMEMPOOLSET\n8M /a\x00\n", 2, "a NUL byte at column 6"},
		{"carriage return", "PMEMPOOLSET\n8M /a\rb\n", 2, "a carriage return"},
		{"not a set", strings.Repeat("x", 100), 1, "the first line must be exactly"},
		{"far too long", "PMEMPOOLSET\n8M /a\n" + strings.Repeat("#\n", MaxText), 1, "too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse([]byte(tt.text))
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			assert.Equal(t, tt.line, syntax.Line)
			assert.Contains(t, err.Error(), tt.want)
		})
	}
}

// Ensure that sets that cannot make a pool are refused by their text.
func TestCheck(t *testing.T) {
	const head = "PMEMPOOLSET\n"
	tests := []struct {
		name, text, want string
	}{
		{"fine", head + "8M /a\n", ""},
		{"folders", head + "OPTION SINGLEHDR\n4M /a\n4M /b\n", ""},
		{"remote", head + "8M /a\nREPLICA h s\n", ""},
		{"device", head + "AUTO /dev/dax0.0\n", ""},
		{"too small", head + "4M /a\n3M /b\n", "the parts add up to 7340032 bytes, a pool has at least 8388608"},
		{"too small a replica", head + "8M /a\nREPLICA\n4M /b\n", "line 3: the parts add up"},
		{"twice", head + "8M /a\n8M /b/../a\n", "line 3: part /b/../a occurs twice, first in line 2"},
		{"twice in two replicas", head + "8M /a\nREPLICA\n8M //a\n", "line 4: part //a occurs twice, first in line 2"},
		{"root", head + "8M /\n", "the root of the file system cannot be a part"},
		{"root in disguise", head + "8M /a/..\n", "the root of the file system cannot be a part"},
		{"no headers", head + "OPTION NOHDRS\n8M /a\n", "NOHDRS option is not supported"},
		{"overflow", head + "8000P /a\n8000P /b\n", "add up to more than a pool can have"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Parse([]byte(tt.text))
			require.NoError(t, err)
			if err = s.Check(limits); tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// Ensure that the sizes of file parts are counted as PMDK counts them.
func TestCheckFiles(t *testing.T) {
	tests := []struct {
		parts string
		net   uint64
		want  string
	}{
		{"8M /a\n", 8 << 20, ""},
		{"8388709 /a\n", 8 << 20, ""},
		{"4M /a\n4M /b\n", 8<<20 - 4096, "give a pool of 8384512 bytes, which has at least 8388608; each part after the first loses 4096"},
		{"4M /a\n4198400 /b\n", 8 << 20, ""},
		{"OPTION SINGLEHDR\n4M /a\n4M /b\n", 8 << 20, ""},
		{"8M /a\n1M /b\n", 9<<20 - 4096, "line 3: part /b: size 1048576 smaller than 2097152"},
		{"OPTION SINGLEHDR\n8MB /a\n", 7999488, "give a pool of 7999488 bytes, which has at least 8388608"},
	}
	for _, tt := range tests {
		t.Run(tt.parts, func(t *testing.T) {
			s, err := Parse([]byte("PMEMPOOLSET\n" + tt.parts))
			require.NoError(t, err)
			var sizes []uint64
			for _, p := range s.Replicas[0].Parts {
				sizes = append(sizes, p.Size)
			}
			assert.Equal(t, tt.net, s.FileSize(sizes, limits))
			if err = s.CheckFiles(&s.Replicas[0], limits); tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// Ensure that a printed set reads back as the same set.
func TestText(t *testing.T) {
	s := &Set{
		SingleHeader: true,
		NoHeaders:    true,
		Comments:     []string{" made by hand", ""},
		Replicas: []Replica{
			{Parts: []Part{{Size: 3<<20 + 1, Path: "/a"}, {Auto: true, Path: "/b"}}},
			{Parts: []Part{{Size: 1 << 50, Path: "/c"}}},
			{Node: "me@host", Descriptor: "d/x.set"},
		},
	}
	text, err := s.Text()
	require.NoError(t, err)
	assert.Equal(t, "PMEMPOOLSET\n# made by hand\n#\nOPTION SINGLEHDR\nOPTION NOHDRS\n"+
		"3145729 /a\nAUTO /b\nREPLICA\n1PiB /c\nREPLICA me@host d/x.set\n", string(text))
	got, err := Parse(text)
	require.NoError(t, err)
	assert.Equal(t, s, withoutLines(got))
}

// Ensure that nothing is printed that would read back as something else.
func TestTextErrors(t *testing.T) {
	with := func(p Part) *Set { return &Set{Replicas: []Replica{{Parts: []Part{p}}}} }
	tests := []struct {
		name string
		set  *Set
		want string
	}{
		{"nothing", &Set{}, "no pool set parts"},
		{"no parts", &Set{Replicas: []Replica{{}}}, "no replica parts"},
		{"remote master", &Set{Replicas: []Replica{{Node: "h", Descriptor: "s"}}}, "cannot be a remote one"},
		{"half a remote", &Set{Replicas: append(with(Part{Size: 1, Path: "/a"}).Replicas, Replica{Node: "h"})}, `"" cannot be written`},
		{"relative", with(Part{Size: 1, Path: "a"}), "not absolute"},
		{"blank", with(Part{Size: 1, Path: "/a b"}), "blanks"},
		{"hash", with(Part{Size: 1, Path: "/a#b"}), "blanks"},
		{"line break", with(Part{Size: 1, Path: "/a\nb"}), "blanks"},
		{"long", with(Part{Size: 1, Path: "/" + strings.Repeat("x", MaxPath)}), "at most 4095"},
		{"no size", with(Part{Path: "/a"}), "a size of 0 bytes"},
		{"huge", with(Part{Size: 1 << 63, Path: "/a"}), "a size of"},
		{"comment of two lines", &Set{Comments: []string{"a\nb"}}, "not one line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.set.Text()
			assert.ErrorContains(t, err, tt.want)
		})
	}
}

// FuzzParse ensures that no text makes Parse panic, and that what it reads
// prints and reads back as the same set.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "PMEMPOOLSET", "PMEMPOOLSET\n8M /a\n",
		"PMEMPOOLSET\r\nOPTION SINGLEHDR\r\n64GiB /data/a\r\n#c\r\r\n64GB /data/b # x\r\n",
		"PMEMPOOLSET\n4M /a\nREPLICA\nAUTO /dev/dax0.0\nREPLICA u@h d/s.set\n",
		"PMEMPOOLSET\n8M /a\nREPLICA h\tx\n8M /b",
		"PMEMPOOLSET\nOPTION NOHDRS\n18446744073709551615P /\xff\x00\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := s.Text()
		require.NoError(t, err)
		got, err := Parse(again)
		require.NoError(t, err)
		assert.Equal(t, withoutLines(s), withoutLines(got))
		_ = s.Check(limits)
	})
}

func ExampleParse() {
	set, err := Parse([]byte("PMEMPOOLSET\nOPTION SINGLEHDR\n64GiB /data/a\n64GiB /data/b\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, part := range set.Replicas[0].Parts {
		fmt.Println(part.Path, FormatSize(part.Size))
	}
	_, err = Parse([]byte("PMEMPOOLSET\n64 GiB /data/a\n"))
	fmt.Println(err)
	// Output:
	// /data/a 64GiB
	// /data/b 64GiB
	// line 2: incorrect path "GiB" (must be an absolute one)
}
