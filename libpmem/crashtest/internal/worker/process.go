package worker

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Times that a process gets to end by itself.
const (
	endTime   = 500 * time.Millisecond // when there are no more requests
	stackTime = 3 * time.Second        // to write its stacks
)

// startFolder is where this process began, and a worker has to.
var startFolder, _ = os.Getwd()

type process struct {
	command  *exec.Cmd
	folder   string
	requests *os.File
	answers  *os.File
	reader   *bufio.Reader
	output   *output
}

func startProcess(c *Config, folder string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var open []*os.File
	pipe := func() (r, w *os.File) {
		if err != nil {
			return nil, nil
		}
		if r, w, err = os.Pipe(); err == nil {
			open = append(open, r, w)
		}
		return r, w
	}
	requestsIn, requestsOut := pipe()
	answersIn, answersOut := pipe()
	outputIn, outputOut := pipe()
	if err != nil {
		closeAll(open...)
		return nil, err
	}
	p := &process{
		command:  exec.Command(self, arguments(c.Test, os.Args[1:], flag.CommandLine)...),
		folder:   folder,
		requests: requestsOut,
		answers:  answersIn,
		reader:   bufio.NewReader(answersIn),
	}
	p.command.Args[0] = os.Args[0]
	p.command.Dir = startFolder
	p.command.Env = append(os.Environ(),
		variableTest+"="+c.Test, variableRun+"="+strconv.Itoa(c.Run), variableJob+"="+c.Job, variableFolder+"="+folder,
		// A test's temporary files go when the folder goes, whether or not
		// the test gets to its end.
		"TMPDIR="+folder, "GOTMPDIR="+folder,
		// With the race detector, a process would sleep for a second before
		// it ends.
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	p.command.Env = append(p.command.Env, c.Env...)
	p.command.Stdout, p.command.Stderr = outputOut, outputOut
	p.command.ExtraFiles = []*os.File{requestsIn, answersOut} // requestFD, answerFD
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.command.Start(); err != nil {
		closeAll(open...)
		return nil, err
	}
	closeAll(requestsIn, answersOut, outputOut)
	if p.output, err = collect(outputIn, c.Output); err != nil {
		panic(err) // it is an open pipe
	}
	return p, nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// ready waits until the process serves.
func (p *process) ready(limit time.Duration) error {
	_ = p.answers.SetReadDeadline(time.Now().Add(limit))
	kind, _, err := readFrame(p.reader)
	switch {
	case err == nil && kind == frameReady:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.askForStacks()
		how := p.end()
		return fmt.Errorf("after %v it had not reached crashtest.Run; %s\n%s", limit, how, p.output)
	}
	how := p.end()
	return fmt.Errorf("it ended without reaching crashtest.Run, %s. A test must get there in the same way each time it runs.\n%s", how, p.output)
}

// do gets an answer. The process is gone if it is not alive afterwards.
func (p *process) do(request []byte, limit time.Duration) (reply Reply, alive bool) {
	p.output.reset()
	_ = p.answers.SetReadDeadline(time.Now().Add(limit))
	err := writeFrame(p.requests, frameRequest, request)
	var kind byte
	var body []byte
	if err == nil {
		kind, body, err = readFrame(p.reader)
	}
	switch {
	case err == nil && kind == frameAnswer:
		return Reply{Body: body}, true
	case err == nil && kind == frameLast:
		p.end()
		return Reply{Body: body, Output: p.output.String()}, false
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.askForStacks()
		p.end()
		return Reply{Phase: Timeout, Message: fmt.Sprintf("not done after %v", limit), Output: p.output.String()}, false
	}
	how := p.end()
	out := p.output.String()
	if r := reason(out); r != "" {
		how = r + ", " + how
	}
	return Reply{Phase: Crash, Message: how, Output: out}, false
}

// askForStacks makes Go write the stacks of all goroutines and end, if it can.
func (p *process) askForStacks() {
	_ = syscall.Kill(p.command.Process.Pid, syscall.SIGQUIT)
	_ = p.answers.SetReadDeadline(time.Now().Add(stackTime))
	for {
		if _, _, err := readFrame(p.reader); err != nil {
			return
		}
	}
}

// end makes sure that the process is gone and says how it went. Its own
// children go with it. A signal to what has ended changes nothing.
func (p *process) end() string {
	closeAll(p.requests)
	_ = p.answers.SetReadDeadline(time.Now().Add(endTime))
	for {
		if _, _, err := readFrame(p.reader); err != nil {
			break
		}
	}
	closeAll(p.answers)
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	err := p.command.Wait()
	<-p.output.done
	_ = os.RemoveAll(p.folder)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit status 0"
	case !errors.As(err, &exit):
		return err.Error()
	}
	return exit.Error()
}

// close ends a process that has nothing to do.
func (p *process) close() { p.end() }

// reason finds in what a dying Go program wrote the line that says why.
func reason(output string) string {
	var found string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "[signal SIG"):
			// The addresses that follow differ each time.
			name, _, _ := strings.Cut(strings.TrimPrefix(line, "[signal "), " code=")
			return name
		case found == "" && (strings.HasPrefix(line, "SIG") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ")):
			found = line
		}
	}
	return found
}
