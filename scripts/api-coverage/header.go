package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// header is what a C header offers.
type header struct {
	functions map[string]bool
	macros    map[string]bool
}

// preprocess runs the C preprocessor over a header, found as the compiler of
// the packages finds it: the vendored one first.
func preprocess(name string) (header, error) {
	cc, err := exec.Command("go", "env", "CC").Output()
	if err != nil {
		return header{}, fmt.Errorf("go env CC: %w", err)
	}
	// Else pmemobj_direct, which is a function of the library, is a macro.
	args := append(strings.Fields(string(cc)), "-E", "-P", "-dD", "-x", "c",
		"-DPMEMOBJ_DIRECT_NON_INLINE", "-Ithird_party/pmdk/include", "-")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader("#include <" + name + ">\n")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return header{}, fmt.Errorf("preprocess %s: %w", name, err)
	}
	return parseHeader(string(out)), nil
}

var (
	macro = regexp.MustCompile(`^#define (\w+)`)
	call  = regexp.MustCompile(`\b([a-z]+_\w+) ?\(`)
)

// parseHeader finds the names that are declared or called as functions; what an
// inline function calls is declared too. Inline functions are C's way of
// calling another one, and do not count.
func parseHeader(preprocessed string) header {
	h := header{functions: map[string]bool{}, macros: map[string]bool{}}
	for line := range strings.Lines(preprocessed) {
		if m := macro.FindStringSubmatch(line); m != nil {
			h.macros[m[1]] = true
			continue
		}
		for _, m := range call.FindAllStringSubmatch(line, -1) {
			if !strings.HasSuffix(m[1], "_inline") {
				h.functions[m[1]] = true
			}
		}
	}
	return h
}
