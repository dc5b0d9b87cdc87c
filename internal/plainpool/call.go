package plainpool

import (
	"io"
	"os"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// Pool is what users get, a pointer.
type Pool interface {
	comparable
	io.Closer
}

// Call is one create or open. A package has a function that calls C with
// Place, Settings and Status, and wraps the pool together with File and
// Durability; it returns nil if C fails. It runs between poolfile's Enter and
// Leave.
type Call struct {
	Place    []byte // a path; that of a file to be created is not its final one
	Settings Settings
	Status   cgoutil.Status
	File     *os.File // for the pool to close, or nil

	durability cgoutil.Durability
}

// Durability is that of the pool, after C was called: none if the process's
// settings have made the pool private.
func (c *Call) Durability() cgoutil.Durability {
	if c.Settings.private() {
		return cgoutil.DurabilityNone
	}
	return c.durability
}

func do[P Pool](op, path string, c *Call, enter func(*Call) P) (none P, err error) {
	poolfile.Enter()
	defer poolfile.Leave()
	if p := enter(c); p != none {
		return p, nil
	}
	return none, c.Status.Err(op, path)
}
