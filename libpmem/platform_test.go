package libpmem_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/libpmem"
)

func TestCheckVersion(t *testing.T) {
	assert.NoError(t, libpmem.CheckVersion(libpmem.MajorVersion, libpmem.MinorVersion))
	assert.NoError(t, libpmem.CheckVersion(1, 0), "an older minor version is served")
	requireErrno(t, libpmem.CheckVersion(1, 9999), unix.EINVAL, "check version", "minor version mismatch")
	requireErrno(t, libpmem.CheckVersion(2, 0), unix.EINVAL, "major version mismatch")
}

// Ensure that the questions about the platform have answers that fit
// together: without hardware drain there may or may not be automatic flush,
// but both calls agree with themselves.
func TestPlatform(t *testing.T) {
	auto, err := libpmem.HasAutoFlush()
	require.NoError(t, err)
	again, err := libpmem.HasAutoFlush()
	require.NoError(t, err)
	assert.Equal(t, auto, again)
	assert.False(t, libpmem.HasHWDrain(), "no processor that PMDK 1.x runs on has one")
}
