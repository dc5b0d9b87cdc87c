package diagnose

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
)

// A Place is where in the program something happened: the innermost line of
// the program itself, whatever the libraries did below it.
type Place struct {
	File string // base name, with the folder in front if it is not the package of From
	Line int
	Func string // the function of the program, with its package's path

	// Call is the exported function of the libraries that the line called,
	// such as "(*Pool).Persist"; empty if the line did it by itself.
	Call string

	// FromFile and FromLine are the line of the outermost package, which is
	// that of the workload, if File is another package's: a container's, say.
	FromFile string
	FromLine int
}

// Known reports whether there is a line of the program.
func (p Place) Known() bool { return p.File != "" }

// Site returns file and line, such as "bank_test.go:41".
func (p Place) Site() string {
	if !p.Known() {
		return "an unknown line"
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// String returns the line, and what it called:
//
//	bank_test.go:41 (in (*Pool).Persist)
//	hashmap/insert.go:77 (in Ptr.Mut, called from bank_test.go:41)
func (p Place) String() string {
	var more []string
	if p.Call != "" {
		more = append(more, "in "+p.Call)
	}
	if p.FromFile != "" {
		more = append(more, fmt.Sprintf("called from %s:%d", p.FromFile, p.FromLine))
	}
	if len(more) == 0 {
		return p.Site()
	}
	return p.Site() + " (" + strings.Join(more, ", ") + ")"
}

// site is a place with what only this package asks for.
type site struct {
	Place
	owner  owner
	update bool // somewhere on the stack is libpmemobj.(*Pool).Update
}

// owner is whose doing an event is.
type owner uint8

const (
	unknown owner = iota // no stack, or nothing of it has a name
	library              // the libraries', on their own account
	program              // the program's
)

// places resolves stacks, each once.
type places struct {
	stacks [][]uintptr
	called map[int32]site // stacks of return addresses
	exact  map[int32]site // stacks whose first entry is the instruction itself
}

func newPlaces(t *trace.Trace) *places {
	return &places{stacks: t.Stacks, called: make(map[int32]site), exact: make(map[int32]site)}
}

// of returns where e happened. The first entry of a Store's stack is the
// instruction that stored, which may be one of C; all others are return
// addresses in Go.
func (p *places) of(e *trace.Event) site {
	known := p.called
	if e.Kind == trace.Store {
		known = p.exact
	}
	s, ok := known[e.Stack]
	if ok {
		return s
	}
	if e.Stack > 0 && int(e.Stack) < len(p.stacks) {
		s = resolve(p.stacks[e.Stack], e.Kind == trace.Store)
	}
	known[e.Stack] = s
	return s
}

// resolve finds the program's line in a stack.
func resolve(stack []uintptr, exact bool) site {
	var s site
	var workload string // the package of the outermost line
	var after bool      // in a callback of a transaction that is over
	for _, f := range frames(stack, exact) {
		pkg, name := split(f.Function)
		if standard(pkg) {
			continue
		}
		if isLibrary(pkg, f.File) {
			function := call(pkg, name)
			after = after || pkg == objPackage && function == "outcome.tell"
			s.update = s.update || !after && pkg == objPackage && function == "(*Pool).Update"
			if !s.Known() {
				s.Call = function
			}
			continue
		}
		if !s.Known() {
			s.File, s.Line, s.Func = path.Base(f.File), f.Line, f.Function
		}
		if pkg != workload {
			workload = pkg
			s.FromFile, s.FromLine = path.Base(f.File), f.Line
		}
	}
	if !s.Known() {
		if s.Call != "" {
			s.owner = library
		}
		s.Call = ""
		return s
	}
	if pkg, _ := split(s.Func); samePackage(pkg, workload) {
		s.FromFile, s.FromLine = "", 0
	} else {
		s.File = path.Base(pkg) + "/" + s.File
	}
	s.owner = program
	if s.Call != "" && !copies[s.Call] {
		s.owner = library
	}
	return s
}

// frames resolves a stack, inlined functions as well. Addresses that are not
// of Go have no frame.
func frames(stack []uintptr, exact bool) []runtime.Frame {
	if len(stack) == 0 {
		return nil
	}
	pcs := stack
	if exact {
		// CallersFrames looks one byte before each address, for the call
		// that will return there.
		pcs = append([]uintptr{stack[0] + 1}, stack[1:]...)
	}
	var all []runtime.Frame
	for next := runtime.CallersFrames(pcs); ; {
		f, more := next.Next()
		if f.Function != "" {
			all = append(all, f)
		}
		if !more {
			return all
		}
	}
}

// split takes the full name of a function apart:
// "a.org/b/pkg.(*Ptr[...]).Get" is "a.org/b/pkg" and "(*Ptr).Get".
func split(function string) (pkg, name string) {
	var b strings.Builder
	depth := 0
	for _, r := range function {
		switch {
		case r == '[':
			depth++
		case r == ']':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	function = b.String()
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return "", function
	}
	return strings.ReplaceAll(function[:slash+dot], "%2e", "."), function[slash+dot+1:]
}

// call is how a function of the libraries is called in a report: a method by
// its receiver, others by their package.
func call(pkg, name string) string {
	receiver := strings.HasPrefix(name, "(*")
	parts := strings.Split(name, ".")
	// A closure is its function's: Update.func1, Update.deferwrap2, All.1.
	for len(parts) > 1 && (strings.HasPrefix(parts[len(parts)-1], "func") ||
		strings.HasPrefix(parts[len(parts)-1], "deferwrap") || strings.Trim(parts[len(parts)-1], "0123456789") == "") {
		parts = parts[:len(parts)-1]
	}
	name = strings.TrimSuffix(strings.Join(parts, "."), "-fm")
	if receiver || len(parts) > 1 {
		return name
	}
	return path.Base(pkg) + "." + name
}

const (
	modulePath = "github.com/pmem/pmdk-go"
	objPackage = modulePath + "/libpmemobj"
)

// libraries are the packages that are never the program under test. What lies
// below them, such as the containers of libpmemobj, is.
var libraries = map[string]bool{
	modulePath + "/libpmem":           true,
	modulePath + "/libpmem/crashtest": true,
	modulePath + "/libpmemobj":        true,
	modulePath + "/libpmemlog":        true,
	modulePath + "/libpmemblk":        true,
	modulePath + "/libpmempool":       true,
	modulePath + "/cgoutil":           true,
}

func isLibrary(pkg, file string) bool {
	if strings.HasSuffix(file, "_test.go") {
		return false // tests inside the package, too
	}
	return libraries[pkg] || strings.HasPrefix(pkg, modulePath+"/internal/") ||
		strings.HasPrefix(pkg, modulePath+"/cgoutil/") || strings.HasPrefix(pkg, modulePath+"/third_party/") ||
		strings.HasPrefix(pkg, modulePath+"/libpmem/crashtest/")
}

// samePackage compares the paths of two packages, a test's with what it tests
// being the same.
func samePackage(a, b string) bool {
	return strings.TrimSuffix(a, "_test") == strings.TrimSuffix(b, "_test")
}

// standard reports whether a package is one of Go's own, through which a
// program's store may go: binary.LittleEndian.PutUint64, copy, atomic.Store.
func standard(pkg string) bool {
	first, _, _ := strings.Cut(pkg, "/")
	return standards[first]
}

var standards = map[string]bool{
	"": true, "bufio": true, "bytes": true, "cmp": true, "container": true, "crypto": true, "encoding": true,
	"errors": true, "fmt": true, "hash": true, "internal": true, "io": true, "iter": true, "maps": true,
	"math": true, "reflect": true, "runtime": true, "slices": true, "sort": true, "strconv": true,
	"strings": true, "sync": true, "testing": true, "unicode": true, "unsafe": true,
}

// copies are the functions of the libraries that store to where the program
// says, without the library knowing what it is.
var copies = set(
	"libpmem.Memcpy", "libpmem.MemcpyPersist", "libpmem.MemcpyNodrain",
	"libpmem.Memmove", "libpmem.MemmovePersist", "libpmem.MemmoveNodrain",
	"libpmem.Memset", "libpmem.MemsetPersist", "libpmem.MemsetNodrain",
	"(*Mapping).CopyAt", "(*Mapping).MoveAt", "(*Mapping).SetAt", "(*Mapping).WriteAt",
	"(*Pool).Memcpy", "(*Pool).Memmove", "(*Pool).Memset",
)

// flushers are the functions of the libraries by which a program flushes a
// range that it names. The deep ones go further than a flush, and Sync means
// whatever there is: neither is in vain for clean lines.
var flushers = set(
	"libpmem.Persist", "libpmem.Flush", "(*Mapping).Persist", "(*Mapping).Flush",
	"(*Pool).Persist", "(*Pool).Flush", "(*Pool).XPersist", "(*Pool).XFlush",
)

// snapshots are the functions of libpmemobj by which a program takes a
// snapshot of what it names.
var snapshots = set(
	"(*Tx).Snapshot", "(*Tx).SnapshotWith", "(*Tx).Track", "libpmemobj.MutAt",
	"Ptr.Mut", "Off.Mut", "(*Slice).Mut",
)

// locking reports whether a function of libpmemobj is there for its locks.
func locking(call string) bool {
	receiver, _, _ := strings.Cut(call, ".")
	return call == "(*Tx).Lock" || receiver == "(*Mutex)" || receiver == "(*RWMutex)" || receiver == "(*Cond)"
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
