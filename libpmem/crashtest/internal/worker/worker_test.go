package worker

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answerer answers in the ways that its requests ask for.
func answerer(c *Child) {
	fmt.Println("ready soon")
	c.Serve(func(request []byte) Answer {
		what, rest, _ := strings.Cut(string(request), " ")
		switch what {
		case "echo":
			return Answer{Body: []byte(rest)}
		case "print":
			fmt.Fprintln(os.Stderr, rest)
			return Answer{Last: true}
		case "pid":
			return Answer{Body: strconv.AppendInt(nil, int64(os.Getpid()), 10)}
		case "child": // one of its own, that keeps the outputs open
			sleep := exec.Command("sleep", "1000")
			sleep.Stdout, sleep.Stderr = os.Stdout, os.Stderr
			if err := sleep.Start(); err != nil {
				panic(err)
			}
			return Answer{Body: strconv.AppendInt(nil, int64(sleep.Process.Pid), 10)}
		case "close": // of what it answers through
			_ = syscall.Close(answerFD)
			select {}
		case "deaf": // to everything but SIGKILL
			if err := exec.Command("true").Run(); err != nil {
				panic(err)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		case "environment":
			return Answer{Body: []byte(strings.Join(os.Environ(), "\n"))}
		}
		panic("no such request: " + what)
	})
}

// newGroup makes a group of workers that run answerer in the same test.
func newGroup(t *testing.T, c Config) *Group {
	t.Helper()
	if child := Inside(); child != nil {
		if child.Test != t.Name() {
			t.FailNow()
		}
		answerer(child)
	}
	c.Test, c.Run, c.Job = t.Name(), 1, t.TempDir()
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	g, err := Start(c)
	require.NoError(t, err)
	t.Cleanup(func() {
		g.Close()
		left, err := os.ReadDir(c.Job)
		require.NoError(t, err)
		assert.Empty(t, left)
	})
	return g
}

func ask(t *testing.T, g *Group, i int, request string) Reply {
	t.Helper()
	r, err := g.Do(i, []byte(request))
	require.NoError(t, err)
	return r
}

// requireGone asserts that a process ends soon.
func requireGone(t *testing.T, pid string) {
	t.Helper()
	stat := filepath.Join("/proc", pid, "stat")
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(stat)
		if err != nil {
			return true
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		return strings.HasPrefix(rest, "Z") // it waits for its parent to ask
	}, 10*time.Second, 10*time.Millisecond, pid)
}

// Ensure that answers come back, whatever their length, from one process each.
func TestAnswers(t *testing.T) {
	g := newGroup(t, Config{Count: 2, Env: []string{"WORKER_TEST=yes"}})
	for _, n := range []int{0, 1, 100, 1 << 20} {
		text := strings.Repeat("x", n)
		for i := range 2 {
			assert.Equal(t, text, string(ask(t, g, i, "echo "+text).Body))
		}
	}
	assert.NotEqual(t, string(ask(t, g, 0, "pid").Body), string(ask(t, g, 1, "pid").Body))
	assert.Equal(t, string(ask(t, g, 0, "pid").Body), string(ask(t, g, 0, "pid").Body))
	assert.Equal(t, 2, g.Started())
	env := string(ask(t, g, 0, "environment").Body)
	assert.Contains(t, env, "WORKER_TEST=yes")
	assert.NotContains(t, env, variableTest, "a process that it starts is no worker")
}

// Ensure that an end is told, and that the next request gets a new process.
func TestEnds(t *testing.T) {
	g := newGroup(t, Config{Count: 1, Timeout: 2 * time.Second})
	r := ask(t, g, 0, "panic")
	assert.Equal(t, Crash, r.Phase)
	assert.Regexp(t, "^panic: no such request: panic.*, exit status 2$", r.Message)
	assert.Contains(t, r.Output, "worker_test.go")
	assert.NotContains(t, r.Output, "ready soon", "that was before the request")

	r = ask(t, g, 0, "print this")
	assert.Empty(t, r.Phase)
	assert.Equal(t, "this\n", r.Output)

	r = ask(t, g, 0, "close")
	assert.Equal(t, Crash, r.Phase)
	assert.Equal(t, "signal: killed", r.Message)

	r = ask(t, g, 0, "deaf")
	assert.Equal(t, Timeout, r.Phase)
	assert.Equal(t, "not done after 2s", r.Message)

	assert.Equal(t, "again", string(ask(t, g, 0, "echo again").Body))
	assert.Equal(t, 5, g.Started())
}

// Ensure that what a worker has started goes with it.
func TestChildren(t *testing.T) {
	g := newGroup(t, Config{Count: 1})
	first := string(ask(t, g, 0, "child").Body)
	assert.Equal(t, Crash, ask(t, g, 0, "panic").Phase)
	requireGone(t, first)
	second := string(ask(t, g, 0, "child").Body)
	worker := string(ask(t, g, 0, "pid").Body)
	g.Close()
	requireGone(t, second)
	requireGone(t, worker)
}

// Ensure that workers die with the process that they work for.
func TestParentKilled(t *testing.T) {
	const variable = "WORKER_TEST_PARENT"
	if Inside() != nil || os.Getenv(variable) != "" {
		g := newGroup(t, Config{Count: 1})
		fmt.Printf("worker %s\n", ask(t, g, 0, "pid").Body)
		select {}
	}
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self, "-test.run=^TestParentKilled$")
	parent.Env = append(os.Environ(), variable+"=1", "TMPDIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var pid string
	_, err = fmt.Fscanf(out, "worker %s\n", &pid)
	require.NoError(t, err)
	require.NoError(t, parent.Process.Kill())
	requireGone(t, pid)
	require.Error(t, parent.Wait())
}

// Ensure that a test that does not serve is an error with what it printed.
func TestNotServed(t *testing.T) {
	if Inside() != nil {
		fmt.Println("something else to do")
		return
	}
	g := newGroup(t, Config{Count: 1})
	_, err := g.Do(0, nil)
	assert.ErrorContains(t, err, "a process for the checks can't be started: it ended without reaching crashtest.Run, exit status 0")
	assert.ErrorContains(t, err, "something else to do")
	assert.Error(t, g.Warm(0))
	_, err = Start(Config{Test: "ExampleRun"})
	assert.ErrorContains(t, err, `"ExampleRun"`)
}

// Ensure that a worker gets this process's flags, but for those that would make
// it run other tests or write files.
func TestArguments(t *testing.T) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.Bool("test.short", false, "")
	flags.Bool("test.v", false, "")
	flags.Bool("test.paniconexit0", false, "")
	flags.String("test.run", "", "")
	flags.String("own", "", "")
	head := []string{`-test.run=^TestA$/^b\(c$`, "-test.v=true", "-test.count=1", "-test.timeout=0"}
	for _, c := range []struct{ own, want string }{
		{"", ""},
		{"-test.short", "-test.short"},
		{"--test.short=false -test.timeout=10m0s", "--test.short=false"},
		{"-test.paniconexit0 -test.run X -own -x -test.v y -test.short", "-own -x y -test.short"},
		{"-test.run=X -own=1 -crashtest.keep=/x -- -test.run=Y", "-own=1 -- -test.run=Y"},
		{"-test.coverprofile=c.out -test.cpuprofile=x -test.outputdir=/", ""},
		{"-", "-"},
	} {
		assert.Equal(t, append(head, strings.Fields(c.want)...), arguments("TestA/b(c", strings.Fields(c.own), flags), c.own)
	}
}

// Ensure that a flood of output is kept short, with both its ends.
func TestOutput(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	var also bytes.Buffer
	o, err := collect(r, &also)
	require.NoError(t, err)
	_, err = io.WriteString(w, "begin"+strings.Repeat("x", 1<<20)+"end")
	require.NoError(t, err)
	require.NoError(t, w.Close())
	<-o.done
	got := o.String()
	assert.Less(t, len(got), 3*keep)
	assert.True(t, strings.HasPrefix(got, "begin"))
	assert.True(t, strings.HasSuffix(got, "end"))
	assert.Contains(t, got, fmt.Sprintf("%d bytes left out", 1<<20+8-2*keep))
	assert.Equal(t, 1<<20+8, also.Len())
	o.reset()
	assert.Empty(t, o.String())
}

// Ensure that the reason is found in what a dying program writes.
func TestReason(t *testing.T) {
	for output, want := range map[string]string{
		"":            "",
		"--- FAIL: x": "",
		"panic: ouch\n\ngoroutine 1 [running]:\n":                                                         "panic: ouch",
		"fatal error: all goroutines are asleep - deadlock!\n":                                            "fatal error: all goroutines are asleep - deadlock!",
		"SIGABRT: abort\nPC=0x1 m=0 sigcode=18446744073709551610\n":                                       "SIGABRT: abort",
		"fatal error: fault\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x48e3]\n\ngo": "SIGSEGV: segmentation violation",
		"unexpected\nSIGBUS: bus error\nPC=0x7f m=0 sigcode=2\nsignal arrived during cgo execution\n":     "SIGBUS: bus error",
	} {
		assert.Equal(t, want, reason(output), output)
	}
}
