//go:build !pmdk_dynamic

package ndctlprobe

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/third_party/pmdk"
)

// The libraries are looked up once in a process, so every case runs in a
// child process of its own; these variables carry it there.
const (
	childNDCTL  = "NDCTLPROBE_NDCTL"
	childDAXCTL = "NDCTLPROBE_DAXCTL"
)

func TestMain(m *testing.M) {
	if os.Getenv(childNDCTL) != "" {
		UseLibraries(os.Getenv(childNDCTL), os.Getenv(childDAXCTL))
	}
	os.Exit(m.Run())
}

// inChild runs the calling test again, in a child that finds these libraries;
// it says whether this is the child already.
func inChild(t *testing.T, ndctl, daxctl string) bool {
	t.Helper()
	if os.Getenv(childNDCTL) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), childNDCTL+"="+ndctl, childDAXCTL+"="+daxctl)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name())
	return false
}

func skipIfStatic(t *testing.T) {
	t.Helper()
	if pmdk.LinkInfo().Mode == pmdk.ModeStatic {
		t.Skip("a fully static program loads no libraries")
	}
}

// fakeLibrary compiles the fake as lib.so and returns its path.
func fakeLibrary(t *testing.T, flags ...string) string {
	t.Helper()
	if os.Getenv(childNDCTL) != "" {
		return "" // the parent has built it
	}
	cc, err := exec.Command("go", "env", "CC").Output()
	require.NoError(t, err)
	lib := filepath.Join(t.TempDir(), "lib.so")
	args := append([]string{"-shared", "-fPIC", "-I.", "-I../..", "-o", lib, "testdata/fake_ndctl.c"}, flags...)
	out, err := exec.Command(strings.TrimSpace(string(cc)), args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return lib
}

func assertAbsent(t *testing.T, reason string) {
	t.Helper()
	info := pmdk.LinkInfo()
	assert.Equal(t, pmdk.NDCTLAbsent, info.NDCTL)
	assert.Contains(t, info.NDCTLReason, reason)
	assert.True(t, Context())
	for _, a := range All() {
		assert.Equal(t, a.Absent, a.Got, a.Name)
	}
}

// Ensure that without the libraries PMDK is told of a machine without NVDIMMs,
// and the user why.
func TestAbsent(t *testing.T) {
	if !inChild(t, "/nonexistent/libndctl.so", "/nonexistent/libdaxctl.so") {
		return
	}
	reason := "/nonexistent/libndctl.so: cannot open shared object file"
	if pmdk.LinkInfo().Mode == pmdk.ModeStatic {
		reason = "a fully static program cannot load shared libraries"
	}
	assertAbsent(t, reason)
}

// Ensure that one library without the other counts as none.
func TestOnlyNDCTL(t *testing.T) {
	skipIfStatic(t)
	if !inChild(t, fakeLibrary(t), "/nonexistent/libdaxctl.so") {
		return
	}
	assertAbsent(t, "/nonexistent/libdaxctl.so: cannot open shared object file")
}

// Ensure that a library that lacks one function is not used at all.
func TestIncomplete(t *testing.T) {
	skipIfStatic(t)
	if !inChild(t, fakeLibrary(t, "-DWITHOUT_UNREF"), fakeLibrary(t, "-DFAKE_DAXCTL")) {
		return
	}
	assertAbsent(t, "ndctl_unref")
}

// Ensure that every function reaches its namesake with all its arguments.
func TestForwarded(t *testing.T) {
	skipIfStatic(t)
	if !inChild(t, fakeLibrary(t), fakeLibrary(t, "-DFAKE_DAXCTL")) {
		return
	}
	require.True(t, Context())
	info := pmdk.LinkInfo()
	assert.Equal(t, pmdk.NDCTLLoaded, info.NDCTL)
	assert.Empty(t, info.NDCTLReason)

	answers := All()
	// With ndctl_new, ndctl_unref and ndctl_cmd_unref these are the 45 that
	// PMDK's archives call.
	assert.Len(t, answers, 42)
	for _, a := range answers {
		assert.Equal(t, a.Fake, a.Got, a.Name)
		assert.NotEqual(t, a.Absent, a.Got, a.Name)
	}
}

// Ensure that the program exports none of the stand-ins: a real libndctl in
// the same process would call them instead of its own functions.
func TestHidden(t *testing.T) {
	exe, err := elf.Open("/proc/self/exe")
	require.NoError(t, err)
	defer exe.Close()
	exported, err := exe.DynamicSymbols()
	if pmdk.LinkInfo().Mode == pmdk.ModeStatic {
		require.ErrorIs(t, err, elf.ErrNoSymbols)
		return
	}
	require.NoError(t, err)
	require.NotEmpty(t, exported)
	for _, s := range exported {
		assert.False(t, strings.HasPrefix(s.Name, "ndctl_") || strings.HasPrefix(s.Name, "daxctl_"), s.Name)
	}
}
