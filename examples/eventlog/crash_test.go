package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemlog"
)

const (
	crashWriters = 3
	crashEvents  = 15
	crashReader  = 100 // the follower acknowledges what it has read of writer w as crashReader+w
)

// acknowledger reads what run prints, and acknowledges it. It ends a writer
// after some events, and the follower when it has read them all.
type acknowledger struct {
	mutex sync.Mutex
	left  int // events to be followed
	stop  func(writer int)
	done  func()
}

func (a *acknowledger) Write(line []byte) (int, error) {
	var what string
	var writer, number int
	if _, err := fmt.Sscan(string(line), &what, &writer, &number); err != nil {
		return 0, fmt.Errorf("%q: %w", line, err)
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if what == "appended" {
		crashtest.AckAs(int32(writer), int64(number))
		if number == crashEvents {
			a.stop(writer)
		}
		return len(line), nil
	}
	crashtest.AckAs(int32(crashReader+writer), int64(number))
	if a.left--; a.left == 0 {
		a.done()
	}
	return len(line), nil
}

// Ensure that after a power failure, no event is missing that was appended, or
// read by the follower, and none is torn.
func TestCrash(t *testing.T) {
	crashtest.Run(t, crashtest.Config{Images: crashmodel.Images}, crashRun, func(log *libpmemlog.Log, acked crashtest.Acked) error {
		records, err := libpmemlog.OpenRecords(log)
		if err != nil {
			return err
		}
		there, _, err := count(records)
		if err != nil {
			return err
		}
		seen := progress{appended: counts{}, followed: counts{}}
		for w := range crashWriters {
			seen.appended[w] = int(acked.Of(int32(w)))
			seen.followed[w] = int(acked.Of(int32(crashReader + w)))
		}
		return seen.missing(there)
	})
}

// crashRun is config.run with an end.
func crashRun(log *libpmemlog.Log) error {
	records, err := libpmemlog.OpenRecords(log)
	if err != nil {
		return err
	}
	var writers [crashWriters]context.Context
	var stops [crashWriters]func()
	for w := range writers {
		writers[w], stops[w] = context.WithCancel(context.Background())
		defer stops[w]()
	}
	follower, done := context.WithCancel(context.Background())
	defer done()
	out := &acknowledger{left: crashWriters * crashEvents, stop: func(w int) { stops[w]() }, done: done}
	ended := make(chan error)
	for w, ctx := range writers {
		go func() { ended <- write(ctx, records, w, 0, out) }()
	}
	go func() { ended <- follow(follower, records, 0, out) }()
	for range crashWriters + 1 {
		err = errors.Join(err, <-ended)
	}
	return err
}
