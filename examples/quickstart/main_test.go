package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain lets the test binary be the program, so that every run is a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("QUICKSTART_TEST_AS_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program is this one, about to run in a folder.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "QUICKSTART_TEST_AS_MAIN=1")
	return cmd
}

// run runs the program, as the n-th run of its pool.
func run(t *testing.T, dir string, n int, args ...string) {
	t.Helper()
	out, err := program(t, dir, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if lines[0] != fmt.Sprintf("runs: %d", n) || len(lines) != 1+n {
		t.Errorf("run %d: that number and as many times are missing:\n%s", n, out)
	}
}

// Ensure that the counter and the list outlive the process, with a journal and
// without.
func TestSurvivesRestarts(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, 1)
	run(t, dir, 2)
	run(t, dir, 3, "-journal")
	run(t, dir, 4, "-journal")
	run(t, dir, 5)
}

// Ensure that what the program has said outlives its death, and that a pool
// that was not closed is not opened without its journal.
func TestSurvivesKills(t *testing.T) {
	dir := t.TempDir()
	refused, n := 0, 0
	for range 10 {
		cmd := program(t, dir, "-journal")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		_ = cmd.Process.Kill() // it may have closed the pool by now
		_ = cmd.Wait()
		if n++; err != nil || line != fmt.Sprintf("runs: %d\n", n) {
			t.Fatalf("run %d said %q: %v", n, line, err)
		}
		if said, err := program(t, dir).CombinedOutput(); err == nil {
			n++
		} else if refused++; !strings.Contains(string(said), "quickstart.pool: the pool has changes in its journal: open it with the option of package libpmemobj/journal") {
			t.Fatalf("%v: %s", err, said)
		}
	}
	t.Logf("%d of 10 died before they had closed the pool", refused)
	if refused == 0 {
		t.Error("no process was killed before it had closed the pool")
	}
	run(t, dir, n+1, "-journal")
	run(t, dir, n+2)
}
