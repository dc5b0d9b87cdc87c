package poolset

import "path/filepath"

// Set is a pool set. The first replica is the master: the one that is read.
type Set struct {
	SingleHeader bool // OPTION SINGLEHDR: only a replica's first part has a header
	NoHeaders    bool // OPTION NOHDRS: no part has one; for remote pool sets
	Replicas     []Replica

	// Comments are the lines that begin with #, without it. PMDK skips them.
	Comments []string
}

// Replica is one copy of the pool.
type Replica struct {
	// Node and Descriptor, both or neither, are the host and the pool set file
	// there of a remote replica, which has no Parts.
	Node, Descriptor string
	Parts            []Part
	Line             int // where it begins; 0 if it was not parsed
}

// Remote says whether the replica lives on another host.
func (r *Replica) Remote() bool { return r.Node != "" }

// Part is a file, or a folder for files.
type Part struct {
	// Size in bytes: of the file, or the most that the folder's files may add
	// up to.
	Size uint64
	Auto bool // the size is that of the device
	Path string
	Line int // 0 if it was not parsed
}

// clean is the path by which two parts are compared.
func (p *Part) clean() string { return filepath.Clean(p.Path) }
