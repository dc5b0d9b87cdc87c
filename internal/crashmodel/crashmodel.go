// Package crashmodel runs random operations under crashtest, beside a model in
// Go of what they should leave in the store.
//
// A Script says how operations are drawn, what each does to the model and to
// the store, and how the store is read back into a model. On every image, the
// store must be what the model is after the operations that were acknowledged,
// or after one more: the one that was under way. Then some operations follow
// on the image, because a store that looks right may be broken for what comes
// next.
//
// Steps are operations that are written down, not drawn.
package crashmodel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

// SeedVariable is in the environment to have other operations drawn: a number.
const SeedVariable = "CRASHMODEL_SEED"

// Script is what one goroutine of a workload does. M is the model, O an
// operation.
type Script[S, M, O any] struct {
	Name  string // in messages, and part of the seed
	Steps int
	Start M

	// Setup comes before all operations of all scripts, without crash points
	// within. It may be nil.
	Setup func(s S) error
	// Draw chooses an operation, which depends on nothing but rnd and m.
	Draw func(rnd *rand.Rand, m M) O
	// Apply returns m after o. It must not change m, which is kept.
	Apply func(m M, o O) M
	// Do does o in the store. It may be called in another process than the
	// operations before: all that it needs of them is in the store.
	Do func(s S, o O) error
	// Read says what the store holds, or what is broken.
	Read func(s S) (M, error)

	// Differ says where what was read differs from the model, "" if nowhere.
	// Without it, it is Diff.
	Differ func(want, got M) string

	// During judges a store that is neither what it was before the operation
	// under way nor what it should be after: nil if the operation may leave
	// that. Without it, operations are atomic.
	During func(before, after, got M, o O) error

	// GoOn is how many operations follow on every image, and the result is
	// compared again: 3 if it is 0, none below.
	GoOn int
}

// Actor is a Script, of any types of models and operations.
type Actor[S any] interface {
	setUp(s S) error
	run(s S, ack func(n int64)) error
	check(s S, acked int64) (goOn func() error, err error)
}

// Workload is what a test of a store runs.
type Workload[S any] struct {
	// Actors run side by side, each in a goroutine of its own, and acknowledge
	// by their number.
	Actors []Actor[S]
	// Whole checks what must hold for the store as a whole, also once more
	// operations have followed. It may be nil.
	Whole func(s S) error
	// Finish comes last on every image, and may leave the store as it likes: to
	// see that it can be emptied, for example. It may be nil.
	Finish func(s S) error
}

// Images is how many images a test checks in an ordinary run of the tests, if c
// does not say otherwise. `make crashtest` has many more checked.
const Images = 40

// Run runs w under crashtest.
func Run[S crashtest.Store](t *testing.T, c crashtest.Config, w Workload[S]) {
	t.Helper()
	if c.Images == 0 {
		c.Images = Images
	}
	crashtest.Run(t, c, w.run, w.check)
}

func (w Workload[S]) run(s S) error {
	// PMDK has an arena for each thread, which keeps room from the others: a
	// goroutine that moved about would fill a small pool early.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, a := range w.Actors {
		if err := a.setUp(s); err != nil {
			return fmt.Errorf("set-up: %w", err)
		}
	}
	errs := make([]error, len(w.Actors))
	var wg sync.WaitGroup
	for i, a := range w.Actors[1:] {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			errs[i+1] = a.run(s, func(n int64) { crashtest.AckAs(int32(i+1), n) })
		})
	}
	errs[0] = w.Actors[0].run(s, crashtest.Ack)
	wg.Wait()
	return errors.Join(errs...)
}

func (w Workload[S]) check(s S, acked crashtest.Acked) error {
	var more []func() error
	for i, a := range w.Actors {
		goOn, err := a.check(s, acked.Of(int32(i)))
		if err != nil {
			return err
		}
		more = append(more, goOn)
	}
	if err := w.whole(s); err != nil {
		return err
	}
	for _, goOn := range more {
		if err := goOn(); err != nil {
			return fmt.Errorf("the store looked right, but going on with it: %w", err)
		}
	}
	if err := w.whole(s); err != nil {
		return fmt.Errorf("the store looked right, but after going on with it: %w", err)
	}
	if w.Finish == nil {
		return nil
	}
	return w.Finish(s)
}

func (w Workload[S]) whole(s S) error {
	if w.Whole == nil {
		return nil
	}
	return w.Whole(s)
}

// script is a Script whose operations have been drawn.
type script[S, M, O any] struct {
	Script[S, M, O]
	ops    []O
	states []M // states[i] is what i operations leave
}

// Actor draws the operations.
func (x Script[S, M, O]) Actor() Actor[S] {
	if x.GoOn == 0 {
		x.GoOn = 3
	}
	if x.Differ == nil {
		x.Differ = func(want, got M) string { return Diff(want, got) }
	}
	a := &script[S, M, O]{Script: x, states: []M{x.Start}}
	rnd := rand.New(rand.NewPCG(Seed(), hash(x.Name)))
	for i := range x.Steps + max(x.GoOn, 0) {
		o := x.Draw(rnd, a.states[i])
		a.ops = append(a.ops, o)
		a.states = append(a.states, x.Apply(a.states[i], o))
	}
	return a
}

// Seed is what the operations are drawn from.
func Seed() uint64 {
	seed, err := strconv.ParseUint(os.Getenv(SeedVariable), 0, 64)
	if err != nil {
		return 1
	}
	return seed
}

func hash(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

func (a *script[S, M, O]) setUp(s S) error {
	if a.Setup == nil {
		return nil
	}
	return crashtest.Unchecked(func() error { return a.Setup(s) })
}

func (a *script[S, M, O]) run(s S, ack func(n int64)) error {
	for i, o := range a.ops[:a.Steps] {
		if err := a.Do(s, o); err != nil {
			return fmt.Errorf("%s, operation %d, %+v: %w", a.Name, i+1, o, err)
		}
		ack(int64(i + 1))
	}
	return nil
}

func (a *script[S, M, O]) check(s S, acked int64) (goOn func() error, err error) {
	got, err := a.Read(s)
	if err != nil {
		return nil, fmt.Errorf("%s, %d operations acknowledged, %swhat is there: %w", a.Name, acked, a.underway(int(acked)), err)
	}
	at := int(acked)
	before, after := a.states[at], a.states[min(at+1, a.Steps)]
	switch {
	case a.Differ(before, got) == "":
	case a.Differ(after, got) == "":
		at++
	case a.During != nil && at < a.Steps:
		if err := a.During(before, after, got, a.ops[at]); err != nil {
			return nil, fmt.Errorf("%s, %d operations acknowledged, %s%w", a.Name, acked, a.underway(at), err)
		}
	default:
		return nil, fmt.Errorf("%s, %d operations acknowledged, %sit is neither what it should be before, nor after: %s; %s", a.Name, acked, a.underway(at), a.Differ(before, got), a.Differ(after, got))
	}
	return func() error {
		for i := at; i < min(at+max(a.GoOn, 0), len(a.ops)); i++ {
			if err := a.Do(s, a.ops[i]); err != nil {
				return fmt.Errorf("%s, operation %d, %+v: %w", a.Name, i+1, a.ops[i], err)
			}
			got, err := a.Read(s)
			if err != nil {
				return fmt.Errorf("%s, after operation %d, %+v: %w", a.Name, i+1, a.ops[i], err)
			}
			if s := a.Differ(a.states[i+1], got); s != "" {
				return fmt.Errorf("%s, after operation %d, %+v: %s", a.Name, i+1, a.ops[i], s)
			}
		}
		return nil
	}, nil
}

func (a *script[S, M, O]) underway(at int) string {
	if at >= a.Steps {
		return ""
	}
	return fmt.Sprintf("%+v under way, ", a.ops[at])
}
