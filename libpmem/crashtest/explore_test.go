package crashtest_test

import (
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemobj"
)

// Ensure that Explore does without a test what Run does.
func TestExplore(t *testing.T) {
	needRecorder(t)
	dir := t.TempDir()
	r, err := crashtest.Explore(crashtest.Config{Dir: dir, Workers: 5}, count(5), counted)
	require.NoError(t, err)
	assert.Empty(t, r.Failures)
	assert.GreaterOrEqual(t, r.Images, 6)
	requireEmpty(t, dir)

	r, err = crashtest.Explore(crashtest.Config{Dir: dir}, count(5), func(m *libpmem.Mapping, acked crashtest.Acked) error {
		if value(m) == 3 {
			panic("three!")
		}
		return counted(m, acked)
	})
	require.NoError(t, err)
	require.Len(t, r.Failures, 1)
	assert.Equal(t, "panic", r.Failures[0].Phase)
	assert.Contains(t, r.Failures[0].Message, "the check panicked: three!")
	assert.Contains(t, r.Failures[0].String(), "three!")
	assert.Contains(t, r.String(), "failure")
	requireEmpty(t, dir)
}

// Ensure that the end of a workload is an error.
func TestExploreWorkload(t *testing.T) {
	needRecorder(t)
	dir := t.TempDir()
	for want, workload := range map[string]func(*libpmem.Mapping) error{
		"no luck":                          func(*libpmem.Mapping) error { return errors.New("no luck") },
		"crashtest: the workload panicked": func(*libpmem.Mapping) error { panic("ouch") },
		"ended its goroutine":              func(*libpmem.Mapping) error { runtime.Goexit(); return nil },
	} {
		r, err := crashtest.Explore(crashtest.Config{Dir: dir}, workload, counted)
		assert.Nil(t, r)
		assert.ErrorContains(t, err, want)
		requireEmpty(t, dir)
	}
}

// Ensure that a check that leaves a transaction behind is told so, for no
// further image can be opened.
func TestExploreLeftOpen(t *testing.T) {
	needRecorder(t)
	release := make(chan struct{})
	_, err := crashtest.Explore(crashtest.Config{Dir: t.TempDir()}, func(p *libpmemobj.Pool) error {
		_, err := libpmemobj.Root[[2]uint64](p)
		return err
	}, func(p *libpmemobj.Pool, _ crashtest.Acked) error {
		inside := make(chan struct{})
		go func() {
			_ = p.Update(func(*libpmemobj.Tx) error {
				close(inside)
				<-release
				return nil
			})
			_ = p.Close()
			release <- struct{}{}
		}()
		<-inside
		return nil
	})
	release <- struct{}{}
	<-release
	assert.ErrorContains(t, err, "left the pool open")
}

// Ensure that acknowledging costs next to nothing where nothing is recorded.
func TestAckOutside(t *testing.T) {
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		crashtest.Ack(1)
		crashtest.AckAs(2, 3)
	}))
	failure := errors.New("it")
	assert.Equal(t, failure, crashtest.Unchecked(func() error { return failure }))
	assert.False(t, crashtest.Acked{}.Any())
	assert.Equal(t, "nothing", crashtest.Acked{}.String())
}
