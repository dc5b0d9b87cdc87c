package main

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/benchmarks/internal/disk"
)

// makeDir makes a folder for the stores, and says how fast its disk is.
func makeDir(s *settings, out *output) (string, error) {
	parent, err := chooseDir(s)
	if err != nil {
		return "", err
	}
	free, err := disk.Free(parent)
	if err != nil {
		return "", err
	}
	if need := 2 * s.size; free < need { // the pool, and a log or another store
		return "", fmt.Errorf("%s has %d MiB free, this needs %d: see -dir and -size", parent, free/mib, need/mib)
	}
	dir, err := os.MkdirTemp(parent, "bench-journal-")
	if err != nil {
		return "", err
	}
	took, err := disk.SyncTime(dir, 101)
	if err != nil {
		return "", err
	}
	out.note("%s: writing 4 KiB and fdatasync take %v", parent, took.Round(time.Microsecond))
	if took < 20*time.Microsecond {
		out.note("that is too fast for a disk that keeps what it acknowledges")
	}
	return dir, nil
}

func chooseDir(s *settings) (string, error) {
	if s.dir != "" {
		name, err := disk.InMemory(s.dir)
		if err != nil {
			return "", err
		}
		if name != "" && !s.anyDisk {
			return "", fmt.Errorf("%s is on %s, where nothing is durable and nothing has to be waited for: see -dir", s.dir, name)
		}
		return s.dir, nil
	}
	for _, dir := range []string{os.TempDir(), "."} {
		name, err := disk.InMemory(dir)
		if err != nil {
			return "", err
		}
		if name == "" || s.anyDisk {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%s and the current folder are in memory: see -dir", os.TempDir())
}

// removeWhenKilled ends the program, and leaves no gigabytes behind, if somebody
// interrupts it before the function that it returns is called.
func removeWhenKilled(dir string) (done func()) {
	killed := make(chan os.Signal, 1)
	signal.Notify(killed, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	go func() {
		if _, ok := <-killed; ok {
			os.RemoveAll(dir)
			os.Exit(1)
		}
	}()
	return func() {
		signal.Stop(killed)
		close(killed)
	}
}
