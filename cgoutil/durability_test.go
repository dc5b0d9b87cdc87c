package cgoutil_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/cgoutil"
)

func TestDurability(t *testing.T) {
	for d, name := range map[cgoutil.Durability]string{
		cgoutil.DurabilityAuto: "auto", cgoutil.DurabilityDAX: "dax", cgoutil.DurabilityMsync: "msync", cgoutil.DurabilityProcessCrash: "process-crash",
	} {
		assert.Equal(t, name, d.String())
		assert.True(t, d.Askable())
		parsed, err := cgoutil.ParseDurability(name)
		require.NoError(t, err)
		assert.Equal(t, d, parsed)
	}
	assert.Equal(t, "none", cgoutil.DurabilityNone.String())
	assert.Equal(t, "Durability(-1)", cgoutil.Durability(-1).String())
	assert.Equal(t, "Durability(6)", cgoutil.Durability(6).String())
	assert.False(t, cgoutil.DurabilityNone.Askable())
	assert.False(t, cgoutil.Durability(-1).Askable())
	for _, name := range []string{"none", "", "DAX"} {
		_, err := cgoutil.ParseDurability(name)
		assert.ErrorIs(t, err, unix.EINVAL)
		assert.ErrorContains(t, err, "none of auto, dax, msync, process-crash")
	}
}

func TestPathError(t *testing.T) {
	err := cgoutil.PathError("open", "/p", &fs.PathError{Op: "stat", Path: "/elsewhere", Err: unix.ENOENT})
	assert.EqualError(t, err, "open /p: no such file or directory")
	var e *cgoutil.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, unix.ENOENT, e.Errno)

	err = cgoutil.PathError("open", "/p", fmt.Errorf("%w: do something else", unix.ENOTSUP))
	assert.EqualError(t, err, "open /p: operation not supported: do something else")
	assert.ErrorIs(t, err, unix.ENOTSUP)

	odd := errors.New("odd")
	err = cgoutil.PathError("open", "/p", odd)
	assert.EqualError(t, err, "open /p: odd")
	assert.ErrorIs(t, err, odd)
}
