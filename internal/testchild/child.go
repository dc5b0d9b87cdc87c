package testchild

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Child is a process that a test has started. It is for one goroutine.
type Child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	lines  chan string // closed at the end of the output
	stderr strings.Builder
}

// Start starts the child that is registered by the name. What is left of it when
// the test ends is killed.
func Start(t testing.TB, name string, args ...string) *Child {
	t.Helper()
	return StartWith(t, nil, name, args...)
}

// StartWith is Start with a function that modifies the command before.
func StartWith(t testing.TB, change func(*exec.Cmd), name string, args ...string) *Child {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	c := &Child{cmd: exec.Command(exe, args...), lines: make(chan string, 1)}
	c.cmd.Env = append(os.Environ(), variable+"="+name)
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
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.End()
	})
	return c
}

// Process is the child's, for signals other than Kill's.
func (c *Child) Process() *os.Process { return c.cmd.Process }

// Lines are those of the output that were not read yet. The channel is closed at
// the output's end.
func (c *Child) Lines() <-chan string { return c.lines }

// Line waits for one line of output.
func (c *Child) Line(t testing.TB) string {
	t.Helper()
	return c.LineAfter(t, "the start")
}

// LineAfter is Line for a child that was last heard of at what.
func (c *Child) LineAfter(t testing.TB, what string) string {
	t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			err := c.End()
			t.Fatalf("after %s, the child ended: %v %s", what, err, c.Stderr())
		}
		return l
	case <-time.After(time.Minute):
		t.Fatalf("after %s, the child is silent", what)
		return ""
	}
}

// Output lets a child run to its end, which must be a success, and returns the
// lines that were not read yet.
func (c *Child) Output(t testing.TB) []string {
	t.Helper()
	var lines []string
	for l := range c.lines {
		lines = append(lines, l)
	}
	require.NoError(t, c.End(), "%s", &c.stderr)
	return lines
}

// End waits for the child's end; lines that were not read are lost.
func (c *Child) End() error {
	go func() {
		for range c.lines { // nobody else may be reading
		}
	}()
	err := c.cmd.Wait()
	_ = c.stdin.Close()
	return err
}

// Stderr is what the child has written to standard error, after its end.
func (c *Child) Stderr() string { return strings.TrimSpace(c.stderr.String()) }
