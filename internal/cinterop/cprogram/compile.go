package cprogram

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

// binaries is the folder that programs are built into.
var binaries string

// Main is leaktest.Main for tests with programs; call it from TestMain.
func Main(m leaktest.Runner) {
	dir, err := os.MkdirTemp("", "cinterop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binaries = dir
	code := leaktest.Run(m, os.Stderr)
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func (p *Program) path() string { return filepath.Join(binaries, p.Name) }

// compile builds the program against the PMDK that Go programs are linked
// with: the vendored one if there is one, or else the system's.
func (p *Program) compile() error {
	cc, err := goTool("env", "CC")
	if err != nil {
		return err
	}
	root, err := goTool("list", "-m", "-f", "{{.Dir}}", "github.com/pmem/pmdk-go")
	if err != nil {
		return err
	}
	pmdk := filepath.Join(root, "third_party/pmdk")
	include := filepath.Join(root, "internal/cinterop/cprogram/include")
	command := strings.Fields(cc)
	warnings := []string{"-w"}
	if p.ours {
		warnings = []string{"-Wall", "-Wextra", "-Werror"}
	}
	args := append(command[1:], "-O1", "-o", p.path(), "-I", include, "-I", pmdk+"/include", "-I", p.folder)
	args = append(args, warnings...)
	for _, dir := range p.headers {
		args = append(args, "-I", filepath.Join(p.folder, dir))
	}
	for _, source := range p.sources {
		args = append(args, filepath.Join(p.folder, source))
	}
	// PMDK's archives want libndctl, or what Go programs have in its place.
	args = append(args, filepath.Join(pmdk, "ndctl.c"), "-L"+pmdk+"/lib", "-l:"+p.library+".a", "-l:libpmem.a", "-ldl", "-lpthread")
	out, err := exec.Command(command[0], args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", p.Name, err, out)
	}
	return nil
}

// goTool is what the go command prints.
func goTool(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
