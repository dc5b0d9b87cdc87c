package libpmemobj

import (
	"encoding/json"
	"expvar"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Expvar is a variable for package expvar that shows the pool's [Stats], its
// path and its size as JSON, as they are when it is read. Once the pool is
// closed, it says so instead.
func (p *Pool) Expvar() expvar.Var { return newPoolVar(p) }

// poolVar is the variable. It lets go of a pool that it finds closed.
type poolVar struct{ pool atomic.Pointer[Pool] }

func newPoolVar(p *Pool) *poolVar {
	v := &poolVar{}
	v.pool.Store(p)
	return v
}

// String gives the JSON text.
func (v *poolVar) String() string {
	type figures struct {
		Path   string
		Size   int64
		Closed bool   `json:",omitempty"`
		Error  string `json:",omitempty"`
		Stats  *Stats `json:",omitempty"`
	}
	p := v.pool.Load()
	if p == nil {
		return `{"Closed":true}`
	}
	f := figures{Path: p.path, Size: p.Size()}
	s, err := p.Stats()
	switch {
	case err == nil:
		f.Stats = &s
	case p.guard.Closed():
		v.pool.CompareAndSwap(p, nil)
		return `{"Closed":true}`
	default:
		f.Error = err.Error()
	}
	text, err := json.Marshal(f)
	if err != nil {
		return "null"
	}
	return string(text)
}

var publishLock sync.Mutex

// PublishExpvar publishes the pool's [Pool.Expvar] under a name. A pool that was
// published under this name before is replaced, so that a program may publish
// after every Open. If something else has the name, the error matches
// fs.ErrExist.
func PublishExpvar(name string, p *Pool) (err error) {
	const op = "publish expvar"
	if p == nil {
		return stateErr(op, ErrNull, "no pool")
	}
	if p.guard.Closed() {
		return stateErr(op, ErrClosed, "%s", p.path)
	}
	publishLock.Lock()
	defer publishLock.Unlock()
	switch v := expvar.Get(name).(type) {
	case nil:
	case *poolVar:
		v.pool.Store(p)
		return nil
	default:
		return &Error{Op: op, Errno: unix.EEXIST, Msg: fmt.Sprintf("%q is the name of another variable", name)}
	}
	// Somebody may take the name at this moment, which expvar answers with a
	// panic.
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Op: op, Errno: unix.EEXIST, Msg: fmt.Sprint(r)}
		}
	}()
	expvar.Publish(name, newPoolVar(p))
	return nil
}
