package nbd

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

// handshake is what comes before the first command.
type handshake struct {
	server   *Server
	conn     net.Conn
	noZeroes bool
}

// run returns whether the client wants to use the export.
func (h *handshake) run() (ready bool, err error) {
	be := binary.BigEndian
	hello := be.AppendUint64(nil, magicServer)
	hello = be.AppendUint64(hello, magicOption)
	hello = be.AppendUint16(hello, flagFixedNewstyle|flagNoZeroes)
	if _, err := h.conn.Write(hello); err != nil {
		return false, err
	}
	var b [4]byte
	if _, err := io.ReadFull(h.conn, b[:]); err != nil {
		if err == io.EOF {
			return false, nil // somebody who only looked
		}
		return false, fmt.Errorf("client flags: %w", err)
	}
	flags := be.Uint32(b[:])
	if flags&^(flagFixedNewstyle|flagNoZeroes) != 0 || flags&flagFixedNewstyle == 0 {
		return false, fmt.Errorf("client flags %#x: only the fixed newstyle handshake is served", flags)
	}
	h.noZeroes = flags&flagNoZeroes != 0
	for range maxOptions {
		ended, ready, err := h.option()
		if ended || err != nil {
			return ready, err
		}
	}
	return false, fmt.Errorf("more than %d options", maxOptions)
}

// option reads an option and answers it.
func (h *handshake) option() (ended, ready bool, err error) {
	var head [16]byte
	if _, err := io.ReadFull(h.conn, head[:]); err != nil {
		if err == io.EOF {
			return true, false, nil
		}
		return false, false, fmt.Errorf("option: %w", err)
	}
	be := binary.BigEndian
	if magic := be.Uint64(head[:]); magic != magicOption {
		return false, false, fmt.Errorf("option with the magic number %#x", magic)
	}
	opt, size := option(be.Uint32(head[8:])), be.Uint32(head[12:])
	if size > maxOption {
		if opt != optExportName { // which has no reply that says so
			_ = h.reply(opt, repErrTooBig, nil)
		}
		return false, false, fmt.Errorf("option %d with %d bytes of data, at most %d are allowed", opt, size, maxOption)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(h.conn, data); err != nil {
		return false, false, fmt.Errorf("data of option %d: %w", opt, err)
	}
	switch opt {
	case optExportName:
		return h.exportName(string(data))
	case optAbort:
		return true, false, h.reply(opt, repAck, nil)
	case optList:
		return false, false, h.list(data)
	case optInfo, optGo:
		ready, err = h.info(opt, data)
		return ready, ready, err
	}
	return false, false, h.reply(opt, repErrUnsup, nil)
}

func (h *handshake) known(name string) bool { return name == "" || name == h.server.Name }

func (h *handshake) exportName(name string) (ended, ready bool, err error) {
	if !h.known(name) {
		return false, false, fmt.Errorf("no export is called %.100q", name)
	}
	be := binary.BigEndian
	b := be.AppendUint64(nil, uint64(h.server.Device.Size()))
	b = be.AppendUint16(b, h.server.flags())
	if !h.noZeroes {
		b = append(b, make([]byte, 124)...)
	}
	_, err = h.conn.Write(b)
	return true, err == nil, err
}

func (h *handshake) list(data []byte) error {
	if len(data) != 0 {
		return h.replyText(optList, repErrInvalid, "a request for the list has no data")
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(h.server.Name)))
	if err := h.reply(optList, repServer, append(b, h.server.Name...)); err != nil {
		return err
	}
	return h.reply(optList, repAck, nil)
}

// info answers optInfo and optGo; after the latter, the client may be ready.
func (h *handshake) info(opt option, data []byte) (ready bool, err error) {
	name, wanted, ok := parseInfo(data)
	if !ok {
		return false, h.replyText(opt, repErrInvalid, "the data does not have the length that it says")
	}
	if !h.known(name) {
		return false, h.replyText(opt, repErrUnknown, "no such export")
	}
	be := binary.BigEndian
	b := be.AppendUint16(nil, infoExport)
	b = be.AppendUint64(b, uint64(h.server.Device.Size()))
	b = be.AppendUint16(b, h.server.flags())
	if err := h.reply(opt, repInfo, b); err != nil {
		return false, err
	}
	b = be.AppendUint16(nil, infoBlockSize)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, h.server.PreferredBlock)
	b = be.AppendUint32(b, maxPayload)
	if err := h.reply(opt, repInfo, b); err != nil {
		return false, err
	}
	if wanted[infoName] {
		b = append(be.AppendUint16(nil, infoName), h.server.Name...)
		if err := h.reply(opt, repInfo, b); err != nil {
			return false, err
		}
	}
	err = h.reply(opt, repAck, nil)
	return opt == optGo && err == nil, err
}

// parseInfo reads the data of optInfo or optGo.
func parseInfo(b []byte) (name string, wanted map[uint16]bool, ok bool) {
	be := binary.BigEndian
	if len(b) < 6 {
		return "", nil, false
	}
	size := int64(be.Uint32(b))
	if size > maxName || size > int64(len(b))-6 {
		return "", nil, false
	}
	name, b = string(b[4:4+size]), b[4+size:]
	n := int(be.Uint16(b))
	if b = b[2:]; len(b) != 2*n {
		return "", nil, false
	}
	wanted = map[uint16]bool{}
	for ; len(b) > 0; b = b[2:] {
		wanted[be.Uint16(b)] = true
	}
	return name, wanted, true
}

func (h *handshake) replyText(opt option, kind optionReply, text string) error {
	return h.reply(opt, kind, []byte(text))
}

func (h *handshake) reply(opt option, kind optionReply, data []byte) error {
	be := binary.BigEndian
	b := be.AppendUint64(nil, magicOptionReply)
	b = be.AppendUint32(b, uint32(opt))
	b = be.AppendUint32(b, uint32(kind))
	b = be.AppendUint32(b, uint32(len(data)))
	_, err := h.conn.Write(append(b, data...))
	return err
}
