package worker

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Config says what workers do and what they may.
type Config struct {
	Test    string // its name; see Possible
	Run     int    // see Child
	Job     string // an existing folder that all workers can read
	Count   int    // how many, at most
	Timeout time.Duration
	Env     []string  // added to this process's environment
	Output  io.Writer // gets what workers print, if not nil
}

// startTime is how long the test may take until it reaches the place where
// it serves, at least.
const startTime = 2 * time.Minute

// Group is a number of workers.
type Group struct {
	config  Config
	slots   []slot
	starter chan func()
	ended   sync.WaitGroup
	closed  sync.Once
}

type slot struct {
	lock    sync.Mutex
	process *process
	started int
}

// Start makes a group. A process starts when it gets its first request.
func Start(c Config) (*Group, error) {
	if !Possible(c.Test) {
		return nil, fmt.Errorf("no process can be made to run %q alone", c.Test)
	}
	g := &Group{config: c, slots: make([]slot, max(1, c.Count)), starter: make(chan func())}
	g.ended.Go(func() {
		// The kernel kills a worker when the thread that made it ends; this
		// one lasts as long as the group.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range g.starter {
			f()
		}
	})
	return g, nil
}

// Reply is a worker's answer or, if Phase is not empty, its end.
type Reply struct {
	Body    []byte
	Phase   string // Crash, Timeout
	Message string // how it ended, in a line
	Output  string // what it printed meanwhile, if it ended
}

// Ends of a worker.
const (
	Crash   = "crash"
	Timeout = "timeout"
)

// Do has worker i answer the request. It may be called from any goroutine. The
// error is not nil if there is no worker and none can be started.
func (g *Group) Do(i int, request []byte) (Reply, error) {
	s := &g.slots[i]
	s.lock.Lock()
	defer s.lock.Unlock()
	if err := g.fill(i); err != nil {
		return Reply{}, err
	}
	reply, alive := s.process.do(request, g.config.Timeout)
	if !alive {
		s.process = nil
	}
	return reply, nil
}

// Warm starts worker i if it isn't there.
func (g *Group) Warm(i int) error {
	s := &g.slots[i]
	s.lock.Lock()
	defer s.lock.Unlock()
	return g.fill(i)
}

// fill makes sure that there is worker i, whose lock is held.
func (g *Group) fill(i int) error {
	s := &g.slots[i]
	if s.process != nil {
		return nil
	}
	p, err := g.start(i, s.started)
	if err != nil {
		return err
	}
	s.process = p
	s.started++
	return nil
}

// Started is how many processes there have been.
func (g *Group) Started() int {
	n := 0
	for i := range g.slots {
		s := &g.slots[i]
		s.lock.Lock()
		n += s.started
		s.lock.Unlock()
	}
	return n
}

func (g *Group) start(i, generation int) (*process, error) {
	folder := filepath.Join(g.config.Job, "worker-"+strconv.Itoa(i)+"-"+strconv.Itoa(generation))
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	var p *process
	var err error
	done := make(chan struct{})
	g.starter <- func() {
		defer close(done)
		p, err = startProcess(&g.config, folder)
	}
	<-done
	if err == nil {
		err = p.ready(max(startTime, g.config.Timeout))
	}
	if err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("a process for the checks can't be started: %w", err)
	}
	return p, nil
}

// Close ends all workers. No request may be under way.
func (g *Group) Close() {
	g.closed.Do(func() {
		for i := range g.slots {
			s := &g.slots[i]
			s.lock.Lock()
			if s.process != nil {
				s.process.close()
				s.process = nil
			}
			s.lock.Unlock()
		}
		close(g.starter)
		g.ended.Wait()
	})
}
