package cgoutil_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

func TestErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  cgoutil.Error
		want string
	}{
		{"all parts", cgoutil.Error{Op: "open", Path: "/p", Errno: unix.ENOSPC, Msg: "pool too large"},
			"open /p: pool too large (no space left on device)"},
		{"no path", cgoutil.Error{Op: "version", Errno: unix.EINVAL, Msg: "too old"}, "version: too old (invalid argument)"},
		{"no message", cgoutil.Error{Op: "open", Path: "/p", Errno: unix.ENOENT}, "open /p: no such file or directory"},
		{"no errno", cgoutil.Error{Op: "check", Path: "/p", Msg: "not consistent"}, "check /p: not consistent"},
		{"errno's text in the message", cgoutil.Error{Op: "open", Errno: unix.EACCES, Msg: "cannot: permission denied"},
			"open: cannot: permission denied"},
		{"nothing known", cgoutil.Error{Op: "open"}, "open: unknown error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, tt.err.Error())
		})
	}
}

// Ensure that callers can ask for an errno and for the fs package's errors.
func TestErrorUnwrap(t *testing.T) {
	var err error = &cgoutil.Error{Op: "open", Path: "/p", Errno: unix.ENOENT, Msg: "m"}
	assert.ErrorIs(t, err, unix.ENOENT)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.NotErrorIs(t, err, fs.ErrExist)

	var as *cgoutil.Error
	assert.ErrorAs(t, err, &as)
	assert.Equal(t, "/p", as.Path)

	assert.NoError(t, errors.Unwrap(&cgoutil.Error{Op: "check", Msg: "m"}))
}
