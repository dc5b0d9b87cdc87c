package nbd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestHandshake(t *testing.T) {
	s := newServer(&memory{})
	c := connect(t, s)
	c.hello(1) // with the zeros that nobody wants
	for _, opt := range []option{5, 8, 9, 10, 1000} {
		c.option(opt, []byte("whatever"))
		kind, _ := c.answer(opt)
		require.Equal(t, repErrUnsup, kind)
	}
	c.option(optList, nil)
	kind, data := c.answer(optList)
	require.Equal(t, repServer, kind)
	require.Equal(t, "\x00\x00\x00\x04disk", string(data))
	kind, _ = c.answer(optList)
	require.Equal(t, repAck, kind)
	c.option(optList, []byte{1})
	kind, _ = c.answer(optList)
	require.Equal(t, repErrInvalid, kind)

	for _, opt := range []option{optInfo, optInfo, optGo} {
		c.option(opt, encode(uint32(4), "none", uint16(0)))
		kind, _ = c.answer(opt)
		require.Equal(t, repErrUnknown, kind)
		for _, bad := range []string{"", "\x00\x00\x00\x05disk\x00\x00", "\xff\xff\xff\xff\x00\x00", "\x00\x00\x00\x04disk\x00\x01", "\x00\x00\x00\x04disk\x00\x00\x00"} {
			c.option(opt, []byte(bad))
			kind, _ = c.answer(opt)
			require.Equal(t, repErrInvalid, kind, "%q", bad)
		}
		c.option(opt, encode(uint32(4), "disk", uint16(2), uint16(infoName), uint16(77)))
		kind, data = c.answer(opt)
		require.Equal(t, repInfo, kind)
		require.Equal(t, encode(uint16(infoExport), uint64(deviceSize), uint16(0x16d)), data)
		kind, data = c.answer(opt)
		require.Equal(t, repInfo, kind)
		require.Equal(t, encode(uint16(infoBlockSize), uint32(1), uint32(4096), uint32(maxPayload)), data)
		kind, data = c.answer(opt)
		require.Equal(t, repInfo, kind)
		require.Equal(t, encode(uint16(infoName), "disk"), data)
		kind, _ = c.answer(opt)
		require.Equal(t, repAck, kind)
	}
	c.command(0, cmdFlush, 0, 0)
	require.Equal(t, replyOK, c.result())
	c.command(0, cmdDisconnect, 0, 0)
	require.NoError(t, c.gone())
}

func TestExportNameWithZeroes(t *testing.T) {
	c := connect(t, newServer(&memory{}))
	c.hello(1)
	c.option(optExportName, nil)
	require.EqualValues(t, deviceSize, c.receive64())
	require.Equal(t, make([]byte, 124), c.receive(126)[2:])
	c.command(0, cmdDisconnect, 0, 0)
	require.NoError(t, c.gone())
}

// Ensure that a handshake that breaks the rules ends with the reason.
func TestHandshakeMisuse(t *testing.T) {
	cases := []struct {
		name string
		do   func(c *client)
		err  string // none: the client may leave so
	}{
		{"leaves at once", func(c *client) { c.receive(18); c.Close() }, ""},
		{"half of the flags", func(c *client) { c.receive(18); c.send("\x00"); c.Close() }, "client flags"},
		{"unknown flags", func(c *client) { c.hello(7) }, "client flags 0x7"},
		{"old handshake", func(c *client) { c.hello(0) }, "only the fixed newstyle"},
		{"leaves after the flags", func(c *client) { c.hello(3); c.Close() }, ""},
		{"wrong magic", func(c *client) { c.hello(3); c.send("IHAVEOPX", uint32(1), uint32(0)) }, "magic number 0x4948415645"},
		{"half an option", func(c *client) { c.hello(3); c.send("IHAVE"); c.Close() }, "option: unexpected EOF"},
		{"cut data", func(c *client) { c.hello(3); c.send("IHAVEOPT", optGo, uint32(10), "12345"); c.Close() }, "data of option 7"},
		{"huge option", func(c *client) {
			c.hello(3)
			c.send("IHAVEOPT", option(99), uint32(1<<31))
			kind, _ := c.answer(99)
			require.Equal(c.t, repErrTooBig, kind)
		}, "option 99 with 2147483648 bytes"},
		{"huge name", func(c *client) { c.hello(3); c.send("IHAVEOPT", optExportName, uint32(1<<31)) }, "option 1 with 2147483648 bytes"},
		{"unknown name", func(c *client) { c.hello(3); c.option(optExportName, []byte("none")) }, `no export is called "none"`},
		{"abort", func(c *client) {
			c.hello(3)
			c.option(optAbort, nil)
			kind, _ := c.answer(optAbort)
			require.Equal(c.t, repAck, kind)
		}, ""},
		{"endless options", func(c *client) {
			c.hello(3)
			for range maxOptions {
				c.option(5, nil)
				c.answer(5)
			}
		}, "more than 1000 options"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := connect(t, newServer(&memory{}))
			tc.do(c)
			err := <-c.ended
			if tc.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.err)
		})
	}
}

func TestHandshakeTimeout(t *testing.T) {
	s := newServer(&memory{})
	s.HandshakeTimeout = time.Millisecond
	c := connect(t, s)
	c.receive(18)
	require.ErrorContains(t, c.gone(), "timeout")
}

func TestCommands(t *testing.T) {
	m := &memory{}
	c := ready(t, newServer(m))
	write := func(flags uint16, off uint64, data string) replyError {
		c.command(flags, cmdWrite, off, uint32(len(data)))
		c.send(data)
		return c.result()
	}
	require.Equal(t, replyOK, write(0, 5, "hello"))
	require.Equal(t, replyOK, write(0, deviceSize-3, "end"))
	require.Equal(t, replyOK, write(0, deviceSize, ""))
	require.Zero(t, m.flushes)
	require.Equal(t, replyOK, write(cmdFlagFUA, 10, " world"))
	require.Equal(t, 1, m.flushes)
	c.command(0, cmdFlush, 0, 0)
	require.Equal(t, replyOK, c.result())
	require.Equal(t, 2, m.flushes)
	read := func(off uint64, n uint32) string {
		c.command(cmdFlagFUA, cmdRead, off, n)
		require.Equal(t, replyOK, c.result())
		return string(c.receive(int(n)))
	}
	require.Equal(t, "\x00hello world\x00", read(4, 13))
	require.Equal(t, "\x00end", read(deviceSize-4, 4))
	require.Equal(t, "", read(7, 0))
	c.command(0, cmdTrim, 6, 1)
	require.Equal(t, replyOK, c.result())
	c.command(cmdFlagFUA|cmdFlagNoHole, cmdWriteZeroes, 7, 2)
	require.Equal(t, replyOK, c.result())
	require.Equal(t, "h\x00\x00\x00o", read(5, 5))

	// What is outside, or no command, is an error, and the connection goes on.
	cases := []struct {
		name  string
		flags uint16
		cmd   command
		off   uint64
		n     uint32
		want  replyError
	}{
		{"read over the end", 0, cmdRead, deviceSize - 1, 2, replyEINVAL},
		{"read far outside", 0, cmdRead, 1<<64 - 1, 2, replyEINVAL},
		{"read too much", 0, cmdRead, 0, maxPayload + 1, replyOverflow},
		{"read everything there is", 0, cmdRead, 0, 1<<32 - 1, replyOverflow},
		{"zeros over the end", 0, cmdWriteZeroes, 1, deviceSize, replyENOSPC},
		{"zeros far outside", 0, cmdWriteZeroes, 1 << 63, 1 << 31, replyENOSPC},
		{"trim over the end", 0, cmdTrim, deviceSize, 1, replyEINVAL},
		{"flush with a range", 0, cmdFlush, 1, 0, replyEINVAL},
		{"unknown flag", 1 << 7, cmdRead, 0, 1, replyEINVAL},
		{"flag of another command", cmdFlagNoHole, cmdTrim, 0, 1, replyEINVAL},
		{"cache", 0, 5, 0, 1, replyEINVAL},
		{"block status", 0, 7, 0, 1, replyEINVAL},
		{"unknown command", 0, 9999, 1 << 60, 1 << 31, replyEINVAL},
	}
	for _, tc := range cases {
		c.command(tc.flags, tc.cmd, tc.off, tc.n)
		require.Equal(t, tc.want, c.result(), tc.name)
	}
	require.Equal(t, replyENOSPC, write(0, deviceSize-1, "ab"))
	require.Equal(t, replyENOSPC, write(0, 1<<64-1, "ab"))
	require.Equal(t, replyEINVAL, write(1<<9, 5, "ab"))
	require.Equal(t, "h\x00\x00\x00o", read(5, 5))
	c.Close()
	require.NoError(t, <-c.ended, "a client may leave between commands")
}

func TestDeviceErrors(t *testing.T) {
	m := &memory{}
	s := newServer(m)
	var logged []string
	s.Log = func(err error) { logged = append(logged, err.Error()) }
	c := ready(t, s)
	for err, want := range map[error]replyError{errors.New("broken"): replyEIO, unix.EIO: replyEIO, unix.ENOSPC: replyENOSPC, unix.EPERM: replyEPERM, unix.EINVAL: replyEINVAL} {
		m.lock.Lock()
		m.fail = err
		m.lock.Unlock()
		for _, cmd := range []command{cmdRead, cmdTrim, cmdWriteZeroes} {
			c.command(0, cmd, 100, 5)
			require.Equal(t, want, c.result())
		}
		c.command(0, cmdFlush, 0, 0)
		require.Equal(t, want, c.result())
	}
	c.command(0, cmdDisconnect, 0, 0)
	require.NoError(t, c.gone())
	require.Len(t, logged, 20)
	require.Contains(t, strings.Join(logged, "\n"), "5 bytes at 100: broken")
}

func TestReadOnly(t *testing.T) {
	m := &memory{}
	s := newServer(m)
	s.ReadOnly = true
	c := ready(t, s)
	for _, cmd := range []command{cmdTrim, cmdWriteZeroes} {
		c.command(0, cmd, 0, 5)
		require.Equal(t, replyEPERM, c.result())
	}
	c.command(0, cmdWrite, 0, 2)
	c.send("ab")
	require.Equal(t, replyEPERM, c.result())
	c.command(0, cmdRead, 0, 2)
	require.Equal(t, replyOK, c.result())
	require.Equal(t, make([]byte, 2), c.receive(2))
}

// Ensure that commands that break the rules end the connection with the reason.
func TestCommandMisuse(t *testing.T) {
	cases := []struct {
		name string
		do   func(c *client)
		err  string
	}{
		{"wrong magic", func(c *client) { c.send(uint32(magicReply), make([]byte, 24)) }, "command with the magic number 0x67446698"},
		{"half a command", func(c *client) { c.send(uint32(magicRequest), uint32(0)); c.Close() }, "command: unexpected EOF"},
		{"half of the data", func(c *client) { c.command(0, cmdWrite, 0, 10); c.send("12345"); c.Close() }, "data of a write"},
		{"a huge write", func(c *client) { c.command(0, cmdWrite, 0, maxPayload+1) }, "a write of 33554433 bytes"},
		{"the largest write", func(c *client) { c.command(0, cmdWrite, 0, 1<<32-1) }, "a write of 4294967295 bytes"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := ready(t, newServer(&memory{}))
			tc.do(c)
			require.ErrorContains(t, <-c.ended, tc.err)
		})
	}
}

// Ensure that many commands may be sent before their replies are read, and that
// there is a limit to what they take.
func TestManyAtOnce(t *testing.T) {
	m := &memory{}
	c := ready(t, newServer(m))
	const n = 500
	sent := make(chan error, 1)
	go func() {
		for i := range uint64(n) {
			if _, err := c.Write(encode(uint32(magicRequest), uint16(0), cmdWrite, i, i, uint32(1), byte(i))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	seen := map[uint64]bool{}
	for range n {
		require.EqualValues(t, magicReply, c.receive32())
		require.Zero(t, c.receive32())
		seen[c.receive64()] = true
	}
	require.NoError(t, <-sent)
	require.Len(t, seen, n)
	for i := range n {
		require.Equal(t, byte(i), m.bytes[i])
	}
}

func TestBudget(t *testing.T) {
	var b budget
	b.init()
	b.take(2 * maxPending) // alone
	var taken atomic.Bool
	done := make(chan struct{})
	go func() { defer close(done); b.take(10); taken.Store(true) }()
	for range 100 {
		runtime.Gosched()
	}
	require.False(t, taken.Load())
	b.give(2 * maxPending)
	<-done
	for range maxAtOnce - 1 {
		b.take(0)
	}
	done = make(chan struct{})
	go func() { defer close(done); b.take(0) }() // one too many
	for range 100 {
		runtime.Gosched()
	}
	b.give(10)
	<-done
	for range maxAtOnce {
		b.give(0)
	}
	require.Zero(t, b.bytes)
	require.Zero(t, b.count)
}

// Ensure that the end of a server lets commands finish that are under way, and
// waits for them.
func TestShutdown(t *testing.T) {
	m := &memory{block: make(chan struct{})}
	s := newServer(m)
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	served := make(chan error, 1)
	s.MaxConnections = 2
	refused := make(chan error, 1)
	s.Log = func(err error) { refused <- err }
	go func() { served <- s.Serve(ctx, listener) }()

	dial := func() *client {
		conn, err := net.Dial("unix", listener.Addr().String())
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		t.Cleanup(func() { _ = conn.Close() })
		return &client{Conn: conn, t: t}
	}
	c, idle := dial(), dial()
	c.hello(3)
	c.exportName()
	idle.hello(3)
	third := dial()
	_, err = third.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.ErrorContains(t, <-refused, "a client was turned away: there are 2")

	c.command(0, cmdWrite, 10, 4)
	c.send("done")
	c.command(0, cmdFlush, 0, 0) // whose reply says that the write was read
	require.Equal(t, replyOK, c.result())
	cancel()
	select {
	case err := <-served:
		t.Fatal("the server ended in the middle of a write", err)
	case <-time.After(10 * time.Millisecond):
	}
	close(m.block)
	c.cookie--
	require.Equal(t, replyOK, c.result())
	require.NoError(t, <-served)
	require.Equal(t, "done", string(m.bytes[10:14]))
	_, err = idle.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// FuzzServeConn sends anything to a server: it may not panic, and has to come
// to an end.
func FuzzServeConn(f *testing.F) {
	flags := encode(uint32(3))
	goData := encode(uint32(4), "disk", uint16(1), uint16(3))
	begin := append(flags, encode("IHAVEOPT", optGo, uint32(len(goData)), goData)...)
	request := func(flags uint16, cmd command, off uint64, n uint32, data string) []byte {
		return encode(uint32(magicRequest), flags, cmd, uint64(1), off, n, data)
	}
	f.Add([]byte{})
	f.Add(flags)
	f.Add(begin)
	f.Add(encode(uint32(1), "IHAVEOPT", optExportName, uint32(0)))
	f.Add(encode(uint32(3), "IHAVEOPT", optList, uint32(0), "IHAVEOPT", optAbort, uint32(0)))
	f.Add(bytes.Join([][]byte{begin, request(1, cmdWrite, 3, 5, "hello"), request(0, cmdRead, 0, 10, ""),
		request(2, cmdWriteZeroes, 0, 100, ""), request(0, cmdTrim, 0, 100, ""), request(0, cmdFlush, 0, 0, ""), request(0, cmdDisconnect, 0, 0, "")}, nil))
	f.Add(append(begin, request(0, cmdWrite, 1<<63, maxPayload, "x")...))
	f.Fuzz(func(t *testing.T, input []byte) {
		c := connect(t, newServer(&memory{}))
		go func() { _, _ = io.Copy(io.Discard, c) }()
		_, _ = c.Write(input) // which fails where the server has had enough
		require.NoError(t, c.Close())
		<-c.ended
	})
}
