package journal_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/journal"
	"github.com/pmem/pmdk-go/libpmemobj/journal/internal/flushlog"
)

// tight is a journal that is always full, whose checkpoints would take years if
// nobody hurried them.
func tight() journal.Options {
	o := tiny()
	o.CheckpointRate = 1
	return o
}

// press has goroutines change a pool whose journal is full, each also by pieces
// that are larger than a batch and a segment.
func press(path string, changes uint64) error {
	p, err := libpmemobj.Open(path, layout, journal.With(tight()))
	if err != nil {
		return err
	}
	w, err := openWork(p)
	if err != nil {
		return err
	}
	done := make(chan error, writers)
	for i := range writers {
		go func() {
			var err error
			for n := uint64(1); n <= changes && err == nil; n++ {
				err = w.change(i, n)
				if n%16 == 0 && err == nil {
					var at libpmemobj.OID
					_, err = p.ConstructBytes(&at, 150_000, 1, func(b []byte) error {
						for i := range b {
							b[i] = byte(n)
						}
						return nil
					})
					if err == nil {
						err = p.Free(&at)
					}
				}
			}
			done <- err
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			return err
		}
	}
	s, err := journal.StatsOf(p)
	if err != nil {
		return err
	}
	if s.Checkpoints == 0 {
		return fmt.Errorf("no checkpoint: %+v", s)
	}
	if err := p.Close(); err != nil {
		return err
	}
	p, err = libpmemobj.Open(path, layout, libpmemobj.WithVerify())
	if err != nil {
		return err
	}
	if w, err = openWork(p); err != nil {
		return err
	}
	for i := range writers {
		if _, err := w.check(i, changes); err != nil {
			return err
		}
	}
	return p.Close()
}

func init() {
	testchild.Register("press", func(args []string) error {
		if err := press(args[0], 60); err != nil {
			return err
		}
		fmt.Println("done")
		return nil
	})
}

// Ensure that writers wait for room in a journal that is full, and go on, and
// that nobody waits for somebody who waits for him: with one thread for all Go
// code as well.
func TestPressure(t *testing.T) {
	t.Parallel()
	effective(t)
	require.NoError(t, press(plainPool(t, 16<<20), 60))
	c := testchild.StartWith(t, func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}, "press", plainPool(t, 16<<20))
	require.Equal(t, "done", c.LineAfter(t, "the start, with one processor"))
}

// Ensure that what a child process that was forked does to its copy of an open
// pool never gets into the pool.
func TestFork(t *testing.T) {
	t.Parallel()
	effective(t)
	path := plainPool(t, 16<<20)
	p, err := libpmemobj.Open(path, layout, journal.With(small))
	require.NoError(t, err)
	w, err := openWork(p)
	require.NoError(t, err)
	require.NoError(t, w.change(0, 1))
	var oid libpmemobj.OID
	text := bytes.Repeat([]byte("ours"), 25_000)
	_, err = p.ConstructBytes(&oid, len(text), 1, func(b []byte) error {
		copy(b, text)
		return nil
	})
	require.NoError(t, err)
	b, err := p.Bytes(oid, 0, uint64(len(text)))
	require.NoError(t, err)
	before, err := journal.StatsOf(p)
	require.NoError(t, err)
	for range 3 {
		require.Zero(t, flushlog.ForkAndPersist(b), "the exit code of the child")
	}
	require.True(t, bytes.Equal(text, b))
	require.NoError(t, p.Sync(t.Context()))
	after, err := journal.StatsOf(p)
	require.NoError(t, err)
	require.Equal(t, before.Appended, after.Appended, "the child's flushes are in the journal")
	require.NoError(t, w.change(0, 2))
	require.NoError(t, p.Close())
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Contains(file, text))
	requireDone(t, path, [writers]uint64{2})
}
