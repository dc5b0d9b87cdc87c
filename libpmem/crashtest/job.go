package crashtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/pmem/pmdk-go/internal/objheap"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/trace"
	"github.com/pmem/pmdk-go/libpmem/crashtest/internal/worker"
)

// What lies in the folder of a job, for its workers.
const (
	traceFile   = "trace"   // the recording
	reportsFile = "reports" // what calls of Run returned before
	imageFile   = "image"   // in the folder of each
)

// workerEnv is the environment of workers.
var workerEnv = []string{
	"PMEM_NO_FLUSH=1", // nothing they write is to last
	"GOMAXPROCS=1",    // there is one worker for each processor
	// PMDK makes and frees some megabytes of small blocks each time it opens
	// a pool. They need not go back to the kernel in between.
	"MALLOC_ARENA_MAX=1",
	"MALLOC_TRIM_THRESHOLD_=1073741824",
	"MALLOC_TOP_PAD_=16777216",
	"MALLOC_MMAP_THRESHOLD_=1073741824",
}

// variableLanes tells PMDK how many lanes to use at most.
const variableLanes = "PMEMOBJ_NLANES"

// workerGC is how much larger than what is in use the Go heap of a worker may
// get, in percent.
const workerGC = 800

// Requests begin with what they are about.
const (
	requestChoice byte = 'c' // a Choice of the recording follows
	requestKept   byte = 'k' // the JSON of a keptImage, whose path is to be read
)

// checker checks images.
type checker interface {
	// examine checks the image of a choice, as worker number i.
	examine(i int, c trace.Choice) (finding, error)
	close()
}

// local checks images in this process, one at a time.
type local struct {
	subject *subject
	image   *image
	stuck   bool
}

func newLocal(s *subject, dir *scratch, t *trace.Trace) (*local, error) {
	i, err := newImage(dir.file(imageFile), t)
	if err != nil {
		return nil, err
	}
	return &local{subject: s, image: i}, nil
}

func (l *local) examine(_ int, c trace.Choice) (finding, error) {
	if l.stuck {
		return finding{}, errors.New("a check has left the pool open, so that no more images can be checked in this process")
	}
	f, err := l.image.examine(l.subject, c)
	l.stuck = f.StillOpen
	return f, err
}

func (l *local) close() { l.image.close() }

// remote has images checked by other processes.
type remote struct{ group *worker.Group }

func newRemote(s *subject, run int, dir *scratch, t *trace.Trace, output io.Writer) (*remote, error) {
	if t != nil {
		f, err := os.OpenFile(dir.file(traceFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(t.Encode(f), f.Close()); err != nil {
			return nil, err
		}
	}
	if err := calls.save(dir.file(reportsFile)); err != nil {
		return nil, err
	}
	env := workerEnv
	if t != nil {
		if n := lanesNeeded(s.kind, t); n > 0 {
			env = append(slices.Clip(env), variableLanes+"="+strconv.Itoa(n))
		}
	}
	g, err := worker.Start(worker.Config{
		Test:    s.t.Name(),
		Run:     run,
		Job:     dir.path,
		Count:   s.config.Workers,
		Timeout: s.config.Timeout,
		Env:     env,
		Output:  output,
	})
	if err != nil {
		return nil, err
	}
	if err := g.Warm(0); err != nil {
		g.Close()
		return nil, err
	}
	return &remote{g}, nil
}

func (r *remote) examine(i int, c trace.Choice) (finding, error) {
	request, err := c.AppendBinary([]byte{requestChoice})
	if err != nil {
		return finding{}, err
	}
	return r.ask(i, request)
}

func (r *remote) ask(i int, request []byte) (finding, error) {
	reply, err := r.group.Do(i, request)
	if err != nil {
		return finding{}, err
	}
	return findingOf(reply)
}

func (r *remote) close() { r.group.Close() }

// findingOf reads a worker's reply.
func findingOf(r worker.Reply) (f finding, err error) {
	output := strings.TrimSpace(r.Output)
	if output != "" {
		output = "\n\nIt printed:\n" + output
	}
	if r.Phase != "" {
		return finding{Phase: r.Phase, Message: r.Message + output}, nil
	}
	var a answer
	if err := json.Unmarshal(r.Body, &a); err != nil {
		return f, fmt.Errorf("a worker's answer makes no sense: %w", err)
	}
	if a.Error != "" {
		return f, errors.New(a.Error)
	}
	if a.Phase != "" {
		a.Message += output
	}
	return a.finding, nil
}

// answer is what a worker makes of a request.
type answer struct {
	finding
	Error string `json:",omitempty"` // the image could not be made
}

// serve checks images for another process, and never returns.
func (s *subject) serve(child *worker.Child) {
	debug.SetGCPercent(workerGC)
	var img *image
	child.Serve(func(request []byte) worker.Answer {
		var a answer
		var err error
		if len(request) == 0 {
			err = errors.New("an empty request")
		} else if request[0] == requestKept {
			a.finding, err = s.examineKept(request[1:])
		} else {
			if img == nil {
				img, err = s.loadImage(child)
			}
			if err == nil {
				a.finding, err = img.answer(s, request[1:])
			}
		}
		if err != nil {
			a.Error = err.Error()
		}
		body, err := json.Marshal(&a)
		if err != nil {
			panic(err)
		}
		return worker.Answer{Body: body, Last: a.Spoilt || a.StillOpen}
	})
}

func (i *image) answer(s *subject, request []byte) (finding, error) {
	var c trace.Choice
	if err := c.UnmarshalBinary(request); err != nil {
		return finding{}, err
	}
	return i.examine(s, c)
}

func (s *subject) loadImage(child *worker.Child) (*image, error) {
	encoded, err := os.ReadFile(filepath.Join(child.Job, traceFile))
	if err != nil {
		return nil, err
	}
	t, err := trace.DecodeBytes(encoded)
	if err != nil {
		return nil, err
	}
	if n := lanesNeeded(s.kind, t); n > 0 {
		objheap.FewLanes(n)
		objheap.SetLanes(t.Base, n)
	}
	return newImage(filepath.Join(child.Folder, imageFile), t)
}
