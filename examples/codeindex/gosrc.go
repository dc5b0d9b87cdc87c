package main

import (
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// stdlib finds the source of the standard library: the go command knows, and
// without one on the PATH, the place this program was built with may still be there.
func stdlib() (string, error) {
	goroots := []string{build.Default.GOROOT}
	if out, err := exec.Command("go", "env", "GOROOT").Output(); err == nil {
		goroots = append([]string{strings.TrimSpace(string(out))}, goroots...)
	}
	for _, goroot := range goroots {
		src := filepath.Join(goroot, "src")
		if info, err := os.Stat(filepath.Join(src, "fmt")); goroot != "" && err == nil && info.IsDir() {
			return src, nil
		}
	}
	return "", errors.New("found no Go installation to take the standard library's source from: pass a folder with Go code, as in `codeindex demo DIR`")
}

// sourceDir is the folder that the demo indexes.
func sourceDir(args []string) (string, error) {
	switch len(args) {
	case 0:
		return stdlib()
	case 1:
		return args[0], nil
	}
	return "", fmt.Errorf("demo takes one folder, not %d", len(args))
}
