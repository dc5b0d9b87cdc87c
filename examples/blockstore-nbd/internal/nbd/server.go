package nbd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Server serves one device.
type Server struct {
	Device Device

	// Name is what clients may call the export, who may also give no name.
	Name string

	// PreferredBlock is the size in bytes of the writes that suit the device
	// best: a power of two, 512 or more. Others work.
	PreferredBlock uint32

	// ReadOnly refuses what would change the device.
	ReadOnly bool

	// HandshakeTimeout is how long a client may take until it uses the export.
	HandshakeTimeout time.Duration

	// MaxConnections is how many clients there may be at once.
	MaxConnections int

	// Log hears of connections that ended by a mistake of the client's, and of
	// commands that the device failed.
	Log func(error)
}

// Serve accepts connections until ctx is over. It then takes no more commands,
// ends those that are under way, and returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	var conns sync.WaitGroup
	defer conns.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	places := make(chan struct{}, max(1, s.MaxConnections))
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if transient(err) {
				s.log(err)
				time.Sleep(10 * time.Millisecond)
				continue
			}
			return err
		}
		select {
		case places <- struct{}{}:
		default:
			s.log(fmt.Errorf("a client was turned away: there are %d", cap(places)))
			_ = conn.Close()
			continue
		}
		conns.Go(func() {
			defer func() { <-places }()
			if err := s.ServeConn(ctx, conn); err != nil {
				s.log(err)
			}
		})
	}
}

// transient is a failure to accept that may pass, such as a lack of file
// descriptors.
func transient(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// ServeConn serves one client and closes the connection. The error says what
// the client did wrong; it is nil if it left as one does, or ctx is over.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	// Waiting for the client ends with ctx; writing to it may take a while.
	stop := context.AfterFunc(ctx, func() {
		_ = conn.SetReadDeadline(time.Unix(1, 0))
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	})
	defer stop()
	if s.HandshakeTimeout > 0 {
		_ = conn.SetDeadline(time.Now().Add(s.HandshakeTimeout))
	}
	h := &handshake{server: s, conn: conn}
	ready, err := h.run()
	if err == nil && ready {
		_ = conn.SetDeadline(time.Time{})
		if ctx.Err() != nil { // whose deadlines that has undone
			return nil
		}
		err = (&transmission{server: s, conn: conn}).run(ctx)
	}
	if ctx.Err() != nil || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return nil // we left, or the client did without waiting for an answer
	}
	return err
}

func (s *Server) log(err error) {
	if s.Log != nil {
		s.Log(err)
	}
}

// flags are the export's.
func (s *Server) flags() uint16 {
	// Several connections see one another's writes as soon as they are done.
	flags := uint16(flagHasFlags | flagSendFlush | flagSendFUA | flagSendTrim | flagSendWriteZeroes | flagCanMultiConn)
	if s.ReadOnly {
		flags |= flagReadOnly
	}
	return flags
}
