package libpmemobj_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// crashNode is an element of a list, or of two.
type crashNode struct {
	ID   uint64
	A    ListEntry[crashNode]
	Text [20]uint64 // follows from ID
	B    ListEntry[crashNode]
}

func (n *crashNode) init(id uint64) error {
	n.ID = id
	for i := range n.Text {
		n.Text[i] = id * uint64(i+3)
	}
	return nil
}

// crashLists are two lists by A and one by B. Their elements belong to them,
// but for those that Nodes names, which may be in a list or not.
type crashLists struct {
	Heads [2]ListHead[crashNode]
	Other ListHead[crashNode]
	Nodes [6]Ptr[crashNode]
}

// listsModel is the identifiers of what is where. 0 is none.
type listsModel struct {
	Lists [3][]uint64
	Nodes [6]uint64
}

func (m listsModel) clone() listsModel {
	for i := range m.Lists {
		m.Lists[i] = slices.Clone(m.Lists[i])
	}
	return m
}

// in is the list that id is in by the entry of list l, -1 if it is in none.
func (m listsModel) in(id uint64, l int) int {
	for i := range m.Lists {
		if (i == 2) == (l == 2) && slices.Contains(m.Lists[i], id) {
			return i
		}
	}
	return -1
}

type crashListOp struct {
	What     string // insert new, insert, remove, remove free, move, node, no node
	List, To int
	Where    string // head, tail, before, after
	ID, Mark uint64
	Node     int
}

// lists changes lists in all ways.
func lists(part int) crashmodel.Actor[*Pool] {
	region := func(p *Pool) (*crashLists, error) {
		root, err := crashRootOf(p)
		if err != nil {
			return nil, err
		}
		return &root.Lists[part], nil
	}
	image := true // unless this is the process that is recorded
	return crashmodel.Script[*Pool, listsModel, crashListOp]{
		Name:  fmt.Sprint("lists ", part),
		Steps: 80,
		Setup: func(*Pool) error {
			image = false
			return nil
		},
		Draw:  drawList,
		Apply: func(m listsModel, o crashListOp) listsModel { return o.apply(m.clone()) },
		Do: func(p *Pool, o crashListOp) error {
			r, err := region(p)
			if err != nil {
				return err
			}
			return o.do(p, r, image)
		},
		Read: func(p *Pool) (m listsModel, err error) {
			r, err := region(p)
			if err != nil {
				return m, err
			}
			return r.read(p)
		},
	}.Actor()
}

func drawList(rnd *rand.Rand, m listsModel) crashListOp {
	for {
		o := crashListOp{
			What:  []string{"insert new", "insert", "insert", "remove", "remove free", "move", "move", "move", "node", "node", "no node"}[rnd.IntN(11)],
			List:  rnd.IntN(3),
			To:    rnd.IntN(3),
			Where: []string{"head", "tail", "before", "after"}[rnd.IntN(4)],
			ID:    rnd.Uint64() | 1,
			Node:  rnd.IntN(len(m.Nodes)),
		}
		if o.What != "move" {
			o.To = o.List
		}
		if to := m.Lists[o.To]; len(to) > 0 {
			o.Mark = to[rnd.IntN(len(to))]
		} else {
			o.Where = []string{"head", "tail"}[rnd.IntN(2)]
		}
		node := m.Nodes[o.Node]
		list := m.Lists[o.List]
		switch o.What {
		case "insert new":
			if len(list) > 8 {
				continue
			}
		case "node":
			if node != 0 {
				continue
			}
		case "no node":
			if node == 0 || m.in(node, 0) >= 0 || m.in(node, 2) >= 0 {
				continue
			}
		case "insert":
			if o.ID = node; node == 0 || m.in(node, o.List) >= 0 {
				continue
			}
		default:
			if len(list) == 0 {
				continue
			}
			o.ID = list[rnd.IntN(len(list))]
			owned := slices.Contains(m.Nodes[:], o.ID)
			if o.What == "remove" && !owned || o.What == "remove free" && owned {
				continue // which would leak, or leave a pointer
			}
			if o.What == "move" && (o.List == 2) != (o.To == 2) && m.in(o.ID, o.To) >= 0 {
				continue
			}
		}
		return o
	}
}

func (o crashListOp) apply(m listsModel) listsModel {
	list, to := &m.Lists[o.List], &m.Lists[o.To]
	switch o.What {
	case "node":
		m.Nodes[o.Node] = o.ID
		return m
	case "no node":
		m.Nodes[o.Node] = 0
		return m
	case "move":
		if o.ID == o.Mark && (o.Where == "before" || o.Where == "after") {
			return m
		}
		fallthrough
	case "remove", "remove free":
		i := slices.Index(*list, o.ID)
		*list = slices.Delete(*list, i, i+1)
		if o.What != "move" {
			return m
		}
	}
	at := slices.Index(*to, o.Mark)
	switch o.Where {
	case "head":
		at = 0
	case "tail":
		at = len(*to)
	case "after":
		at++
	}
	*to = slices.Insert(*to, at, o.ID)
	return m
}

func (r *crashLists) lists(p *Pool) (lists [3]List[crashNode], err error) {
	for i := range r.Heads {
		if lists[i], err = ListOf(p, &r.Heads[i], func(n *crashNode) *ListEntry[crashNode] { return &n.A }); err != nil {
			return lists, err
		}
	}
	lists[2], err = ListOf(p, &r.Other, func(n *crashNode) *ListEntry[crashNode] { return &n.B })
	return lists, err
}

// find is the element of a list with an identifier.
func find(l List[crashNode], id uint64) Ptr[crashNode] {
	for e := range l.All() {
		if e.Get().ID == id {
			return e
		}
	}
	return Ptr[crashNode]{}
}

func (o crashListOp) do(p *Pool, r *crashLists, image bool) error {
	e, err := o.once(p, r)
	if image && errors.Is(err, ErrInList) {
		// The crash was in a move between lists of different entries, and left
		// the one of the list where the element was alone.
		entry := &e.Get().A
		if (o.To == 2) != (o.What == "remove free") {
			entry = &e.Get().B
		}
		*entry = ListEntry[crashNode]{}
		_, err = o.once(p, r)
	}
	return err
}

// once does the operation, to element e.
func (o crashListOp) once(p *Pool, r *crashLists) (e Ptr[crashNode], err error) {
	ls, err := r.lists(p)
	if err != nil {
		return e, err
	}
	l, to := ls[o.List], ls[o.To]
	e = find(l, o.ID)
	var mark Ptr[crashNode]
	if o.Where == "before" || o.Where == "after" {
		mark = find(to, o.Mark)
	}
	init := func(n *crashNode) error { return n.init(o.ID) }
	switch o.What {
	case "node":
		_, err = Construct(p, &r.Nodes[o.Node], init)
	case "no node":
		err = p.Free(r.Nodes[o.Node].Ref())
	case "remove":
		err = l.Remove(e)
	case "remove free":
		err = l.RemoveFree(e)
	case "insert new":
		switch o.Where {
		case "head":
			_, err = l.InsertNewHead(init)
		case "tail":
			_, err = l.InsertNewTail(init)
		case "before":
			_, err = l.InsertNewBefore(mark, init)
		case "after":
			_, err = l.InsertNewAfter(mark, init)
		}
	case "insert":
		e = r.Nodes[o.Node]
		switch o.Where {
		case "head":
			err = l.InsertHead(e)
		case "tail":
			err = l.InsertTail(e)
		case "before":
			err = l.InsertBefore(e, mark)
		case "after":
			err = l.InsertAfter(e, mark)
		}
	case "move":
		switch o.Where {
		case "head":
			err = l.MoveToHead(e, to)
		case "tail":
			err = l.MoveToTail(e, to)
		case "before":
			err = l.MoveBefore(e, to, mark)
		case "after":
			err = l.MoveAfter(e, to, mark)
		}
	}
	return e, err
}

func (r *crashLists) read(p *Pool) (m listsModel, err error) {
	ls, err := r.lists(p)
	if err != nil {
		return m, err
	}
	id := func(e Ptr[crashNode]) (uint64, error) {
		var want crashNode
		n, err := e.TryGet()
		if err != nil {
			return 0, err
		}
		if num, err := p.TypeNum(e.OID()); err != nil || num != TypeNum[crashNode]() {
			return 0, fmt.Errorf("element %v has type number %#x, %w", e, num, err)
		}
		if _ = want.init(n.ID); n.Text != want.Text {
			return 0, fmt.Errorf("element %#x holds %x", n.ID, n.Text)
		}
		return n.ID, nil
	}
	for i, l := range ls {
		if err := l.Check(); err != nil {
			return m, fmt.Errorf("list %d: %w", i, err)
		}
		for e := range l.All() {
			n, err := id(e)
			if err != nil {
				return m, fmt.Errorf("list %d: %w", i, err)
			}
			m.Lists[i] = append(m.Lists[i], n)
		}
		var back []uint64
		for e := range l.Backward() {
			back = append(back, e.Get().ID)
		}
		if slices.Reverse(back); !slices.Equal(back, m.Lists[i]) {
			return m, fmt.Errorf("list %d is %x, and %x backward", i, m.Lists[i], back)
		}
	}
	for i, e := range r.Nodes {
		if !e.IsNull() {
			if m.Nodes[i], err = id(e); err != nil {
				return m, fmt.Errorf("node %d: %w", i, err)
			}
		}
	}
	return m, nil
}

// Ensure that an element is in a list with all its links or not at all.
func TestCrashLists(t *testing.T) { runCrash(t, crashtest.Config{}, lists(0)) }

// Ensure the same on an ordinary file.
func TestCrashListsOnDisk(t *testing.T) { runCrash(t, onDisk, lists(1)) }
