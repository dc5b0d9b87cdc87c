package libpmempool

// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
)

// Result is what a check comes to.
type Result int

// The results of a check.
const (
	Consistent    Result = C.PMEMPOOL_CHECK_RESULT_CONSISTENT
	NotConsistent Result = C.PMEMPOOL_CHECK_RESULT_NOT_CONSISTENT
	Repaired      Result = C.PMEMPOOL_CHECK_RESULT_REPAIRED      // in a dry run: would be
	CannotRepair  Result = C.PMEMPOOL_CHECK_RESULT_CANNOT_REPAIR // something was found that is not repaired
	CheckError    Result = C.PMEMPOOL_CHECK_RESULT_ERROR         // the check itself failed
	SyncRequired  Result = C.PMEMPOOL_CHECK_RESULT_SYNC_REQ      // a replica is sound: Sync restores the others
)

// String gives the words of PMDK's tool, for example "not consistent".
func (r Result) String() string {
	names := [...]string{"consistent", "not consistent", "repaired", "cannot repair", "error", "sync required"}
	if r < 0 || int(r) >= len(names) {
		return fmt.Sprintf("Result(%d)", int(r))
	}
	return names[r]
}

// Sound says whether the pool can be used as it is now.
func (r Result) Sound() bool { return r == Consistent || r == Repaired }

// MessageKind is what a message is.
type MessageKind int

// The kinds of messages.
const (
	Information MessageKind = C.PMEMPOOL_CHECK_MSG_TYPE_INFO // with WithVerbose only
	Problem     MessageKind = C.PMEMPOOL_CHECK_MSG_TYPE_ERROR
	Asked       MessageKind = C.PMEMPOOL_CHECK_MSG_TYPE_QUESTION
)

// Message is one thing that a check has to say.
type Message struct {
	Kind   MessageKind
	Text   string
	Answer bool // to a question
}

// String is the text, and for a question the answer.
func (m Message) String() string {
	if m.Kind != Asked {
		return m.Text
	}
	if m.Answer {
		return m.Text + " yes"
	}
	return m.Text + " no"
}

// Question is what a repair needs to know: whether to take the step that Text
// describes.
type Question struct{ Text string }

// Report is what a check found.
type Report struct {
	Type   Type
	Result Result

	// Caveats are what a repair could not restore, and what to do about it. They
	// are sentences for people.
	Caveats []string

	// NeedsAdvanced says that PMDK would repair more if WithAdvanced was given.
	NeedsAdvanced bool
}

// Checker is a check under way. It is used by one goroutine at a time; Close
// may be called by any.
//
// A Checker that is lost before its end is reported (see
// [cgoutil.SetLeakReporter]) and ended.
type Checker struct {
	_ cgoutil.NoCopy
	*checker
	watch *cgoutil.Watcher
}

// checker is what a Checker stands for.
type checker struct {
	ctx     context.Context
	path    string
	o       *options
	target  *target
	lock    sync.Mutex
	c       *C.struct_pmemgo_check // nil when the check is over
	paths   [2]*C.char
	queue   []Message // to be told before C is asked
	lost    []Arena   // to be restored by Go
	answer  bool
	failure string // the last problem
	done    bool
	report  Report
	err     error
}

// Check looks at the pool at path, a file or a pool set, and says what is wrong
// with it; with WithRepair, it puts right what it can. It goes on as messages are
// taken, up to the result:
//
//	check, err := libpmempool.Check(ctx, path, libpmempool.WithVerbose())
//	for message := range check.Messages() {
//		fmt.Println(message)
//	}
//	report, err := check.Result()
//
// The pool must not be open; that is EAGAIN. Files that would make C crash are
// refused with a *CorruptError. When ctx is over, the check ends before its next
// message, with ctx's error.
//
// What is checked: headers and, of log and blk pools, the structures around the
// data. Of obj pools it is the header alone; libpmemobj.Check reads them
// whole. No pool has checksums of its data. PMDK repairs log and blk pools; an
// obj pool is restored by Sync from a replica, or from a backup.
//
// PMDK takes a blk pool whose translation table is overwritten with zeros for a
// new one, and would format it. Check compares with the table's backup first,
// and restores that in Go, as another step of the repair.
//
// A repair is not atomic: one that is killed leaves a pool to be repaired again.
//
// Options: WithRepair, WithDryRun, WithAdvanced, WithYes, WithAnswers,
// WithBackup, WithVerbose, WithType, WithAllowedDirs, WithoutNDCTL.
//
// Implements: pmempool_check_init(3)
func Check(ctx context.Context, path string, opts ...Option) (*Checker, error) {
	const op = "check"
	o, err := newOptions(op, path, opts, "WithRepair", "WithDryRun", "WithAdvanced", "WithYes", "WithAnswers",
		"WithBackup", "WithVerbose", "WithType", "WithAllowedDirs", "WithoutNDCTL")
	if err != nil {
		return nil, err
	}
	if err := o.checkable(op, path); err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, path: path, o: o, answer: true}
	begun, err := c.prepare(op)
	if err != nil {
		return nil, err
	}
	wrapped := &Checker{checker: c}
	if begun {
		wrapped.watch = cgoutil.WatchAndRelease(wrapped, "libpmempool check", path, func() { c.end(ErrAbandoned) })
	}
	return wrapped, nil
}

// checkable says what C would call invalid, in words.
func (o *options) checkable(op, path string) error {
	needs := map[string]bool{
		"WithDryRun": o.dryRun, "WithAdvanced": o.advanced, "WithYes": o.yes,
		"WithAnswers": o.answer != nil, "WithBackup": o.backup != "",
	}
	for name, set := range needs {
		if set && !o.repair {
			return badArgument(op, path, "option %s needs WithRepair", name)
		}
	}
	if o.yes && o.answer != nil {
		return badArgument(op, path, "WithYes answers all questions: WithAnswers has none left")
	}
	return nil
}

// prepare decides what happens before C is asked, and begins the check there
// unless there is nothing left for it.
func (c *checker) prepare(op string) (begun bool, err error) {
	leave := enterC()
	defer func() { leave(c.target.ids()) }()
	t, err := examine(op, c.path, c.o)
	if err != nil {
		return false, err
	}
	c.target, c.report.Type = t, t.kind()
	if c.o.kind != TypeDetect {
		c.report.Type = c.o.kind
	}
	if err := t.busy(); err != nil {
		return false, err
	}
	if t.set != nil && len(t.set.Replicas) > 1 { // which only obj pools have
		if c.missing() {
			return false, nil
		}
	} else if err := t.whole(); err != nil {
		return false, err
	}
	if err := c.backupAllowed(op); err != nil {
		return false, err
	}
	if err := t.ready(c.o, c.o.repair && !c.o.dryRun); err != nil {
		return false, err
	}
	if c.report.Type == TypeBlk || c.report.Type == TypeBTT {
		if err := c.readTable(op); err != nil {
			return false, err
		}
		if len(c.lost) > 0 {
			return !c.done, nil // C begins after the answer
		}
	}
	return true, c.begin()
}

// missing is the report on an obj pool set that lacks files: C does not open
// it. It is false if all are there.
func (c *checker) missing() bool {
	bad := map[int]bool{}
	for _, f := range c.target.files {
		if f.err != nil {
			bad[f.replica] = true
			c.queue = append(c.queue, Message{Kind: Problem, Text: fmt.Sprintf("replica %d part %d: %v", f.replica, f.part, f.err)})
		}
	}
	if len(bad) == 0 {
		return false
	}
	result := NotConsistent
	if len(bad) < len(c.target.set.Replicas) {
		result = SyncRequired
	}
	c.finish(result)
	return true
}

func (c *checker) backupAllowed(op string) error {
	if c.o.backup == "" {
		return nil
	}
	if _, err := cgoutil.CheckPath(op, c.o.backup); err != nil {
		return err
	}
	if c.target.set == nil {
		return notThere(op, c.o.backup)
	}
	backup, err := examine(op, c.o.backup, c.o)
	if err != nil {
		return err
	}
	if backup.set == nil {
		return badArgument(op, c.o.backup, "the backup of a pool set is another pool set, with parts of the same sizes; this is no pool set file")
	}
	for _, f := range backup.files {
		if err := notThere(op, f.path); err != nil {
			return err
		}
	}
	return nil
}

// begin begins the check in C, between enterC and leave.
func (c *checker) begin() error {
	// Verbose in any case: what is done is among what is told.
	flags := C.uint32_t(C.PMEMPOOL_CHECK_VERBOSE)
	for flag, set := range map[C.uint32_t]bool{
		C.PMEMPOOL_CHECK_REPAIR:     c.o.repair,
		C.PMEMPOOL_CHECK_DRY_RUN:    c.o.dryRun,
		C.PMEMPOOL_CHECK_ADVANCED:   c.o.advanced,
		C.PMEMPOOL_CHECK_ALWAYS_YES: c.o.yes,
	} {
		if set {
			flags |= flag
		}
	}
	// C keeps its own copies, but does not say so.
	c.paths[0] = C.CString(c.path)
	if c.o.backup != "" && len(c.lost) == 0 { // else there is one already
		c.paths[1] = C.CString(c.o.backup)
	}
	var st cgoutil.Status
	c.c = C.pmemgo_pool_check_begin(c.paths[0], c.paths[1], C.int32_t(c.o.kind), flags, cStatus(&st))
	if c.c == nil {
		c.free()
		return st.Err("check", c.path)
	}
	return nil
}

// Messages ranges over what the check has to say, as it goes on. Breaking out
// of the loop ends the check; it has no result then.
//
// Implements: pmempool_check(3)
func (c *Checker) Messages() iter.Seq[Message] {
	return func(yield func(Message) bool) {
		for {
			m, ok := c.next()
			if !ok {
				c.watch.Stop()
				return
			}
			if !yield(m) {
				_ = c.Close()
				return
			}
		}
	}
}

// Result is what the check comes to. It goes through what is left of the
// check first.
//
// The error is nil if the check was made, whatever it found, with one
// exception: an obj pool that cannot be repaired is ErrRepairUnsupported, with
// what to do instead. A check that was broken off gives ErrAbandoned or the
// context's error, one that failed an *Error.
func (c *Checker) Result() (Report, error) {
	for range c.Messages() {
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.report, c.err
}

// Close ends the check. Calls after its end do nothing.
//
// Implements: pmempool_check_end(3)
func (c *Checker) Close() error {
	c.end(ErrAbandoned)
	c.watch.Stop()
	return nil
}

// next takes a step. Questions are asked with no lock held.
func (c *checker) next() (m Message, ok bool) {
	for {
		m, ok = c.step()
		if !ok || m.Kind != Information || c.o.verbose || needsAdvanced(m) {
			break
		}
	}
	if !ok || m.Kind != Asked {
		return m, ok
	}
	m.Answer = c.o.yes || c.o.answer != nil && c.o.answer(Question{Text: m.Text})
	c.lock.Lock()
	defer c.lock.Unlock()
	c.answer = m.Answer
	return m, true
}

func (c *checker) step() (m Message, ok bool) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if err := c.ctx.Err(); err != nil && !c.done {
		c.endLocked(err)
	}
	if len(c.queue) > 0 && !(c.done && c.err != nil) {
		m, c.queue = c.queue[0], c.queue[1:]
		return m, true
	}
	if c.done {
		return m, false
	}
	if c.c == nil {
		// The lost arenas have been asked about.
		if !c.answer {
			c.finish(NotConsistent)
			return m, false
		}
		if c.o.dryRun {
			c.finish(Repaired) // what C would read is not there
			return m, false
		}
		leave := enterC()
		err := c.restoreLost()
		if err == nil {
			err = c.begin()
		}
		leave(c.target.ids())
		if err != nil {
			c.done, c.err, c.report.Result = true, err, CheckError
			return m, false
		}
	}
	var kind, yes C.int32_t
	if c.answer {
		yes = 1
	}
	var st cgoutil.Status
	leave := enterC()
	text := C.pmemgo_pool_check_step(c.c, yes, &kind, cStatus(&st))
	leave(c.target.ids())
	if text == nil {
		c.endLocked(nil)
		return m, false
	}
	m = Message{Kind: MessageKind(kind), Text: strings.TrimSpace(C.GoString(text))}
	c.note(m)
	return m, true
}

// end is for a check that is not gone through.
func (c *checker) end(why error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.done {
		c.endLocked(why)
	}
}

// endLocked ends the check in C. Why is nil if that was at its end.
func (c *checker) endLocked(why error) {
	result := CheckError
	var st cgoutil.Status
	if c.c != nil {
		leave := enterC()
		result = Result(C.pmemgo_pool_check_end(c.c, cStatus(&st)))
		leave(c.target.ids())
		c.free()
	}
	switch {
	case why != nil:
		c.done, c.err, c.report.Result = true, why, CheckError
		if !errors.Is(why, ErrAbandoned) {
			c.err = fmt.Errorf("check %s: %w", c.path, why)
		}
	case result == CheckError:
		c.done, c.report.Result = true, CheckError
		c.err = &Error{Op: "check", Path: c.path, Msg: c.failure}
		if c.failure == "" {
			c.err = st.Err("check", c.path)
		}
	default:
		c.finish(result)
	}
}

func (c *checker) free() {
	for i, p := range c.paths {
		C.free(unsafe.Pointer(p))
		c.paths[i] = nil
	}
	c.c = nil
}

// finish makes the report.
func (c *checker) finish(result Result) {
	c.done = true
	if len(c.lost) > 0 && result == Consistent {
		result = Repaired
	}
	c.report.Result = result
	if result == CannotRepair && c.report.Type == TypeObj {
		c.err = wrap("check", c.path, ErrRepairUnsupported, "PMDK cannot repair obj pools; restore the damaged files with Sync if the pool has replicas, or from a backup")
	}
	if result != Repaired {
		c.report.Caveats = nil
	}
}
