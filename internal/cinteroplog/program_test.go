package cinteroplog_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// examples is where Debian's libpmemlog-dev puts PMDK's examples.
const examples = "/usr/share/doc/libpmemlog-dev/examples/logfile"

// program is one of PMDK's C examples, built.
type program struct{ path string }

// build builds an example against the PMDK that Go programs are linked with,
// the vendored one if there is one, or else the system's. It skips the test
// where the examples are not installed.
func build(t *testing.T, name string) program {
	t.Helper()
	source := filepath.Join(examples, name+".c")
	if _, err := os.Stat(source); err != nil {
		t.Skipf("PMDK's C examples, which come with Debian's libpmemlog-dev, are not installed: %v", err)
	}
	pmdk, err := filepath.Abs("../../third_party/pmdk")
	require.NoError(t, err)
	cc, err := exec.Command("go", "env", "CC").Output()
	require.NoError(t, err)
	command := strings.Fields(string(cc))
	p := program{filepath.Join(t.TempDir(), name)}
	args := append(command[1:], "-O1", "-w", "-o", p.path, "-I", "testdata", "-I", pmdk+"/include", source,
		// PMDK's archives want libndctl, or what Go programs have in its place.
		filepath.Join(pmdk, "ndctl.c"), "-L"+pmdk+"/lib", "-l:libpmemlog.a", "-l:libpmem.a", "-ldl", "-lpthread")
	out, err := exec.Command(command[0], args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return p
}

// run runs the program and returns its process number and what it prints. It
// must succeed.
func (p program) run(t *testing.T, args ...string) (pid int, printed string) {
	t.Helper()
	cmd := exec.Command(p.path, args...)
	// Its logs lie where ours do, flushed as ours are.
	cmd.Env = append(os.Environ(), "PMEM_IS_PMEM_FORCE=1", "TZ=UTC")
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	require.NoError(t, cmd.Run(), "%s %q: %s", p.path, args, &complaints)
	require.Empty(t, complaints.String(), "%s %q", p.path, args)
	return cmd.Process.Pid, out.String()
}

// pmempool runs PMDK's tool.
func pmempool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.LookPath("pmempool")
	if err != nil {
		t.Skipf("PMDK's tool pmempool, which comes with Debian's pmdk-tools, is not installed: %v", err)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	require.NoError(t, err, "pmempool %q: %s", args, out)
	require.Empty(t, fmt.Sprintf("%s", out))
}
