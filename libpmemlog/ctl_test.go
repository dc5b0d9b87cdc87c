package libpmemlog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	. "github.com/pmem/pmdk-go/libpmemlog"
)

func TestCtl(t *testing.T) {
	for name, initial := range map[string]bool{
		"prefault.at_create": false, "prefault.at_open": false, "sds.at_create": true, "copy_on_write.at_open": false,
	} {
		v, err := CtlGet(name)
		require.NoError(t, err, name)
		assert.Equal(t, initial, v, name)
		require.NoError(t, CtlSet(name, !initial))
		v, err = CtlGet(name)
		require.NoError(t, err)
		assert.Equal(t, !initial, v, name)
		require.NoError(t, CtlSet(name, initial))

		err = CtlExec(name)
		assert.ErrorIs(t, err, unix.EINVAL, name)
	}
}

// Ensure that names which are no nodes never reach C.
func TestCtlUnknown(t *testing.T) {
	for _, name := range []string{"", "x", "prefault", "prefault.", "prefault.at_open.x", "sds.at_create\x00", "heap.narenas.max", strings.Repeat("a.", 1<<16)} {
		_, err := CtlGet(name)
		for _, err := range []error{err, CtlSet(name, true), CtlExec(name)} {
			require.ErrorIs(t, err, unix.ENOENT)
			require.ErrorContains(t, err, "there is no node")
			require.Less(t, len(err.Error()), 500)
		}
	}
}

// Ensure that a log which the process's settings make private says so.
func TestCtlCopyOnWrite(t *testing.T) {
	l := createLog(t)
	require.NoError(t, l.Close())
	require.NoError(t, CtlSet("copy_on_write.at_open", true))
	c, err := Open(l.Path())
	require.NoError(t, CtlSet("copy_on_write.at_open", false))
	require.NoError(t, err)
	assert.Equal(t, DurabilityNone, c.Durability())
	appendString(t, c, "dropped")
	require.NoError(t, c.Close())
	assert.Empty(t, contents(t, reopen(t, l)))
}

func TestCheckVersion(t *testing.T) {
	assert.NoError(t, CheckVersion(MajorVersion, MinorVersion))
	assert.NoError(t, CheckVersion(MajorVersion, 0))
	err := CheckVersion(MajorVersion+1, 0)
	assert.ErrorIs(t, err, unix.EINVAL)
	assert.ErrorContains(t, err, "major version mismatch")
	assert.ErrorContains(t, CheckVersion(MajorVersion, 1000), "minor version mismatch")
}
