package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// indexer runs `codeindex index` as a process of its own, so that it can be
// killed the way a process dies for real: without a chance to clean up.
type indexer struct {
	pool       string
	durability libpmemobj.Durability
	dir        string
}

// acknowledged maps the number of each file that the indexer has reported as
// committed to its path.
type acknowledged map[uint32]string

// run indexes until everything is done, or until the indexer has acknowledged
// killAt files: then it gets SIGKILL. A killAt of 0 never comes.
func (x indexer) run(ctx context.Context, killAt int, each func()) (acknowledged, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	acks, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer acks.Close()
	// In a pipe of one page the indexer cannot get far ahead of what has been read
	// here, so the kill comes half-way on a busy machine too.
	if _, err := unix.FcntlInt(acks.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize()); err != nil {
		return nil, fmt.Errorf("make a small pipe: %w", err)
	}

	const ackFD = 3 // the first of ExtraFiles
	args := append([]string{"index", "-ack-fd", strconv.Itoa(ackFD), "-pool", x.pool}, flagsFor(x.durability)...)
	child := exec.CommandContext(ctx, self, append(args, x.dir)...)
	child.ExtraFiles = []*os.File{theirs}
	var complaints strings.Builder
	child.Stderr = &complaints
	err = child.Start()
	theirs.Close() // else the pipe would never end
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", self, err)
	}

	acked, readErr := readAcks(acks, func(n int) {
		each()
		if n == killAt {
			_ = child.Process.Kill() // SIGKILL
		}
	})
	waitErr := child.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case readErr != nil:
		return nil, readErr
	case killAt > 0 && !killed(waitErr):
		return nil, fmt.Errorf("the indexer was to be killed and ended by itself (%v): %s", waitErr, &complaints)
	case killAt == 0 && waitErr != nil:
		return nil, fmt.Errorf("the indexer failed (%w): %s", waitErr, strings.TrimSpace(complaints.String()))
	}
	return acked, nil
}

// readAcks reads to the end of the pipe, past the kill: what the indexer wrote
// before it died counts.
func readAcks(r io.Reader, each func(n int)) (acknowledged, error) {
	acked := make(acknowledged)
	lines := bufio.NewReaderSize(r, 256) // reading far ahead would undo the small pipe
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return acked, err // half a line acknowledges nothing
		}
		number, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		id, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("acknowledgement %q: %w", line, err)
		}
		acked[uint32(id)] = path
		each(len(acked))
	}
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
