package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pmem/pmdk-go/libpmemlog"
)

// run appends events and follows them until the process is killed or the log is
// full. It prints "appended W N" once event N of writer W is durable, and
// "followed W N" once the follower has read it.
func (c config) run(out io.Writer) error {
	records, err := c.open()
	if err != nil {
		return err
	}
	before, _, err := count(records)
	if err != nil {
		return err
	}
	end, err := records.End()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	for w := range c.writers {
		go func() { ended <- write(ctx, records, w, before[w], out) }()
	}
	go func() { ended <- follow(ctx, records, end, out) }()
	for range c.writers + 1 {
		err = errors.Join(err, <-ended)
		cancel() // when one ends, all do
	}
	return errors.Join(err, records.Log().Close())
}

// write appends events after the last one that the writer had appended.
func write(ctx context.Context, records *libpmemlog.Records, writer, last int, out io.Writer) error {
	for n := last + 1; ctx.Err() == nil; n++ {
		data, err := event{writer, n, time.Now(), "something happened"}.encode()
		if err != nil {
			return err
		}
		if _, err := records.Append(data); err != nil {
			return fmt.Errorf("writer %d, event %d: %w", writer, n, err)
		}
		if _, err := fmt.Fprintf(out, "appended %d %d\n", writer, n); err != nil {
			return err
		}
	}
	return nil
}

// follow reads the events from pos on as they are appended.
func follow(ctx context.Context, records *libpmemlog.Records, pos int64, out io.Writer) error {
	s := records.Scan(pos)
	for s.Wait(ctx) {
		e, err := decode(s.Data())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "followed %d %d\n", e.Writer, e.Number); err != nil {
			return err
		}
	}
	if errors.Is(s.Err(), ctx.Err()) {
		return nil
	}
	return s.Err()
}

// count reads all events, and finds each writer's in order.
func count(records *libpmemlog.Records) (c counts, bytes int64, err error) {
	c = counts{}
	s := records.Scan(0)
	for s.Next() {
		e, err := decode(s.Data())
		if err == nil {
			err = c.add(e)
		}
		if err != nil {
			return nil, 0, fmt.Errorf("record at %d: %w", s.Pos(), err)
		}
	}
	return c, s.End(), s.Err()
}
