package linearize

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
)

// History is what several goroutines have done to one container. Moments are
// counted by a clock that all of them share.
type History struct {
	clock   atomic.Int64
	clients []*Client
}

// Client records what one goroutine does.
type Client struct {
	history *History
	id      int
	ops     []porcupine.Operation
}

// Client returns a recorder for one more goroutine. It is called before any of
// them begins.
func (h *History) Client() *Client {
	c := &Client{history: h, id: len(h.clients)}
	h.clients = append(h.clients, c)
	return c
}

// Do runs an operation and records it. What f returns is its outcome; an error
// is none, and must end the test.
func (c *Client) Do(input any, f func() (output any, err error)) error {
	begin := c.history.clock.Add(1)
	output, err := f()
	end := c.history.clock.Add(1)
	if err != nil {
		return fmt.Errorf("%+v: %w", input, err)
	}
	c.ops = append(c.ops, porcupine.Operation{ClientId: c.id, Input: input, Call: begin, Output: output, Return: end})
	return nil
}

// operations are those of all goroutines.
func (h *History) operations() (all []porcupine.Operation) {
	for _, c := range h.clients {
		all = append(all, c.ops...)
	}
	return all
}

// Overlaps is how many operations were under way when another one began.
func (h *History) Overlaps() (n int) {
	all := h.operations()
	slices.SortFunc(all, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	for i := range len(all) - 1 {
		if all[i].Return > all[i+1].Call {
			n++
		}
	}
	return n
}

// patience is how long Verify looks for an order. It takes milliseconds for the
// histories of the tests here.
const patience = 30 * time.Second

// Verify returns nil if the operations have an order that the model can go
// through, else an error that shows where the longest one that it can go through
// ends.
func (h *History) Verify(m porcupine.Model) error {
	all := h.operations()
	switch porcupine.CheckOperationsTimeout(m, all, patience) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("no order was found for %d operations, and not excluded, in %v: record less", len(all), patience)
	}
	parts := [][]porcupine.Operation{all}
	if m.Partition != nil {
		parts = m.Partition(all)
	}
	m.Partition = nil
	for _, part := range parts {
		result, info := porcupine.CheckOperationsVerbose(m, part, patience)
		if result != porcupine.Ok {
			return fmt.Errorf("%d operations could not have happened one after the other: %s", len(part), stuck(part, info))
		}
	}
	return fmt.Errorf("%d operations could not have happened one after the other", len(all))
}

// shown is how many operations an error shows on either side.
const shown = 12

// stuck shows the end of the longest order that was found, and the first
// operations that are not in it.
func stuck(part []porcupine.Operation, info porcupine.LinearizationInfo) string {
	var longest []porcupine.Operation
	for _, orders := range info.PartialLinearizationsOperations() {
		for _, order := range orders {
			if len(order) > len(longest) {
				longest = order
			}
		}
	}
	ordered := map[int64]bool{}
	for _, o := range longest {
		ordered[o.Call] = true
	}
	rest := slices.DeleteFunc(slices.Clone(part), func(o porcupine.Operation) bool { return ordered[o.Call] })
	slices.SortFunc(rest, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	fmt.Fprintf(&b, "after %d of them in this order\n", len(longest))
	list(&b, longest[max(len(longest)-shown, 0):])
	b.WriteString("none of the others can be next:\n")
	list(&b, rest[:min(len(rest), shown)])
	return b.String()
}

func list(b *strings.Builder, ops []porcupine.Operation) {
	for _, o := range ops {
		fmt.Fprintf(b, "\t%6d-%-6d goroutine %d: %+v → %+v\n", o.Call, o.Return, o.ClientId, o.Input, o.Output)
	}
}
