package pmdk

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Ensure that LinkInfo tells the mode that the build tags chose.
func TestLinkInfoMode(t *testing.T) {
	info := LinkInfo()
	assert.Equal(t, builtMode, info.Mode)
	switch info.Mode {
	case ModeDynamic:
		assert.Equal(t, NDCTLLinked, info.NDCTL)
	case ModeStatic:
		assert.Equal(t, NDCTLAbsent, info.NDCTL)
	default:
		assert.Contains(t, []NDCTLState{NDCTLLoaded, NDCTLAbsent}, info.NDCTL)
	}
	assert.Equal(t, info.NDCTL == NDCTLAbsent, info.NDCTLReason != "", "a reason, only where it is absent")
}

// Ensure that the version is told exactly where it is known: for the archives
// that scripts/vendor.sh fetched, and then it is the manifest's.
func TestLinkInfoVersion(t *testing.T) {
	header, err := os.ReadFile("pmdk_version.h")
	info := LinkInfo()
	if os.IsNotExist(err) || info.Mode == ModeDynamic {
		assert.Empty(t, info.PMDK)
	} else {
		require.NoError(t, err)
		assert.NotEmpty(t, info.PMDK)
		assert.Contains(t, string(header), `"`+info.PMDK+`"`)
	}
	assert.Len(t, info.API, 3)
	for _, api := range info.API {
		assert.Regexp(t, `^libpmem(obj|pool)? \d+\.\d+$`, api)
	}
}

func TestInfoString(t *testing.T) {
	tests := map[string]Info{
		"link mode default, PMDK 1.12.1 (vendored) (API libpmem 1.1, libpmemobj 2.4), ndctl loaded": {
			Mode: ModeDefault, PMDK: "1.12.1", API: []string{"libpmem 1.1", "libpmemobj 2.4"}, NDCTL: NDCTLLoaded,
		},
		"link mode static, PMDK of the system (API libpmem 1.1), ndctl absent (no libraries)": {
			Mode: ModeStatic, API: []string{"libpmem 1.1"}, NDCTL: NDCTLAbsent, NDCTLReason: "no libraries",
		},
	}
	for want, info := range tests {
		assert.Equal(t, want, info.String())
	}
}

// Ensure that the manifest pins the same packages, by one version and a whole
// SHA-256 each, for every architecture.
func TestManifest(t *testing.T) {
	manifest, err := os.ReadFile("manifest")
	require.NoError(t, err)
	packages := map[string][]string{} // by architecture
	for line := range strings.Lines(string(manifest)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		require.Len(t, fields, 4, line)
		assert.Equal(t, "1.12.1-2", fields[1], line)
		assert.Regexp(t, `^[0-9a-f]{64}$`, fields[3], line)
		packages[fields[2]] = append(packages[fields[2]], fields[0])
	}
	want := []string{"libpmem-dev", "libpmem2-dev", "libpmemobj-dev", "libpmemblk-dev", "libpmemlog-dev", "libpmempool-dev"}
	assert.Equal(t, map[string][]string{"amd64": want, "arm64": want}, packages)
}
