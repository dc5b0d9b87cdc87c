package libpmemobj

// PMDK has some settings of how a pool is created or opened for the whole
// process only. The options here change them for one call, inside poolfile.Enter, and
// put back what was there.

// processSettings are those of one call.
type processSettings struct {
	prefault bool
	sds      *bool // nil leaves it to PMDK
	arenas   int
	arenaSet bool
	global   bool
}

// WithPrefault writes to each page of the pool when it is created or opened,
// so that no later access waits for the system to find memory. It takes time
// in proportion to the pool's size.
//
// Implements: pmemobj_ctl_set(3), the nodes prefault.at_create and
// prefault.at_open
func WithPrefault() Option {
	return func(o *options) { o.process.prefault = true }
}

// WithShutdownState says whether the pool that Create makes keeps track of
// shutdowns, so that the loss of a failed power-loss flush is noticed when it
// is opened. The default is PMDK's: yes.
//
// Implements: pmemobj_ctl_set(3), the node sds.at_create
func WithShutdownState(on bool) Option {
	return func(o *options) { o.process.sds = &on }
}

// WithArenas makes the pool start with n arenas for its threads, 1 to 1024,
// where the default is the number of processors. See [Arena].
//
// Implements: pmemobj_ctl_set(3), the node heap.arenas_default_max
func WithArenas(n int) Option {
	return func(o *options) { o.process.arenas, o.process.arenaSet = n, true }
}

// WithGlobalArena makes all threads share one arena unless an allocation names
// another by [Arena.Flag]. The pool then needs no thread-local key, of which a
// process has about 1000 for all its open pools. [Pool.WithArena] does not work
// in such a pool.
//
// Implements: pmemobj_ctl_set(3), the node heap.arenas_assignment_type
func WithGlobalArena() Option {
	return func(o *options) { o.process.global = true }
}

// set changes the settings and returns what puts them back. The caller is inside
// poolfile.Enter.
func (s *processSettings) set(op string) (restore func(), err error) {
	var undo []func()
	restore = func() {
		for _, f := range undo {
			f()
		}
	}
	change := func(name string, typ ctlType, v int64) {
		if err != nil {
			return
		}
		var before int64
		if before, err = ctlNumber(ctlGet, 0, op, name, typ, 0); err != nil {
			return
		}
		if _, err = ctlNumber(ctlSet, 0, op, name, typ, v); err == nil {
			undo = append(undo, func() { _, _ = ctlNumber(ctlSet, 0, op, name, typ, before) })
		}
	}
	if s.prefault {
		change("prefault.at_create", ctlInt, 1)
		change("prefault.at_open", ctlInt, 1)
	}
	if s.sds != nil {
		change("sds.at_create", ctlInt, number(*s.sds))
	}
	if s.arenaSet {
		change("heap.arenas_default_max", ctlUint, int64(s.arenas))
	}
	if s.global {
		change("heap.arenas_assignment_type", ctlInt, 1)
	}
	if err != nil {
		restore()
	}
	return restore, err
}
