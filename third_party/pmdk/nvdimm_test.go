package pmdk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Where the kernel puts the devices of interest, below the root of sysfs.
const (
	devices   = "devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0012:00/ndbus0/region0"
	pmemDisk  = devices + "/namespace0.0/block/pmem0"
	pmemPart  = pmemDisk + "/pmem0p1"
	charDAX   = devices + "/dax0.0/dax/dax0.0"
	sataDisk  = "devices/pci0000:00/0000:00:17.0/ata1/block/sda"
	sataPart  = sataDisk + "/sda1"
	raid      = "devices/virtual/block/md0"
	raidPart  = raid + "/md0p1"
	mapping   = "devices/virtual/block/dm-0"
	endless   = "devices/virtual/block/dm-1"
	noDevice  = ""
	nullMajor = "1:3" // /dev/null, which stands in for a device DAX
)

// fakeSysfs is a machine with an NVDIMM and a disk, and a RAID and a mapping
// over parts of them.
type fakeSysfs struct {
	t    *testing.T
	root string
}

func newFakeSysfs(t *testing.T) fakeSysfs {
	t.Helper()
	s := fakeSysfs{t, t.TempDir()}
	s.mkdir("bus/nd/devices/region0", pmemPart, sataPart, charDAX, raidPart, raid+"/slaves", mapping+"/slaves", endless+"/slaves")
	for _, partition := range []string{pmemPart, sataPart, raidPart} {
		require.NoError(t, os.WriteFile(filepath.Join(s.root, partition, "partition"), []byte("1\n"), 0o600))
	}
	s.link(raid+"/slaves/sda1", sataPart)
	s.link(raid+"/slaves/pmem0p1", pmemPart)
	s.link(mapping+"/slaves/sda1", sataPart)
	s.link(endless+"/slaves/dm-1", endless)
	return s
}

func (s fakeSysfs) mkdir(dirs ...string) {
	for _, dir := range dirs {
		require.NoError(s.t, os.MkdirAll(filepath.Join(s.root, dir), 0o700))
	}
}

// link makes an absolute link inside the fake.
func (s fakeSysfs) link(from, to string) {
	s.mkdir(filepath.Dir(from))
	require.NoError(s.t, os.Symlink(filepath.Join(s.root, to), filepath.Join(s.root, from)))
}

// put makes device the one behind the files below dir.
func (s fakeSysfs) put(dir, device string) {
	if device == noDevice {
		return
	}
	var st unix.Stat_t
	require.NoError(s.t, unix.Stat(dir, &st))
	s.link(fmt.Sprintf("dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)), device)
}

func TestOnNVDIMM(t *testing.T) {
	tests := map[string]struct {
		device string
		want   bool
	}{
		"a namespace":                       {pmemDisk, true},
		"a partition of one":                {pmemPart, true},
		"a RAID with one among its members": {raid, true},
		"a partition of that RAID":          {raidPart, true},
		"a disk":                            {sataDisk, false},
		"a partition of a disk":             {sataPart, false},
		"a mapping over a disk":             {mapping, false},
		"no device at all":                  {noDevice, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys := newFakeSysfs(t)
			dir := t.TempDir()
			sys.put(dir, test.device)
			file := filepath.Join(dir, "pool")
			require.NoError(t, os.WriteFile(file, []byte("PMEM"), 0o600))

			for _, path := range []string{file, dir, filepath.Join(dir, "not-there-yet")} {
				got, err := sysfs(sys.root).onNVDIMM(path)
				require.NoError(t, err)
				assert.Equal(t, test.want, got, path)
			}
		})
	}
}

// Ensure that a device DAX is looked up as the character device that it is.
func TestOnNVDIMMDeviceDAX(t *testing.T) {
	sys := newFakeSysfs(t)
	on, err := sysfs(sys.root).onNVDIMM("/dev/null")
	require.NoError(t, err)
	assert.False(t, on)

	sys.link("dev/char/"+nullMajor, charDAX)
	on, err = sysfs(sys.root).onNVDIMM("/dev/null")
	require.NoError(t, err)
	assert.True(t, on)
}

// Ensure that a machine without regions is told so before anything else is
// looked at, be the driver's folder empty or missing.
func TestOnNVDIMMNoRegions(t *testing.T) {
	sys := newFakeSysfs(t)
	dir := t.TempDir()
	sys.put(dir, pmemDisk)
	on, err := sysfs(sys.root).onNVDIMM(dir)
	require.NoError(t, err)
	require.True(t, on)

	for _, gone := range []string{"bus/nd/devices/region0", "bus/nd/devices"} {
		require.NoError(t, os.Remove(filepath.Join(sys.root, gone)))
		on, err := sysfs(sys.root).onNVDIMM("/nonexistent/folder/pool")
		require.NoError(t, err, gone)
		assert.False(t, on, gone)
	}
}

// Ensure that a pool set lies where its parts lie, not where its file does.
func TestOnNVDIMMPoolSet(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, "part0") // not created yet
	tests := map[string]struct {
		set  string
		want bool
	}{
		"a part on the NVDIMM": {"PMEMPOOLSET\n# a comment /nonexistent/x\nOPTION SINGLEHDR\n8M " + part + "\n", true},
		"a part of a replica":  {"PMEMPOOLSET\n1G /proc/version\nREPLICA\nAUTO /dev/null\n8M " + part + "\n", true},
		"a remote replica":     {"PMEMPOOLSET\n1G /proc/version\nREPLICA user@host remote.set\n", false},
		"parts elsewhere":      {"PMEMPOOLSET\n1G /proc/version\n#8M " + part + "\n# " + part + "\n", false},
		"no parts":             {"PMEMPOOLSET\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys := newFakeSysfs(t)
			sys.put(dir, pmemDisk)
			set := filepath.Join(t.TempDir(), "pool.set")
			require.NoError(t, os.WriteFile(set, []byte(test.set), 0o600))
			got, err := sysfs(sys.root).onNVDIMM(set)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

// Ensure that what cannot be found out is an error, not a guess.
func TestOnNVDIMMErrors(t *testing.T) {
	sys := newFakeSysfs(t)
	dir := t.TempDir()

	_, err := sysfs(sys.root).onNVDIMM(filepath.Join(dir, "missing", "pool"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.Contains(t, err.Error(), filepath.Join(dir, "missing"))

	sys.put(dir, endless)
	_, err = sysfs(sys.root).onNVDIMM(dir)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "more than 16 levels of block devices")

	require.NoError(t, os.RemoveAll(filepath.Join(sys.root, "bus/nd/devices")))
	require.NoError(t, os.WriteFile(filepath.Join(sys.root, "bus/nd/devices"), nil, 0o600))
	_, err = sysfs(sys.root).onNVDIMM(dir)
	require.ErrorIs(t, err, unix.ENOTDIR)
}

func TestRequireNDCTL(t *testing.T) {
	tests := map[string]struct {
		device string
		state  NDCTLState
		refuse bool
	}{
		"on an NVDIMM, without libndctl":  {pmemDisk, NDCTLAbsent, true},
		"on an NVDIMM, libndctl loaded":   {pmemDisk, NDCTLLoaded, false},
		"on an NVDIMM, libndctl linked":   {pmemDisk, NDCTLLinked, false},
		"on a disk, without libndctl":     {sataDisk, NDCTLAbsent, false},
		"on no device, without libndctl":  {noDevice, NDCTLAbsent, false},
		"on a RAID of both, no libndctl":  {raid, NDCTLAbsent, true},
		"on a partition, without libndct": {pmemPart, NDCTLAbsent, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sys := newFakeSysfs(t)
			dir := t.TempDir()
			sys.put(dir, test.device)
			path := filepath.Join(dir, "pool")
			err := requireNDCTL(sysfs(sys.root), path, func() (NDCTLState, string) {
				return test.state, "libndctl.so.6: not found"
			})
			if !test.refuse {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrNoNDCTL)
			for _, part := range []string{
				path,
				"unsafe-shutdown detection and bad-block checks are off",
				"libndctl.so.6: not found",
				"pass the option that accepts the loss",
			} {
				assert.Contains(t, err.Error(), part)
			}
			remedy := "install libndctl (on Debian: libndctl6 and libdaxctl1)"
			if builtMode == ModeStatic {
				remedy = "build without -tags pmdk_static"
			}
			assert.Contains(t, err.Error(), remedy)
		})
	}
}

// Ensure that libndctl is not looked up where it does not matter.
func TestRequireNDCTLLooksLast(t *testing.T) {
	sys := newFakeSysfs(t)
	dir := t.TempDir()
	sys.put(dir, sataDisk)
	require.NoError(t, requireNDCTL(sysfs(sys.root), dir, func() (NDCTLState, string) {
		t.Error("libndctl was looked up for a path on a disk")
		return NDCTLAbsent, ""
	}))
}

// Ensure that a failure to find out names the path and keeps its cause.
func TestRequireNDCTLError(t *testing.T) {
	sys := newFakeSysfs(t)
	err := requireNDCTL(sysfs(sys.root), "/nonexistent/folder/pool", ndctl)
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.False(t, errors.Is(err, ErrNoNDCTL))
	assert.Contains(t, err.Error(), "is /nonexistent/folder/pool on an NVDIMM?")
}

// Ensure that both answer on the machine that runs the test, for a path that
// no NVDIMM can hold.
func TestThisMachine(t *testing.T) {
	on, err := OnNVDIMM("/proc/self/maps")
	require.NoError(t, err)
	assert.False(t, on)
	assert.NoError(t, RequireNDCTL("/proc/self/maps"))
}
