package libpmemlog_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/cgoutil"
	. "github.com/pmem/pmdk-go/libpmemlog"
)

//go:noinline
func loseLog(t *testing.T, path string) {
	l, err := Create(path, WithSize(MinPool), WithDurability(processCrash))
	require.NoError(t, err)
	appendString(t, l, "kept")
}

// Ensure that a lost log is reported, and closed: it can be opened again.
func TestLost(t *testing.T) {
	leaks := make(chan cgoutil.Leak, 10)
	previous := cgoutil.SetLeakReporter(func(l cgoutil.Leak) { leaks <- l })
	defer cgoutil.SetLeakReporter(previous)
	path := logPath(t)
	loseLog(t, path)
	var leak cgoutil.Leak
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case leak = <-leaks:
			return true
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, "libpmemlog log", leak.Kind)
	assert.Equal(t, path, leak.Path)
	var l *Log
	require.Eventually(t, func() (ok bool) {
		var err error
		l, err = Open(path, WithDurability(processCrash))
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, "kept", contents(t, l))
	require.NoError(t, l.Close())
}
