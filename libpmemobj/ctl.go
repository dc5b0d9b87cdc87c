package libpmemobj

// #cgo noescape pmemgo_obj_ctl_get
// #cgo nocallback pmemgo_obj_ctl_get
// #cgo noescape pmemgo_obj_ctl_set
// #cgo nocallback pmemgo_obj_ctl_set
// #cgo noescape pmemgo_obj_ctl_exec
// #cgo nocallback pmemgo_obj_ctl_exec
// #include "ctl_shim.h"
import "C"

import (
	"errors"
	"math"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/poolfile"
)

// PMDK takes a name and a void pointer, believes both, and faults at some names
// that go on after a node's. So no name reaches C that is not made from this
// table, which also knows what the pointer has to point at.

// ctlType is what a node's argument is in C.
type ctlType int

const (
	ctlInt     ctlType = iota // int
	ctlUint                   // unsigned
	ctlLong                   // long long
	ctlUlong                  // uint64_t
	ctlClass                  // struct pobj_alloc_class_desc
	ctlNothing                // deprecated: PMDK looks at no argument
)

// ctlSpec describes a node.
type ctlSpec struct {
	typ            ctlType
	global         bool // of the process, not of a pool
	get, set, exec bool
	min, max       int64    // what may be set
	words          []string // the texts that stand for 0, 1, …; nil for numbers
}

var (
	yesNo       = []string{"n", "y"}
	statsWords  = []string{"transient", "both", "persistent", "disabled"}
	assignWords = []string{"thread", "global"}
)

// ctlSpecs are all nodes; * is a number.
var ctlSpecs = map[string]*ctlSpec{
	"prefault.at_create":             {typ: ctlInt, global: true, get: true, set: true, max: 1, words: yesNo},
	"prefault.at_open":               {typ: ctlInt, global: true, get: true, set: true, max: 1, words: yesNo},
	"sds.at_create":                  {typ: ctlInt, global: true, get: true, set: true, max: 1, words: yesNo},
	"copy_on_write.at_open":          {typ: ctlInt, global: true, get: true, set: true, max: 1, words: yesNo},
	"tx.debug.skip_expensive_checks": {typ: ctlInt, get: true, set: true, max: 1, words: yesNo},
	"tx.debug.verify_user_buffers":   {typ: ctlInt, get: true, set: true, max: 1, words: yesNo},
	"tx.cache.size":                  {typ: ctlLong, get: true, set: true, max: MaxAlloc - 1},
	"tx.cache.threshold":             {typ: ctlLong, get: true, set: true, max: MaxAlloc - 1},
	"tx.post_commit.queue_depth":     {typ: ctlInt, get: true, set: true, max: math.MaxInt32},
	"tx.post_commit.worker":          {typ: ctlNothing, get: true},
	"tx.post_commit.stop":            {typ: ctlNothing, get: true},
	"heap.narenas.automatic":         {typ: ctlUint, get: true},
	"heap.narenas.total":             {typ: ctlUint, get: true},
	"heap.narenas.max":               {typ: ctlUint, get: true, set: true, min: 1, max: MaxArenas},
	"heap.arena.*.size":              {typ: ctlUlong, get: true},
	"heap.arena.*.automatic":         {typ: ctlInt, get: true, set: true, max: 1, words: yesNo},
	"heap.arena.create":              {typ: ctlUint, exec: true},
	"heap.thread.arena_id":           {typ: ctlUint, get: true, set: true, min: 1, max: MaxArenas},
	"heap.arenas_assignment_type":    {typ: ctlInt, global: true, get: true, set: true, max: 1, words: assignWords},
	"heap.arenas_default_max":        {typ: ctlUint, global: true, get: true, set: true, min: 1, max: maxDefaultArenas},
	"heap.alloc_class.*.desc":        {typ: ctlClass, get: true, set: true},
	"heap.alloc_class.new.desc":      {typ: ctlClass, set: true},
	"heap.size.granularity":          {typ: ctlUlong, get: true, set: true, max: MaxStep},
	"heap.size.extend":               {typ: ctlUlong, exec: true, min: MinPart, max: math.MaxInt64},
	"stats.enabled":                  {typ: ctlInt, get: true, set: true, max: 3, words: statsWords},
	"stats.heap.curr_allocated":      {typ: ctlUlong, get: true},
	"stats.heap.run_allocated":       {typ: ctlUlong, get: true},
	"stats.heap.run_active":          {typ: ctlUlong, get: true},
	"debug.heap.alloc_pattern":       {typ: ctlInt, get: true, set: true, min: -1, max: 255},
}

// maxDefaultArenas bounds the arenas that every pool gets: PMDK makes them all
// at every open, and with 2^32 - 1 never comes to an end.
const maxDefaultArenas = 1024

// ctlRun is one of the three functions of C.
type ctlRun int

const (
	ctlGet ctlRun = iota
	ctlSet
	ctlExec
)

// ctl runs a function on a node whose argument is at arg. handle is 0 for the
// process; then the caller is inside poolfile.Enter.
func ctl(run ctlRun, handle C.pmemgo_pool, op, name string, arg unsafe.Pointer) error {
	c, err := cgoutil.CString(op, "node", name, maxNodeName)
	if err != nil {
		return err
	}
	cName, cArg := (*C.char)(unsafe.Pointer(unsafe.SliceData(c))), (*C.char)(arg)
	var st cgoutil.Status
	var ret C.int
	switch run {
	case ctlGet:
		ret = C.pmemgo_obj_ctl_get(handle, cName, cArg, cStatus(&st))
	case ctlSet:
		ret = C.pmemgo_obj_ctl_set(handle, cName, cArg, cStatus(&st))
	case ctlExec:
		ret = C.pmemgo_obj_ctl_exec(handle, cName, cArg, cStatus(&st))
	}
	if ret != 0 {
		return st.Err(op, "")
	}
	return nil
}

// ctlNumber is ctl for a node whose argument is a number.
func ctlNumber(run ctlRun, handle C.pmemgo_pool, op, name string, typ ctlType, v int64) (int64, error) {
	if err := ctl(run, handle, op, name, unsafe.Pointer(&v)); err != nil {
		return 0, err
	}
	// The machine is little-endian: the argument starts where v does.
	switch typ {
	case ctlInt:
		return int64(int32(v)), nil
	case ctlUint:
		return int64(uint32(v)), nil
	case ctlNothing:
		return 0, nil
	}
	return v, nil
}

// getNumber reads one of p's nodes.
func (p *Pool) getNumber(op, name string, typ ctlType) (int64, error) {
	if err := p.enterAny(op); err != nil {
		return 0, err
	}
	defer p.leave()
	return ctlNumber(ctlGet, p.handle, op, name, typ, 0)
}

// setNumber sets one of p's nodes that C lets be set at any time.
func (p *Pool) setNumber(op, name string, typ ctlType, v int64) error {
	if err := p.enterAny(op); err != nil {
		return err
	}
	defer p.leave()
	p.ctlLock.Lock()
	defer p.ctlLock.Unlock()
	_, err := ctlNumber(ctlSet, p.handle, op, name, typ, v)
	return err
}

// setAlone sets one of p's nodes that nobody must look at meanwhile.
func (p *Pool) setAlone(op, name string, typ ctlType, v int64) error {
	return p.alone(op, func() error {
		_, err := ctlNumber(ctlSet, p.handle, op, name, typ, v)
		return err
	})
}

// alone runs f while no transaction is open in p and no operation is under
// way, or fails with ErrPoolBusy. What wants to begin meanwhile waits. It keeps
// transactions out as Close does.
func (p *Pool) alone(op string, f func() error) error {
	p.closeLock.Lock()
	defer p.closeLock.Unlock()
	if p.guard.Closed() {
		return stateErr(op, ErrClosed, "%s", p.path)
	}
	p.closing.Store(true)
	defer p.closing.Store(false)
	if openTxs.uses(p) {
		return stateErr(op, ErrPoolBusy, "transactions are open in it")
	}
	err := p.guard.Exclusive(f)
	if errors.Is(err, cgoutil.ErrBusy) {
		return stateErr(op, ErrPoolBusy, "somebody is inside")
	}
	return err
}

// getGlobal reads one of the process's nodes.
func getGlobal(op, name string, typ ctlType) (int64, error) {
	poolfile.Enter()
	defer poolfile.Leave()
	return ctlNumber(ctlGet, 0, op, name, typ, 0)
}

// setGlobal sets one of the process's nodes.
func setGlobal(op, name string, typ ctlType, v int64) error {
	poolfile.Enter()
	defer poolfile.Leave()
	_, err := ctlNumber(ctlSet, 0, op, name, typ, v)
	return err
}
