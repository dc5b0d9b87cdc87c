package explore

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// An image is one that was checked.
type image struct {
	seq    int // in the order of the plan
	point  int // index in plan.points
	key    uint64
	losses int
	choice trace.Choice
}

// A group is of images that fail the same way.
type group struct {
	name     string
	seen     int
	first    int   // seq
	earliest image // by crash point, then by losses
	least    image // by losses, then by crash point
	verdicts [2]Verdict
}

type groups struct{ all map[string]*group }

var varies = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|0x[0-9a-fA-F]+|[0-9]+`)

// groupName returns what failures of one kind have in common.
func groupName(v Verdict) string {
	message := v.Message
	if v.Phase == "crash" || v.Phase == "timeout" {
		// Registers and stacks follow.
		message, _, _ = strings.Cut(message, "\n")
	}
	return v.Phase + ": " + varies.ReplaceAllString(message, "#")
}

func (g *groups) add(i image, v Verdict) {
	if g.all == nil {
		g.all = make(map[string]*group)
	}
	name := groupName(v)
	old := g.all[name]
	if old == nil {
		g.all[name] = &group{name: name, seen: 1, first: i.seq, earliest: i, least: i, verdicts: [2]Verdict{v, v}}
		return
	}
	old.seen++
	if cmp.Or(cmp.Compare(i.point, old.earliest.point), cmp.Compare(i.losses, old.earliest.losses)) < 0 {
		old.earliest, old.verdicts[0] = i, v
	}
	if cmp.Or(cmp.Compare(i.losses, old.least.losses), cmp.Compare(i.point, old.least.point)) < 0 {
		old.least, old.verdicts[1] = i, v
	}
}

// worst returns up to n groups: those seen first in the life of the program.
func (g *groups) worst(n int) []*group {
	var all []*group
	for _, one := range g.all {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *group) int {
		return cmp.Or(cmp.Compare(a.earliest.point, b.earliest.point), cmp.Compare(a.first, b.first))
	})
	return all[:min(n, len(all))]
}
