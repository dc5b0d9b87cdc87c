package nbd

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// transmission is what comes after the handshake: commands, which run side by
// side, and their replies, in any order.
type transmission struct {
	server *Server
	conn   net.Conn
	budget budget

	sending sync.Mutex
	failed  error // of sending
}

// request is one command.
type request struct {
	flags  uint16
	cmd    command
	cookie uint64
	off    uint64
	length uint32
	data   []byte // to be written, or room for what is read
}

const requestSize = 28

// run returns when the client has left, or broken the rules, and all commands
// have ended.
func (t *transmission) run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	t.budget.init()
	in := bufio.NewReaderSize(t.conn, 64<<10)
	for {
		r, err := readRequest(in)
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if r.cmd == cmdDisconnect {
			return nil
		}
		fault := t.check(r)
		room := r.room(fault)
		t.budget.take(room)
		if room > 0 {
			r.data = make([]byte, room)
		}
		if r.cmd == cmdWrite {
			if _, err := io.ReadFull(in, r.data); err != nil {
				t.budget.give(room)
				return fmt.Errorf("data of a write: %w", err)
			}
		}
		if ctx.Err() != nil {
			fault = replyShutdown
		}
		running.Go(func() {
			defer t.budget.give(room)
			if fault == replyOK {
				fault = t.do(r)
			}
			t.reply(r, fault)
		})
	}
}

// readRequest reads a command, but not the data of a write. A client may leave
// before one, which is io.EOF.
func readRequest(in io.Reader) (*request, error) {
	var b [requestSize]byte
	if _, err := io.ReadFull(in, b[:]); err != nil {
		if err == io.EOF {
			return nil, err
		}
		return nil, fmt.Errorf("command: %w", err)
	}
	be := binary.BigEndian
	if magic := be.Uint32(b[:]); magic != magicRequest {
		return nil, fmt.Errorf("command with the magic number %#x", magic)
	}
	r := &request{
		flags:  be.Uint16(b[4:]),
		cmd:    command(be.Uint16(b[6:])),
		cookie: be.Uint64(b[8:]),
		off:    be.Uint64(b[16:]),
		length: be.Uint32(b[24:]),
	}
	if r.cmd == cmdWrite && r.length > maxPayload {
		return nil, fmt.Errorf("a write of %d bytes, at most %d are allowed", r.length, maxPayload)
	}
	return r, nil
}

// room is how much memory a command needs that passed check with that result.
func (r *request) room(fault replyError) int {
	if r.cmd == cmdWrite || r.cmd == cmdRead && fault == replyOK {
		return int(r.length)
	}
	return 0
}

// check says what is wrong with a command.
func (t *transmission) check(r *request) replyError {
	allowed := uint16(cmdFlagFUA) // which the protocol wants to be ignored where it means nothing
	if r.cmd == cmdWriteZeroes {
		allowed |= cmdFlagNoHole
	}
	if r.flags&^allowed != 0 {
		return replyEINVAL
	}
	outside := replyEINVAL
	switch r.cmd {
	case cmdFlush:
		if r.off != 0 || r.length != 0 {
			return replyEINVAL
		}
		return replyOK
	case cmdRead:
		if r.length > maxPayload {
			return replyOverflow
		}
	case cmdWrite, cmdWriteZeroes:
		outside = replyENOSPC
		fallthrough
	case cmdTrim:
		if t.server.ReadOnly {
			return replyEPERM
		}
	default:
		return replyEINVAL
	}
	if size := uint64(t.server.Device.Size()); r.off > size || uint64(r.length) > size-r.off {
		return outside
	}
	return replyOK
}

// do does what a command says.
func (t *transmission) do(r *request) replyError {
	device, off, n := t.server.Device, int64(r.off), int64(r.length)
	var err error
	switch r.cmd {
	case cmdRead:
		_, err = device.ReadAt(r.data, off)
	case cmdWrite:
		_, err = device.WriteAt(r.data, off)
	case cmdTrim:
		err = device.Trim(off, n)
	case cmdWriteZeroes:
		err = device.Zero(off, n)
	case cmdFlush:
		err = device.Flush()
	}
	if err == nil && r.flags&cmdFlagFUA != 0 && r.cmd != cmdRead {
		err = device.Flush()
	}
	if err == nil {
		return replyOK
	}
	t.server.log(fmt.Errorf("%d bytes at %d: %w", n, off, err))
	for errno, reply := range map[unix.Errno]replyError{unix.ENOSPC: replyENOSPC, unix.EPERM: replyEPERM, unix.EINVAL: replyEINVAL} {
		if errors.Is(err, errno) {
			return reply
		}
	}
	return replyEIO
}

// reply answers a command. A client that takes no answers is left.
func (t *transmission) reply(r *request, fault replyError) {
	be := binary.BigEndian
	b := be.AppendUint32(make([]byte, 0, 16), magicReply)
	b = be.AppendUint32(b, uint32(fault))
	b = be.AppendUint64(b, r.cookie)
	out := net.Buffers{b}
	if r.cmd == cmdRead && fault == replyOK {
		out = append(out, r.data)
	}
	t.sending.Lock()
	defer t.sending.Unlock()
	if t.failed != nil {
		return
	}
	if _, t.failed = out.WriteTo(t.conn); t.failed != nil {
		_ = t.conn.Close() // which ends run
	}
}
