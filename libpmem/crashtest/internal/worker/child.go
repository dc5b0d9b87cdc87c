package worker

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// What tells a process that it is a worker.
const (
	variableTest   = "PMEMGO_CRASHTEST_TEST"
	variableRun    = "PMEMGO_CRASHTEST_RUN"
	variableJob    = "PMEMGO_CRASHTEST_JOB"
	variableFolder = "PMEMGO_CRASHTEST_FOLDER"
)

// The descriptors of a worker's pipes.
const (
	requestFD = 3
	answerFD  = 4
)

// maxFrame is the longest request and answer, in bytes.
const maxFrame = 64 << 20

// Child is this process, if it is a worker.
type Child struct {
	Test   string // the name of the test that it is a copy of
	Run    int    // which place of the test it stops at; the first is 1
	Job    string // the folder that all workers of the group share
	Folder string // a folder of its own
}

// inside is read once, before a test can start processes that are none of ours
// and would inherit it.
var inside = readChild()

func readChild() *Child {
	test, ok := os.LookupEnv(variableTest)
	if !ok {
		return nil
	}
	c := &Child{Test: test, Job: os.Getenv(variableJob), Folder: os.Getenv(variableFolder)}
	c.Run, _ = strconv.Atoi(os.Getenv(variableRun))
	for _, v := range []string{variableTest, variableRun, variableJob, variableFolder} {
		_ = os.Unsetenv(v)
	}
	unix.CloseOnExec(requestFD)
	unix.CloseOnExec(answerFD)
	return c
}

// Inside gives the worker that this process is, nil if it is none.
func Inside() *Child { return inside }

// Answer is what a worker makes of a request.
type Answer struct {
	Body []byte
	// Last says that the process is of no use any more: it ends, and what it
	// wrote to its outputs belongs to the answer.
	Last bool
}

// Serve answers requests until there are no more, and ends the process.
func (c *Child) Serve(handle func(request []byte) Answer) {
	requests := bufio.NewReader(os.NewFile(requestFD, "requests"))
	answers := os.NewFile(answerFD, "answers")
	if err := writeFrame(answers, frameReady, nil); err != nil {
		os.Exit(0) // nobody is there
	}
	for {
		_, request, err := readFrame(requests)
		if err != nil {
			os.Exit(0)
		}
		answer := handle(request)
		kind := frameAnswer
		if answer.Last {
			kind = frameLast
		}
		if err := writeFrame(answers, kind, answer.Body); err != nil || answer.Last {
			os.Exit(0)
		}
	}
}

// Frames: a byte of kind, four of length, and the content.
const (
	frameReady byte = iota + 1
	frameRequest
	frameAnswer
	frameLast
)

const frameHeader = 5

func writeFrame(w io.Writer, kind byte, content []byte) error {
	frame := make([]byte, frameHeader, frameHeader+len(content))
	frame[0] = kind
	binary.LittleEndian.PutUint32(frame[1:], uint32(len(content)))
	_, err := w.Write(append(frame, content...))
	return err
}

func readFrame(r io.Reader) (kind byte, content []byte, err error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	n := binary.LittleEndian.Uint32(header[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", n)
	}
	content = make([]byte, n)
	_, err = io.ReadFull(r, content)
	return header[0], content, err
}
