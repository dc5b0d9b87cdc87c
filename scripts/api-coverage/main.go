// Api-coverage compares the functions that PMDK's headers declare with the
// `Implements:` lines in the documentation of the Go packages.
//
//	go run ./scripts/api-coverage        from the root of the module
//
// It prints a line for each library and fails if a library that is said to be
// bound whole lacks a function, or if any library's documentation names
// something that its header does not have.
package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// library is one of PMDK's, bound by the Go package of its name.
type library struct {
	name  string
	whole bool // bound, so that a gap is a failure
}

var libraries = []library{
	{"libpmem", true},
	{"libpmemobj", true},
	{"libpmemblk", true},
	{"libpmemlog", true},
	{"libpmempool", true},
}

func main() {
	failed := false
	for _, l := range libraries {
		report, err := l.check()
		if err != nil {
			fmt.Fprintln(os.Stderr, "api-coverage:", err)
			failed = true
		}
		fmt.Println(report)
	}
	if failed {
		os.Exit(1)
	}
}

// check reads a library's header and its package's documentation.
func (l library) check() (report string, err error) {
	header, err := preprocess(l.name + ".h")
	if err != nil {
		return l.name, err
	}
	docs, err := implemented(l.name)
	if err != nil {
		return l.name, err
	}
	return l.compare(header, docs)
}

// prefix begins the names of a library's functions.
func (l library) prefix() string { return strings.TrimPrefix(l.name, "lib") + "_" }

// compare sets what a header declares against where the documentation
// implements it.
func (l library) compare(h header, docs map[string]string) (report string, err error) {
	var missing, unknown []string
	for name := range h.functions {
		if _, ok := docs[name]; !ok && strings.HasPrefix(name, l.prefix()) {
			missing = append(missing, name)
		}
	}
	for name, where := range docs {
		if !h.functions[name] && !h.macros[name] {
			unknown = append(unknown, fmt.Sprintf("%s (%s)", name, where))
		}
	}
	all := 0
	for name := range maps.Keys(h.functions) {
		if strings.HasPrefix(name, l.prefix()) {
			all++
		}
	}
	slices.Sort(missing)
	slices.Sort(unknown)
	report = fmt.Sprintf("%s: %d of %d functions", l.name, all-len(missing), all)
	switch {
	case len(unknown) > 0:
		return report, fmt.Errorf("%s.h has none of these, which the documentation implements: %s", l.name, strings.Join(unknown, ", "))
	case l.whole && len(missing) > 0:
		return report, fmt.Errorf("package %s implements none of these: %s", l.name, strings.Join(missing, ", "))
	}
	return report, nil
}
