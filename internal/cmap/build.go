package cmap

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed driver/driver.c
var driver string

// examples is where Debian puts libpmemobj's examples.
const examples = "/usr/share/doc/libpmemobj-dev/examples"

// Available says why there are no maps in C to compare with, or nil.
func Available() error {
	if _, err := os.Stat(filepath.Join(examples, "map/map.h")); err != nil {
		return fmt.Errorf("PMDK's C examples, which come with Debian's libpmemobj-dev, are not installed: %w", err)
	}
	return nil
}

// build builds the driver in a folder, against the PMDK that Go programs are
// linked with: the vendored one if there is one, or else the system's.
func build(dir string) (program string, err error) {
	if err := Available(); err != nil {
		return "", err
	}
	source := filepath.Join(dir, "driver.c")
	if err := os.WriteFile(source, []byte(driver), 0o600); err != nil {
		return "", err
	}
	cc, err := goTool("env", "CC")
	if err != nil {
		return "", err
	}
	root, err := goTool("list", "-m", "-f", "{{.Dir}}", "github.com/pmem/pmdk-go")
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "driver")
	pmdk := filepath.Join(root, "third_party/pmdk")
	command := strings.Fields(cc)
	args := append(command[1:], "-O2", "-w", "-o", program,
		"-I", filepath.Join(root, "internal/cinterop/cprogram/include"), "-I", pmdk+"/include")
	for _, folder := range []string{"map", "tree_map", "hashmap"} {
		args = append(args, "-I", filepath.Join(examples, folder))
	}
	args = append(args, source)
	for _, file := range []string{"map/map.c", "map/map_btree.c", "map/map_hashmap_tx.c", "tree_map/btree_map.c", "hashmap/hashmap_tx.c"} {
		args = append(args, filepath.Join(examples, file))
	}
	// PMDK's archives want libndctl, or what Go programs have in its place.
	args = append(args, filepath.Join(pmdk, "ndctl.c"), "-L"+pmdk+"/lib", "-l:libpmemobj.a", "-l:libpmem.a", "-ldl", "-lpthread")
	if out, err := exec.Command(command[0], args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the driver of C's maps: %w\n%s", err, out)
	}
	return program, nil
}

// goTool is what the go command prints.
func goTool(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
