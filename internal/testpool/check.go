package testpool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemobj"
)

// Check fails the test if the closed pool at path is not sound, in this
// package's opinion or in that of PMDK's own pmempool program, where it is
// installed.
func Check(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, libpmemobj.Check(path, ""))
	require.NoError(t, PmempoolCheck(t, path))
}

// PmempoolCheck runs `pmempool check` and returns an error if it finds the
// pool inconsistent. Where the program is missing it returns nil, and says so
// once.
func PmempoolCheck(t testing.TB, path string) error {
	t.Helper()
	program, err := pmempool()
	if err != nil {
		missing.Do(func() {
			fmt.Fprintf(os.Stderr, "testpool: pools are not checked by PMDK's own checker: %v\n", err)
		})
		return nil
	}
	// Without -v it prints nothing: its answer is the exit code.
	out, err := exec.Command(program, "check", path).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("pmempool check %s: exit code %d %s", path, exit.ExitCode(), out)
	}
	return err
}

var (
	missing  sync.Once
	pmempool = sync.OnceValues(func() (string, error) { return exec.LookPath("pmempool") })
)
