package testchild

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Kill ends the child by SIGKILL. It returns the lines that were not read yet,
// and fails the test if the child had ended by itself.
func (c *Child) Kill(t testing.TB) (rest []string) {
	t.Helper()
	c.KillAfter(t, 0, func(line string) { rest = append(rest, line) })
	return rest
}

// KillAfter is Kill some time later. Each line that was not read until then goes
// to note as it comes, and so do those that the child has left.
func (c *Child) KillAfter(t testing.TB, delay time.Duration, note func(line string)) {
	t.Helper()
	kill := make(chan error, 1)
	time.AfterFunc(delay, func() { kill <- c.cmd.Process.Kill() })
	for line := range c.lines {
		note(line)
	}
	killing := <-kill
	err := c.End()
	require.True(t, killed(err), "the child was to be killed (%v) and ended by itself (%v): %s", killing, err, &c.stderr)
}

// KillAtRandom is KillAfter at a moment that differs each time: mostly a while
// after the first line, less than longest, and now and then after the start.
func (c *Child) KillAtRandom(t testing.TB, rnd *rand.Rand, longest time.Duration, note func(line string)) {
	t.Helper()
	if rnd.IntN(6) > 0 {
		note(c.Line(t))
	}
	c.KillAfter(t, time.Duration(rnd.Int64N(int64(longest))), note)
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
