// Package nbd is a server for the Network Block Device protocol, as far as the
// usual clients need it: the fixed newstyle handshake, one export, simple
// replies, any number of connections. See
// github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md.
//
// What a client sends is checked before anything is done about it. What cannot
// be understood ends the connection, with an error for the log; what can be
// understood but not done is an error in the reply.
package nbd
