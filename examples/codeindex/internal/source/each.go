package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// Each scans files on all processors and hands them to fn one by one, in the
// order given, so that fn may write to one place without locks. A file that is
// gone by the time it is read is passed over. The first error of a file or of
// fn, or the end of ctx, ends the work and is returned.
func Each(ctx context.Context, files []File, fn func(i int, terms []Term) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The queue holds one channel per file, in order; its length is also what
	// bounds the number of files in memory at once.
	queue := make(chan chan scanned, 2*runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		for _, file := range files {
			result := make(chan scanned, 1)
			select {
			case queue <- result:
			case <-ctx.Done():
				return
			}
			go func() { result <- scanFile(file.Path) }()
		}
	}()

	i := 0
	for result := range queue {
		r := <-result
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(r.err, fs.ErrNotExist):
		case r.err != nil:
			return fmt.Errorf("read source: %w", r.err)
		default:
			if err := fn(i, r.terms); err != nil {
				return err
			}
		}
		i++
	}
	return ctx.Err()
}

type scanned struct {
	terms []Term
	err   error
}

func scanFile(path string) scanned {
	src, err := os.ReadFile(path)
	if err != nil {
		return scanned{err: err}
	}
	return scanned{terms: Scan(src)}
}
