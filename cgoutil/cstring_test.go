package cgoutil_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

func TestStringsForC(t *testing.T) {
	path := func(s string) ([]byte, error) { return cgoutil.CheckPath("open", s) }
	layout := func(s string) ([]byte, error) { return cgoutil.CheckLayout("open", s) }
	word := func(s string) ([]byte, error) { return cgoutil.CString("open", "word", s, 3) }
	tests := []struct {
		name  string
		check func(string) ([]byte, error)
		in    string
		errno unix.Errno
		msg   string
	}{
		{"path", path, "/mnt/pool", 0, ""},
		{"longest path", path, strings.Repeat("p", 4095), 0, ""},
		{"path too long", path, strings.Repeat("p", 4096), unix.ENAMETOOLONG, "4096 bytes, at most 4095"},
		{"the path that PMDK aborts on", path, strings.Repeat("p", 8191), unix.ENAMETOOLONG, "at most 4095"},
		{"empty path", path, "", unix.EINVAL, "path is empty"},
		{"NUL in path", path, "/mnt\x00/x", unix.EINVAL, `path "/mnt\x00/x" has a NUL byte at 4`},
		{"layout", layout, "my layout", 0, ""},
		{"empty layout", layout, "", 0, ""},
		{"longest layout", layout, strings.Repeat("l", 1023), 0, ""},
		{"layout too long", layout, strings.Repeat("l", 1024), unix.EINVAL, "layout"},
		{"NUL ends a layout", layout, "a\x00", unix.EINVAL, "layout"},
		{"argument named", word, "four", unix.EINVAL, `word "four" has 4 bytes, at most 3`},
		{"not UTF-8", word, "\xff\xfe", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := tt.check(tt.in)
			if tt.errno == 0 {
				assert.NoError(t, err)
				assert.Equal(t, tt.in+"\x00", string(b))
				return
			}
			assert.Nil(t, b)
			assert.ErrorIs(t, err, tt.errno)
			assert.ErrorContains(t, err, tt.msg)
			assert.Less(t, len(err.Error()), 300, "an error stays readable")
			var e *cgoutil.Error
			assert.True(t, errors.As(err, &e))
			assert.Equal(t, "open", e.Op)
		})
	}
}
