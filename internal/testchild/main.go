package testchild

import (
	"fmt"
	"io"
	"os"
)

// variable holds a child's name.
const variable = "PMDK_GO_TEST_CHILD"

var children = map[string]func(args []string) error{}

// Register names what a child can be; call it before Main. A child prints lines,
// which its parent reads. A failure is the exit code 1, and the error on
// standard error.
func Register(name string, run func(args []string) error) {
	if children[name] != nil {
		panic("two children are called " + name)
	}
	children[name] = run
}

// Main is the first thing that TestMain calls. It returns unless the process is
// a child.
func Main() {
	name := os.Getenv(variable)
	if name == "" {
		return
	}
	go func() {
		// The parent's end of the pipe closes when it dies.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	run, ok := children[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no child is called", name)
		os.Exit(2)
	}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Wait blocks a child until it is killed.
func Wait() { select {} }
