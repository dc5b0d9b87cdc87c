package libpmemobj

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CtlNode is one of the named settings and figures that PMDK documents in
// pmemobj_ctl_get(3), for programs that take their names from a configuration.
// Everything that has a method of its own is better reached through that.
//
// A node that does not exist is an error of each method; nothing is passed to C
// that it could stumble over. Nodes that PMDK calls deprecated can be read and
// set, to no effect: tx.cache.threshold and those below tx.post_commit.
type CtlNode struct {
	pool    *Pool
	name    string
	pattern string // the name with * for its index
	index   int
	spec    *ctlSpec
	err     error
}

// maxNodeName is longer than any name.
const maxNodeName = 63

// Ctl finds a node of the process, which has an effect on pools opened later.
// For what the options of Open and Create can say, they are better: they do
// not change other goroutines' pools.
//
// Implements: pmemobj_ctl_get(3), pmemobj_ctl_set(3)
func Ctl(name string) CtlNode {
	n := newCtlNode(name)
	if n.err == nil && !n.spec.global {
		n.err = badArgument("ctl", "node %s is one of a pool; see Pool.Ctl", name)
	}
	return n
}

// Ctl finds a node of the pool, or of the process.
//
// Implements: pmemobj_ctl_get(3), pmemobj_ctl_set(3), pmemobj_ctl_exec(3)
func (p *Pool) Ctl(name string) CtlNode {
	n := newCtlNode(name)
	n.pool = p
	return n
}

func newCtlNode(name string) CtlNode {
	n := CtlNode{name: name, pattern: name}
	if len(name) > maxNodeName {
		n.err = badArgument("ctl", "a name of %d bytes; no node has more than %d", len(name), maxNodeName)
		return n
	}
	parts := strings.Split(name, ".")
	if len(parts) == 4 && parts[2] != "new" {
		// C takes 1x, " 1" and 2^32+1 for 1.
		i, err := strconv.ParseUint(parts[2], 10, 16)
		if err == nil && strconv.FormatUint(i, 10) == parts[2] {
			n.index = int(i)
			parts[2] = "*"
			n.pattern = strings.Join(parts, ".")
		}
	}
	n.spec = ctlSpecs[n.pattern]
	// A pattern itself is no name.
	if n.spec == nil || n.pattern == name && strings.Contains(name, "*") {
		n.err = &Error{Op: "ctl", Errno: unix.ENOENT, Msg: fmt.Sprintf("there is no node %q", name)}
	}
	return n
}

// Name is what the node was asked for by.
func (n CtlNode) Name() string { return n.name }

// Int reads the node: a number, 0 or 1 for no and yes, or the number of a word
// in PMDK's enumeration.
func (n CtlNode) Int() (int64, error) {
	const op = "ctl get"
	if err := n.may(op, "read", func(s *ctlSpec) bool { return s.get }); err != nil {
		return 0, err
	}
	if n.spec.typ == ctlClass {
		return 0, badArgument(op, "%s is no number; use Text", n.name)
	}
	if n.spec.global {
		return getGlobal(op, n.name, n.spec.typ)
	}
	if n.pattern != n.name {
		if _, err := n.pool.Arena(n.index); err != nil {
			return 0, err
		}
	}
	return n.pool.getNumber(op, n.name, n.spec.typ)
}

// SetInt sets a node that Int reads.
func (n CtlNode) SetInt(v int64) error {
	const op = "ctl set"
	if err := n.may(op, "set", func(s *ctlSpec) bool { return s.set }); err != nil {
		return err
	}
	switch {
	case n.spec.typ == ctlClass:
		return badArgument(op, "%s is no number; use SetText", n.name)
	case v < n.spec.min || v > n.spec.max:
		return badArgument(op, "%s = %d; it can be %d to %d", n.name, v, n.spec.min, n.spec.max)
	}
	switch n.pattern {
	case "heap.narenas.max":
		return n.pool.SetMaxArenas(int(v))
	case "heap.arena.*.automatic":
		a, err := n.pool.Arena(n.index)
		if err != nil {
			return err
		}
		return a.SetAutomatic(v != 0)
	case "heap.thread.arena_id":
		return badArgument(op, "%s: a goroutine has no thread of its own; use WithArena", n.name)
	case "heap.size.granularity":
		return n.pool.SetGranularity(uint64(v))
	case "copy_on_write.at_open":
		return badArgument(op, "%s: use WithCopyOnWrite, without which pools are opened for good", n.name)
	case "tx.cache.size", "tx.debug.verify_user_buffers":
		return n.pool.setAlone(op, n.name, n.spec.typ, v)
	}
	if n.spec.global {
		return setGlobal(op, n.name, n.spec.typ, v)
	}
	return n.pool.setNumber(op, n.name, n.spec.typ, v)
}

// Exec runs a node that does something: heap.arena.create, which takes no
// argument and returns the arena's number, and heap.size.extend, which takes a
// size in bytes.
func (n CtlNode) Exec(arg int64) (int64, error) {
	const op = "ctl exec"
	if err := n.may(op, "run", func(s *ctlSpec) bool { return s.exec }); err != nil {
		return 0, err
	}
	if n.pattern == "heap.arena.create" {
		a, err := n.pool.NewArena()
		return int64(a.ID()), err
	}
	if arg < n.spec.min {
		return 0, badArgument(op, "%s with %d; it needs %d or more", n.name, arg, n.spec.min)
	}
	return 0, n.pool.Extend(arg)
}

// Text reads the node as PMDK's configuration writes it: a number, y or n, a
// word, or "unit,alignment,units,header" for an allocation class.
func (n CtlNode) Text() (string, error) {
	if n.err == nil && n.spec.typ == ctlClass && n.spec.get {
		if err := n.may("ctl get", "read", nil); err != nil {
			return "", err
		}
		c, err := n.pool.Class(n.index)
		d := c.Desc()
		return fmt.Sprintf("%d,%d,%d,%v", d.UnitSize, d.Alignment, d.UnitsPerBlock, d.Header), err
	}
	v, err := n.Int()
	if err != nil {
		return "", err
	}
	if v >= 0 && v < int64(len(n.spec.words)) {
		return n.spec.words[v], nil
	}
	return strconv.FormatInt(v, 10), nil
}

// SetText sets the node to what PMDK's configuration would: see Text.
func (n CtlNode) SetText(s string) error {
	const op = "ctl set"
	if err := n.may(op, "set", func(s *ctlSpec) bool { return s.set }); err != nil {
		return err
	}
	if n.spec.typ == ctlClass {
		desc, err := parseAllocClass(op, s)
		if err != nil {
			return err
		}
		if n.pattern == n.name {
			_, err = n.pool.NewClass(desc)
		} else {
			_, err = n.pool.NewClassAt(n.index, desc)
		}
		return err
	}
	if len(n.spec.words) > 0 {
		word := s
		if &n.spec.words[0] == &yesNo[0] {
			word = strings.NewReplacer("0", "n", "1", "y", "N", "n", "Y", "y").Replace(s)
		}
		i := slices.Index(n.spec.words, word)
		if i < 0 {
			return badArgument(op, "%s = %q; it can be one of %s", n.name, s, strings.Join(n.spec.words, ", "))
		}
		return n.SetInt(int64(i))
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return badArgument(op, "%s = %q; it needs a number", n.name, s)
	}
	return n.SetInt(v)
}

// may says whether something can be done with the node.
func (n CtlNode) may(op, what string, can func(*ctlSpec) bool) error {
	switch {
	case n.err != nil:
		return n.err
	case n.spec == nil:
		return stateErr(op, ErrNull, "the zero CtlNode")
	case !n.spec.global && n.pool == nil:
		return stateErr(op, ErrNull, "no pool")
	case can != nil && !can(n.spec):
		return badArgument(op, "node %s cannot be %s", n.name, what)
	}
	return nil
}

// parseAllocClass reads "unit,alignment,units,header".
func parseAllocClass(op, s string) (AllocClass, error) {
	fail := func(why string) (AllocClass, error) {
		return AllocClass{}, badArgument(op, "%q is no allocation class (%s); one looks like 512,0,1000,compact", s, why)
	}
	f := strings.Split(s, ",")
	if len(f) != 4 {
		return fail("it needs four fields")
	}
	unit, err1 := strconv.ParseUint(f[0], 10, 64)
	align, err2 := strconv.ParseUint(f[1], 10, 64)
	units, err3 := strconv.ParseInt(f[2], 10, 32)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fail("the first three are numbers")
	}
	for _, h := range []Header{HeaderCompact, HeaderNone, HeaderLegacy} {
		if h.String() == f[3] {
			return AllocClass{unit, align, int(units), h}, nil
		}
	}
	return fail("the last is compact, none or legacy")
}
