package testchild

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func init() {
	Register("echo", func(args []string) error {
		for _, a := range args {
			fmt.Println(a)
		}
		fmt.Println(os.Getenv("TESTCHILD_WORD"))
		return nil
	})
	Register("fail", func([]string) error { return errors.New("as it should") })
	Register("count", func([]string) error {
		for n := 1; n <= 1000; n++ {
			fmt.Println(n)
		}
		Wait()
		return nil
	})
}

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// fatal is a test that a helper may fail.
type fatal struct {
	testing.TB
	failed string
}

func (f *fatal) Errorf(format string, args ...any) { f.failed = fmt.Sprintf(format, args...) }
func (f *fatal) FailNow()                          { panic(f) }
func (f *fatal) Fatalf(format string, args ...any) { f.Errorf(format, args...); f.FailNow() }

// failure is how do fails its test.
func failure(t *testing.T, do func(t testing.TB)) string {
	t.Helper()
	f := &fatal{TB: t}
	require.Panics(t, func() { do(f) })
	return f.failed
}

// Ensure that a child runs with its arguments and what was changed.
func TestOutput(t *testing.T) {
	c := StartWith(t, func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "TESTCHILD_WORD=moon") }, "echo", "a", "b c")
	require.Equal(t, "a", c.Line(t))
	require.Equal(t, []string{"b c", "moon"}, c.Output(t))
}

// Ensure that a child that fails is told from one that does not, with what it
// says.
func TestFailure(t *testing.T) {
	c := Start(t, "fail")
	require.ErrorContains(t, c.End(), "exit status 1")
	require.Equal(t, "fail: as it should", c.Stderr())
	c = Start(t, "nobody")
	require.ErrorContains(t, c.End(), "exit status 2")
	require.Equal(t, "no child is called nobody", c.Stderr())

	require.Contains(t, failure(t, func(tb testing.TB) { Start(t, "fail").Output(tb) }), "as it should")
	require.Equal(t, "after here, the child ended: exit status 1 fail: as it should",
		failure(t, func(tb testing.TB) { Start(t, "fail").LineAfter(tb, "here") }))
	require.Panics(t, func() { Register("fail", nil) })
}

// Ensure that a killed child loses none of its lines, and that a death of
// another kind is not taken for that.
func TestKill(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 10 {
		last := 0
		note := func(line string) {
			n, err := strconv.Atoi(line)
			require.NoError(t, err)
			require.Equal(t, last+1, n)
			last = n
		}
		Start(t, "count").KillAtRandom(t, rnd, time.Millisecond, note)
		t.Logf("killed at %d", last)
	}
	c := Start(t, "count")
	require.Equal(t, "1", c.Line(t))
	for i, line := range c.Kill(t) {
		require.Equal(t, strconv.Itoa(i+2), line)
	}
	require.Contains(t, failure(t, func(tb testing.TB) {
		c := Start(t, "fail")
		for range c.Lines() { // until its end
		}
		c.KillAfter(tb, 10*time.Millisecond, func(string) {})
	}), "as it should")
	require.Contains(t, failure(t, func(tb testing.TB) {
		c := Start(t, "count")
		require.Equal(t, "1", c.Line(t))
		require.NoError(t, c.Process().Signal(os.Interrupt))
		c.KillAfter(tb, time.Second, func(string) {})
	}), "signal: interrupt")
}

// Ensure that a child does not outlive its parent, whose end of the pipe closes
// then.
func TestOrphan(t *testing.T) {
	c := Start(t, "count")
	require.Equal(t, "1", c.Line(t))
	require.NoError(t, c.stdin.Close())
	require.ErrorContains(t, c.End(), "exit status 3")
}
