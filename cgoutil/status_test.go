package cgoutil_test

import (
	"bytes"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/cgoutil/internal/shimtest"
)

// Ensure that the Go struct and the C struct are the same memory.
func TestStatusLayout(t *testing.T) {
	size, errOffset, msgOffset := shimtest.StatusLayout()
	var st cgoutil.Status
	assert.Equal(t, size, unsafe.Sizeof(st), "size")
	assert.Equal(t, errOffset, unsafe.Offsetof(st.Errno), "offset of the errno")
	assert.Equal(t, msgOffset, unsafe.Offsetof(st.Msg), "offset of the message")
}

func TestStatusZeroIsSuccess(t *testing.T) {
	var st cgoutil.Status
	assert.NoError(t, st.Err("open", "/p"))
}

func TestPmemgoFail(t *testing.T) {
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name  string
		errno int
		msg   []byte
		want  cgoutil.Error
	}{
		{"errno and message", int(unix.ENOSPC), []byte("full\x00"), cgoutil.Error{Errno: unix.ENOSPC, Msg: "full"}},
		{"message without errno", 0, []byte("odd\x00"), cgoutil.Error{Errno: unix.EINVAL, Msg: "odd"}},
		{"errno of -1", -1, []byte("bad heap\x00"), cgoutil.Error{Errno: unix.EINVAL, Msg: "bad heap"}},
		{"NULL message", int(unix.EIO), nil, cgoutil.Error{Errno: unix.EIO}},
		{"trailing newline", int(unix.EIO), []byte("broken\n\x00"), cgoutil.Error{Errno: unix.EIO, Msg: "broken"}},
		{"longest message", int(unix.EIO), []byte(long[:507] + "\x00"), cgoutil.Error{Errno: unix.EIO, Msg: long[:507]}},
		{"truncated message", int(unix.EIO), []byte(long + "\x00"), cgoutil.Error{Errno: unix.EIO, Msg: long[:507]}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Stale bytes must not show through a shorter message.
			st := cgoutil.Status{Msg: [508]byte(bytes.Repeat([]byte{'s'}, 508))}
			shimtest.Fail(&st, tt.errno, tt.msg)
			var got *cgoutil.Error
			require.ErrorAs(t, st.Err("open", "/p"), &got)
			tt.want.Op, tt.want.Path = "open", "/p"
			assert.Equal(t, &tt.want, got)
		})
	}
}

// Ensure that between block and unblock only faults arrive, and that the
// mask afterwards is the one before, with a signal that the caller had
// blocked still blocked.
func TestSignalBlocking(t *testing.T) {
	m := shimtest.MaskRoundTrip(int(unix.SIGUSR2))
	assert.True(t, m.Before[unix.SIGUSR2])
	assert.Equal(t, m.Before, m.After)

	for _, sig := range []unix.Signal{unix.SIGURG, unix.SIGPROF, unix.SIGALRM, unix.SIGINT, unix.SIGTERM, unix.SIGUSR2} {
		assert.True(t, m.Inside[sig], "%v must be blocked", sig)
	}
	for _, sig := range []unix.Signal{unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGABRT, unix.SIGTRAP} {
		assert.False(t, m.Inside[sig], "%v must stay deliverable", sig)
	}
}
