package nbd

// Numbers of the protocol, all of them big-endian.
const (
	magicServer      = 0x4e42444d41474943 // "NBDMAGIC"
	magicOption      = 0x49484156454f5054 // "IHAVEOPT"
	magicOptionReply = 0x3e889045565a9
	magicRequest     = 0x25609513
	magicReply       = 0x67446698
)

// Flags of the handshake, the same for server and client.
const (
	flagFixedNewstyle = 1 << 0
	flagNoZeroes      = 1 << 1
)

// Flags of the export.
const (
	flagHasFlags        = 1 << 0
	flagReadOnly        = 1 << 1
	flagSendFlush       = 1 << 2
	flagSendFUA         = 1 << 3
	flagSendTrim        = 1 << 5
	flagSendWriteZeroes = 1 << 6
	flagCanMultiConn    = 1 << 8
)

type option uint32

const (
	optExportName option = 1
	optAbort      option = 2
	optList       option = 3
	optInfo       option = 6
	optGo         option = 7
)

type optionReply uint32

const (
	repAck        optionReply = 1
	repServer     optionReply = 2
	repInfo       optionReply = 3
	repErrUnsup   optionReply = 1<<31 | 1
	repErrInvalid optionReply = 1<<31 | 3
	repErrUnknown optionReply = 1<<31 | 6
	repErrTooBig  optionReply = 1<<31 | 9
)

const (
	infoExport    = 0
	infoName      = 1
	infoBlockSize = 3
)

type command uint16

const (
	cmdRead        command = 0
	cmdWrite       command = 1
	cmdDisconnect  command = 2
	cmdFlush       command = 3
	cmdTrim        command = 4
	cmdWriteZeroes command = 6
)

// Flags of a command.
const (
	cmdFlagFUA    = 1 << 0
	cmdFlagNoHole = 1 << 1
)

// Errors of a reply, which look like those of Linux.
type replyError uint32

const (
	replyOK       replyError = 0
	replyEPERM    replyError = 1
	replyEIO      replyError = 5
	replyEINVAL   replyError = 22
	replyENOSPC   replyError = 28
	replyOverflow replyError = 75
	replyShutdown replyError = 108
)

// Limits on what a client may ask for.
const (
	maxName    = 4096     // of the protocol
	maxOption  = 16 << 10 // an option's data
	maxOptions = 1000     // of one handshake
	maxPayload = 32 << 20 // one read or write, as clients expect who do not ask
	maxPending = 64 << 20 // of one connection, payloads together
	maxAtOnce  = 64       // commands of one connection
)
