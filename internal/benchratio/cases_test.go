package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestBench(t *testing.T) *bench {
	b, err := newBench()
	require.NoError(t, err)
	t.Cleanup(b.close)
	return b
}

func (p *pair) undo() {
	if p.reset != nil {
		p.reset()
	}
}

// Ensure that both sides of a case do the same: what they change or sum up
// grows by as much for the same number of operations.
func TestSidesAgree(t *testing.T) {
	const n = 3
	for _, p := range newTestBench(t).cases() {
		t.Run(p.name, func(t *testing.T) {
			growth := func(w work) uint64 {
				before := p.effect()
				w(n)
				return p.effect() - before
			}
			inGo, inC := growth(p.inGo), growth(p.inC)
			assert.Equal(t, inC, inGo)
			if p.name != "alloc-free/128" { // which leaves nothing
				assert.NotZero(t, inGo)
			}
			p.undo()
		})
	}
}
