package crashtest

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// outcome is how a function of the user's ended.
type outcome struct {
	err      error
	panicked bool
	value    any    // of the panic
	stack    string // of the panic
	exited   bool   // by runtime.Goexit, as t.FailNow does
}

// guarded calls f and returns however it ends. It calls it in a goroutine of
// its own: nothing else brings one back from runtime.Goexit.
func guarded(f func() error) (o outcome) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		finished := false
		defer func() {
			if finished {
				return
			}
			if v := recover(); v != nil {
				o.panicked, o.value, o.stack = true, v, stackOf(string(debug.Stack()))
				return
			}
			o.exited = true
		}()
		o.err = f()
		finished = true
	}()
	<-done
	return o
}

// stackOf leaves of a stack what lies below the panic.
func stackOf(stack string) string {
	if _, below, found := strings.Cut(stack, "\npanic("); found {
		if _, frames, found := strings.Cut(below, "\n\t"); found {
			if _, frames, found = strings.Cut(frames, "\n"); found {
				return frames
			}
		}
	}
	return stack
}

// failure is what is wrong, empty if nothing is. who is "check" or "workload".
func (o *outcome) failure(who string) (phase, message string) {
	switch {
	case o.panicked:
		return phasePanic, fmt.Sprintf("the %s panicked: %v\n\n%s", who, o.value, o.stack)
	case o.exited:
		return phaseCheck, fmt.Sprintf("the %s ended its goroutine, as t.FailNow does", who)
	case o.err != nil:
		return phaseCheck, o.err.Error()
	}
	return "", ""
}
