package libpmemblk_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Tests that kill a process, or hold a pool in another one, start this test
// binary again: with childVariable set to a name in children it runs that
// instead of the tests.

const childVariable = "PMEMBLK_TEST_CHILD"

// children print lines, which the parent reads. A failure is the exit code 1
// and a text on standard error.
var children = map[string]func(args []string) error{}

func runChild(name string) {
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

// wait blocks a child until it is killed.
func wait() { select {} }

type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	lines  chan string // closed at the end of the output
	stderr strings.Builder
}

func startChild(t *testing.T, name string, args ...string) *child {
	t.Helper()
	return startChildWith(t, nil, name, args...)
}

// startChildWith lets change modify the command before it starts.
func startChildWith(t *testing.T, change func(*exec.Cmd), name string, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := &child{cmd: exec.Command(exe, args...), lines: make(chan string, 1)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name)
	c.cmd.Stderr = &c.stderr
	if change != nil {
		change(c.cmd)
	}
	stdin, err := c.cmd.StdinPipe()
	require.NoError(t, err)
	c.stdin = stdin
	// A pipe of our own: Wait would close the command's before it is drained.
	out, in, err := os.Pipe()
	require.NoError(t, err)
	c.cmd.Stdout = in
	err = c.cmd.Start()
	require.NoError(t, in.Close())
	if err != nil {
		require.NoError(t, out.Close())
		require.NoError(t, err)
	}
	go func() {
		defer close(c.lines)
		defer out.Close()
		s := bufio.NewScanner(out)
		for s.Scan() {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { c.kill() })
	return c
}

// line waits for one line of output.
func (c *child) line(t *testing.T) string {
	t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			t.Fatalf("the child ended: %v %s", c.end(), &c.stderr)
		}
		return l
	case <-time.After(time.Minute):
		t.Fatal("the child is silent")
		return ""
	}
}

// kill ends the child by SIGKILL and returns when it is gone.
func (c *child) kill() error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return c.end()
}

// end waits for the child's end. All its output can be read afterwards.
func (c *child) end() error {
	go func() {
		for range c.lines { // nobody else may be reading
		}
	}()
	err := c.cmd.Wait()
	_ = c.stdin.Close()
	return err
}

// killed says whether a child's end was by SIGKILL.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// output lets a child run to its end and returns its lines.
func (c *child) output(t *testing.T) []string {
	t.Helper()
	var lines []string
	for l := range c.lines {
		lines = append(lines, l)
	}
	err := c.cmd.Wait()
	_ = c.stdin.Close()
	require.NoError(t, err, "%s", &c.stderr)
	return lines
}
