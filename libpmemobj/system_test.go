package libpmemobj_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pmem/pmdk-go/internal/interpose"
	"github.com/pmem/pmdk-go/internal/testchild"
	"github.com/pmem/pmdk-go/internal/testpool"
)

type unixStat = syscall.Stat_t

func isExist(err error) bool   { return errors.Is(err, fs.ErrExist) }
func isNoSpace(err error) bool { return errors.Is(err, unix.ENOSPC) }

// startInMount starts a child in a mount namespace of its own, so that it can
// mount file systems that vanish with it. Its arguments are a folder and args.
func startInMount(t *testing.T, name string, args ...string) *testchild.Child {
	t.Helper()
	private := func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if os.Getuid() != 0 {
			cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		}
	}
	probe := exec.Command("true")
	private(probe)
	if err := probe.Run(); err != nil {
		t.Skip("the system allows no mount namespace, so no file system of the test's own:", err)
	}
	return testchild.StartWith(t, private, name, append([]string{testpool.Dir(t)}, args...)...)
}

func isErr(err, target error) bool       { return errors.Is(err, target) }
func errorAs(err error, target any) bool { return errors.As(err, target) }

// needsDurabilities skips a test of several durabilities where there is one.
func needsDurabilities(t *testing.T) {
	t.Helper()
	if !interpose.Effective {
		t.Skip("with PMDK's shared libraries the environment decides the durability, for the whole process")
	}
}
