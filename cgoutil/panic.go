package cgoutil

import (
	"runtime"
	"runtime/debug"
)

// Panic carries a panic or a runtime.Goexit from a Go callback over the C
// frames below it to the Go code that called C. Unwinding C frames would
// leave the library's locks and transaction state behind as they were.
//
// The callback runs its work inside Catch or Isolate and returns to C
// normally; the caller runs Rethrow after C has returned. The zero Panic is
// ready. Once something was caught, further work is not started: after a
// failed constructor the ones that C still calls must not run.
//
// A Panic is used by one goroutine at a time.
type Panic struct {
	value  any
	stack  []byte
	caught bool
	goexit bool
}

// Catch runs fn on the calling goroutine and keeps a panic from leaving it.
// It reports whether fn ran to its end.
//
// A Goexit can't be stopped on its own goroutine: Catch takes note of it
// (Goexit reports true, also to deferred functions that run afterwards) and
// the goroutine unwinds. Where that must not happen, use Isolate.
func (p *Panic) Catch(fn func()) (ok bool) {
	if p.caught {
		return false
	}
	done := false
	defer func() {
		if done {
			return
		}
		p.caught = true
		p.value = recover()
		// Neither finished nor panicking: the goroutine is on its way out.
		p.goexit = p.value == nil
		p.stack = debug.Stack()
	}()
	fn()
	done = true
	return true
}

// Isolate is Catch on a goroutine of its own, which contains Goexit too
// (testing.T's FailNow is one). fn runs on another thread than the caller:
// it must not use what is bound to the caller's thread, a transaction for
// one.
func (p *Panic) Isolate(fn func()) (ok bool) {
	if p.caught {
		return false
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ok = p.Catch(fn)
	}()
	<-finished
	return ok
}

// Caught reports whether a panic or a Goexit is held.
func (p *Panic) Caught() bool { return p.caught }

// Goexit reports whether what is held is a runtime.Goexit.
func (p *Panic) Goexit() bool { return p.goexit }

// Stack is the stack of the goroutine where the panic was caught, as
// debug.Stack formats it; nil if nothing was.
func (p *Panic) Stack() []byte { return p.stack }

// Rethrow raises again what was caught: the same panic value, or the Goexit.
// With nothing caught it returns. The Panic is empty afterwards, so a
// deferred second Rethrow doesn't raise it twice.
func (p *Panic) Rethrow() {
	held := *p
	*p = Panic{}
	switch {
	case !held.caught:
	case held.goexit:
		runtime.Goexit()
	default:
		panic(held.value)
	}
}
