package nbd

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const deviceSize = 100_000

// memory is a device. It counts, and fails where it is told to.
type memory struct {
	lock    sync.Mutex
	bytes   [deviceSize]byte
	flushes int
	fail    error
	block   chan struct{} // what writes wait for, if there is one
}

func (m *memory) Size() int64 { return deviceSize }

func (m *memory) ReadAt(b []byte, off int64) (int, error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	return copy(b, m.bytes[off:]), m.fail
}

func (m *memory) WriteAt(b []byte, off int64) (int, error) {
	if m.block != nil {
		<-m.block
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	return copy(m.bytes[off:], b), m.fail
}

func (m *memory) Zero(off, n int64) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	clear(m.bytes[off : off+n])
	return m.fail
}

func (m *memory) Trim(off, n int64) error { return m.Zero(off, n) }

func (m *memory) Flush() error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.flushes++
	return m.fail
}

// client speaks to a server, correctly or not.
type client struct {
	net.Conn
	t      *testing.T
	ended  chan error // what ServeConn returned
	cookie uint64
}

func newServer(m *memory) *Server {
	return &Server{Device: m, Name: "disk", PreferredBlock: 4096}
}

// connect begins a connection to a server and leaves the client before the
// handshake.
func connect(t *testing.T, s *Server) *client {
	t.Helper()
	return connectWith(t, context.Background(), s)
}

func connectWith(t *testing.T, ctx context.Context, s *Server) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	c := &client{Conn: ours, t: t, ended: make(chan error, 1)}
	require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.ended <- s.ServeConn(ctx, theirs)
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		<-done
	})
	return c
}

func (c *client) send(parts ...any) {
	c.t.Helper()
	_, err := c.Write(encode(parts...))
	require.NoError(c.t, err)
}

// encode puts numbers and strings together.
func encode(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			b.WriteString(s)
			continue
		}
		if err := binary.Write(&b, binary.BigEndian, p); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func (c *client) receive(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(c, b)
	require.NoError(c.t, err)
	return b
}

func (c *client) receive32() uint32 { return binary.BigEndian.Uint32(c.receive(4)) }
func (c *client) receive64() uint64 { return binary.BigEndian.Uint64(c.receive(8)) }

// hello is the beginning of every handshake.
func (c *client) hello(flags uint32) {
	c.t.Helper()
	require.Equal(c.t, encode("NBDMAGIC", "IHAVEOPT", uint16(3)), c.receive(18))
	c.send(flags)
}

// option sends an option.
func (c *client) option(opt option, data []byte) {
	c.t.Helper()
	c.send("IHAVEOPT", opt, uint32(len(data)), data)
}

// answer receives one reply to an option.
func (c *client) answer(opt option) (optionReply, []byte) {
	c.t.Helper()
	require.EqualValues(c.t, magicOptionReply, c.receive64())
	require.EqualValues(c.t, opt, c.receive32())
	kind := optionReply(c.receive32())
	return kind, c.receive(int(c.receive32()))
}

// ready does the whole handshake.
func ready(t *testing.T, s *Server) *client {
	t.Helper()
	c := connect(t, s)
	c.hello(3)
	c.exportName()
	return c
}

func (c *client) exportName() {
	c.t.Helper()
	c.option(optExportName, []byte("disk"))
	require.EqualValues(c.t, deviceSize, c.receive64())
	require.NotZero(c.t, c.receive(2)[1]&flagHasFlags)
}

// command sends a command without data.
func (c *client) command(flags uint16, cmd command, off uint64, length uint32) {
	c.t.Helper()
	c.cookie++
	c.send(uint32(magicRequest), flags, cmd, c.cookie, off, length)
}

// result receives the reply to the last command.
func (c *client) result() replyError {
	c.t.Helper()
	require.EqualValues(c.t, magicReply, c.receive32())
	fault := replyError(c.receive32())
	require.Equal(c.t, c.cookie, c.receive64())
	return fault
}

// gone ensures that the server has closed the connection, and returns why.
func (c *client) gone() error {
	c.t.Helper()
	err := <-c.ended
	n, readErr := c.Read(make([]byte, 1))
	require.Zero(c.t, n)
	require.ErrorIs(c.t, readErr, io.EOF)
	return err
}
