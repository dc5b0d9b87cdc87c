package cgoutil_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/pmem/pmdk-go/cgoutil"
)

func TestPanicNothingCaught(t *testing.T) {
	var p cgoutil.Panic
	assert.True(t, p.Catch(func() {}))
	assert.True(t, p.Isolate(func() {}))
	assert.False(t, p.Caught())
	assert.Nil(t, p.Stack())
	assert.NotPanics(t, p.Rethrow)
}

func panicHere(v any) { panic(v) }

// Ensure that the very value of the panic arrives on the Go side, once, and
// that its place of origin is not lost.
func TestPanicCarriesTheValue(t *testing.T) {
	value := errors.New("from the callback")
	for name, catch := range map[string]func(*cgoutil.Panic, func()) bool{
		"catch":   (*cgoutil.Panic).Catch,
		"isolate": (*cgoutil.Panic).Isolate,
	} {
		t.Run(name, func(t *testing.T) {
			var p cgoutil.Panic
			assert.False(t, catch(&p, func() { panicHere(value) }))
			assert.True(t, p.Caught())
			assert.False(t, p.Goexit())
			assert.Contains(t, string(p.Stack()), "panicHere")

			assert.PanicsWithValue(t, value, p.Rethrow)
			assert.NotPanics(t, p.Rethrow, "a second Rethrow has nothing to raise")
		})
	}
}

// Ensure that callbacks that C still makes after a panic do no more work,
// and that the first panic is the one that is reported.
func TestPanicStopsFurtherWork(t *testing.T) {
	var p cgoutil.Panic
	p.Catch(func() { panic("first") })
	assert.False(t, p.Catch(func() { t.Error("Catch ran after a panic") }))
	assert.False(t, p.Isolate(func() { t.Error("Isolate ran after a panic") }))
	assert.PanicsWithValue(t, "first", p.Rethrow)
}

func TestPanicNil(t *testing.T) {
	var p cgoutil.Panic
	p.Catch(func() { panic(nil) })
	assert.False(t, p.Goexit())
	var nilErr *runtime.PanicNilError
	defer func() { assert.ErrorAs(t, recover().(error), &nilErr) }()
	p.Rethrow()
}

// Ensure that Catch tells a Goexit from a panic and from a normal end.
func TestCatchDetectsGoexit(t *testing.T) {
	var p cgoutil.Panic
	var returned, seen bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { seen = p.Goexit() }()
		p.Catch(runtime.Goexit)
		returned = true
	}()
	<-ended
	assert.True(t, seen, "deferred functions see it")
	assert.False(t, returned)
	assert.True(t, p.Caught())
}

// Ensure that Isolate keeps a Goexit away from the caller until Rethrow.
func TestIsolateContainsGoexit(t *testing.T) {
	var p cgoutil.Panic
	var before, after bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		assert.False(t, p.Isolate(runtime.Goexit))
		assert.True(t, p.Goexit())
		before = true
		p.Rethrow()
		after = true
	}()
	<-ended
	assert.True(t, before, "the caller goes on after Isolate")
	assert.False(t, after, "and ends at Rethrow")
}
