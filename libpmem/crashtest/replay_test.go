package crashtest_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

// inChild is set where a test that fails on purpose is to run: to the number
// that its check does not like.
const inChild = "CRASHTEST_TEST_DISLIKED"

// TestFailing fails, in a child of the next one.
func TestFailing(t *testing.T) {
	disliked := os.Getenv(inChild)
	if disliked == "" {
		t.Skip("fails on purpose: TestKeepAndReplay runs it")
	}
	t.Run("sub test", func(t *testing.T) {
		crashtest.Run(t, crashtest.Config{Dir: t.TempDir()}, count(2), counted)
		crashtest.Run(t, crashtest.Config{Dir: t.TempDir()}, count(5), func(m *libpmem.Mapping, acked crashtest.Acked) error {
			println("checking")
			if acked.Last() == 3 && disliked == "3" {
				return errors.New("three is wrong")
			}
			return nil
		})
	})
}

// runSelf runs a command that begins with "go test" with this test binary.
func runSelf(t *testing.T, command, disliked string) (output string, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	arguments := strings.TrimPrefix(command, "go test")
	require.NotEqual(t, command, arguments)
	sh := exec.Command("sh", "-c", `exec "$0" -test.v `+strings.Replace(arguments, " -run ", " -test.run ", 1), self)
	sh.Env = append(os.Environ(), inChild+"="+disliked)
	text, err := sh.CombinedOutput()
	return string(text), err
}

// Ensure that the commands which a report prints do what it says.
func TestKeepAndReplay(t *testing.T) {
	needRecorder(t)
	output, err := runSelf(t, "go test -run '^TestFailing$'", "3")
	require.Error(t, err)
	commands := regexp.MustCompile(`(?m)^ +(go test .*)$`).FindAllStringSubmatch(output, -1)
	require.Len(t, commands, 2, output)
	dir := t.TempDir()
	elsewhere := func(command []string) string { return strings.ReplaceAll(command[1], "/tmp/crashtest", dir) }

	output, err = runSelf(t, elsewhere(commands[0]), "3")
	require.Error(t, err)
	kept, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, kept, 2, output)
	assert.Equal(t, ".json", filepath.Ext(kept[0]))
	assert.Equal(t, strings.TrimSuffix(kept[0], ".json")+".pool", kept[1])
	assert.Contains(t, filepath.Base(kept[0]), "TestFailing_sub_test-2-")
	assert.Contains(t, output, "-crashtest.replay="+kept[0])
	image, err := os.ReadFile(kept[1])
	require.NoError(t, err)
	require.Len(t, image, 64<<10)
	assert.Contains(t, []byte{3, 4}, image[0])

	// The point of a replay is its output: that of the check is shown.
	replay := elsewhere(commands[1])
	require.Contains(t, replay, kept[0])
	output, err = runSelf(t, replay, "3")
	require.Error(t, err)
	assert.Contains(t, output, "fails (user), where 3 had been acknowledged:")
	assert.Contains(t, output, "three is wrong")
	assert.Contains(t, output, "\nchecking\n")
	assert.Contains(t, output, "nothing is checked here")

	// A program that was repaired.
	output, err = runSelf(t, strings.Replace(replay, ".json", ".pool", 1), "none")
	require.NoError(t, err, output)
	assert.Contains(t, output, "passes; 3 had been acknowledged. When it was kept: user: three is wrong")

	again, err := os.ReadFile(kept[1])
	require.NoError(t, err)
	assert.Equal(t, image, again, "a replay changes nothing")

	output, err = runSelf(t, replay+"x", "3")
	require.Error(t, err)
	assert.Contains(t, output, "no such file or directory")
}

// Ensure that the flags are there for `go test -args -help`.
func TestFlags(t *testing.T) {
	for _, name := range []string{"seed", "images", "keep", "replay"} {
		f := flag.Lookup("crashtest." + name)
		require.NotNil(t, f, name)
		assert.NotEmpty(t, f.Usage)
	}
}
