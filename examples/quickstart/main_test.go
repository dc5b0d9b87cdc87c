package main

import (
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

// Ensure that the counter and the list outlive the process.
func TestSurvivesRestarts(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"runs: 1", "runs: 2", "runs: 3"} {
		cmd := exec.Command(self)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "QUICKSTART_TEST_AS_MAIN=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if lines[0] != want || len(lines) != 2+n {
			t.Errorf("run %d: want %q and %d times, got\n%s", n+1, want, n+1, out)
		}
	}
}
