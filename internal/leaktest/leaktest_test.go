package leaktest_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/leaktest"
)

type tests func() int

func (t tests) Run() int { return t() }

type handle struct{ n [4]int }

//go:noinline
func lose() { cgoutil.Watch(&handle{}, "test handle", "/lost") }

func TestRun(t *testing.T) {
	var out bytes.Buffer

	// Ensure that tests which clean up keep their exit code.
	assert.Equal(t, 0, leaktest.Run(tests(func() int { return 0 }), &out))
	assert.Equal(t, 7, leaktest.Run(tests(func() int { return 7 }), &out))
	assert.Empty(t, out.String())

	// Ensure that a callback handle left behind fails them.
	h := cgoutil.NewHandle(1)
	assert.Equal(t, 1, leaktest.Run(tests(func() int { return 0 }), &out))
	assert.Contains(t, out.String(), "1 callback handles not released")
	h.Release()

	// Ensure that a handle still open fails them, and that the tests' own
	// failure code wins.
	out.Reset()
	open := &handle{}
	w := cgoutil.Watch(open, "test handle", "/open")
	assert.Equal(t, 7, leaktest.Run(tests(func() int { return 7 }), &out))
	assert.Contains(t, out.String(), "1 handles still open")
	runtime.KeepAlive(open)
	w.Stop()

	// Ensure that a lost handle fails them, with the place where it was opened.
	out.Reset()
	assert.Equal(t, 1, leaktest.Run(tests(func() int { lose(); return 0 }), &out))
	assert.Contains(t, out.String(), "leaked: test handle /lost never closed; opened at:")
	assert.Contains(t, out.String(), "leaktest_test.lose")
}
