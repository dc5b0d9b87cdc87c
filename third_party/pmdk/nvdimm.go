package pmdk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoNDCTL is in the error of RequireNDCTL, and so of every open and
// create, for a path on an NVDIMM in a program without libndctl.
var ErrNoNDCTL = errors.New("on an NVDIMM without libndctl, unsafe-shutdown detection and bad-block checks are off")

// OnNVDIMM says whether path lies on an NVDIMM region, as a file, as a
// device, or, where it does not exist yet, by its folder. For a pool set file
// it says whether any local part of the set does. An error means that the
// path, a part's folder or sysfs could not be read.
//
// On a machine without NVDIMM regions it costs one look into a folder.
func OnNVDIMM(path string) (bool, error) { return sysfs("/sys").onNVDIMM(path) }

// RequireNDCTL returns nil if a pool at path has every protection that PMDK
// gives: the path does not lie on an NVDIMM, or libndctl is there. Otherwise
// the error holds ErrNoNDCTL and says what to do.
//
// Without libndctl, a pool on an NVDIMM whose last writes a power failure
// lost opens like a sound one, and known bad blocks are found only by the
// fault that reading them raises.
func RequireNDCTL(path string) error { return requireNDCTL("/sys", path, ndctl) }

func requireNDCTL(sys sysfs, path string, ndctl func() (NDCTLState, string)) error {
	on, err := sys.onNVDIMM(path)
	if err != nil {
		return fmt.Errorf("is %s on an NVDIMM? %w", path, err)
	}
	if !on {
		return nil
	}
	state, reason := ndctl()
	if state != NDCTLAbsent {
		return nil
	}
	remedy := "install libndctl (on Debian: libndctl6 and libdaxctl1)"
	if mode == ModeStatic {
		remedy = "build without -tags pmdk_static"
	}
	return fmt.Errorf("%s: %w (%s); %s, or pass the option that accepts the loss", path, ErrNoNDCTL, reason, remedy)
}

// sysfs is the mount point of sysfs.
type sysfs string

func (s sysfs) onNVDIMM(path string) (bool, error) {
	some, err := s.hasRegions()
	if err != nil || !some {
		return false, err
	}
	on, err := s.pathOnNVDIMM(path)
	if err != nil {
		return false, err
	}
	parts, err := poolSetParts(path)
	if err != nil {
		return false, err
	}
	if parts == nil {
		return on, nil
	}
	for _, part := range parts {
		on, err := s.pathOnNVDIMM(part)
		if err != nil || on {
			return on, err
		}
	}
	return false, nil
}

// hasRegions is the question that settles the matter on most machines. The
// folder alone proves nothing: it is there, empty, wherever the kernel has
// the driver.
func (s sysfs) hasRegions() (bool, error) {
	devices, err := os.ReadDir(filepath.Join(string(s), "bus/nd/devices"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, d := range devices {
		if strings.HasPrefix(d.Name(), "region") {
			return true, nil
		}
	}
	return false, nil
}

// pathOnNVDIMM follows a file to its file system's block device, and a device
// to itself.
func (s sysfs) pathOnNVDIMM(path string) (bool, error) {
	st, err := stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		st, err = stat(filepath.Dir(path))
	}
	if err != nil {
		return false, err
	}
	kind, dev := "block", st.Dev
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		dev = st.Rdev
	case unix.S_IFCHR:
		kind, dev = "char", st.Rdev
	}
	number := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	return s.deviceOnNVDIMM(filepath.Join(string(s), "dev", kind, number), maxStack)
}

func stat(path string) (st unix.Stat_t, err error) {
	if err := unix.Stat(path, &st); err != nil {
		return st, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return st, nil
}

// maxStack bounds the levels of stacked block devices (a mapping over a RAID
// over partitions is 3).
const maxStack = 16

// deviceOnNVDIMM asks whether a device, given by its folder in sysfs, or one
// that it is built on belongs to an NVDIMM bus.
func (s sysfs) deviceOnNVDIMM(dir string, depth int) (bool, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // no device behind it: tmpfs, a network file system
	}
	if err != nil {
		return false, err
	}
	if strings.Contains(dir, "/ndbus") {
		return true, nil
	}
	if depth == 0 {
		return false, fmt.Errorf("%s: more than %d levels of block devices", dir, maxStack)
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		return s.deviceOnNVDIMM(filepath.Dir(dir), depth-1)
	}
	slaves, err := os.ReadDir(filepath.Join(dir, "slaves"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, slave := range slaves {
		on, err := s.deviceOnNVDIMM(filepath.Join(dir, "slaves", slave.Name()), depth-1)
		if err != nil || on {
			return on, err
		}
	}
	return false, nil
}

// poolSetSignature is the first line of a pool set file; see poolset(5).
const poolSetSignature = "PMEMPOOLSET"

// poolSetParts returns the paths of the local parts that a pool set file
// names, and nil if path is not a pool set file. What is wrong in the file is
// for PMDK to say.
func poolSetParts(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil, nil // nothing there yet, or a device
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()

	var signature [len(poolSetSignature)]byte
	if _, err := io.ReadFull(f, signature[:]); err != nil || string(signature[:]) != poolSetSignature {
		return nil, nil
	}
	parts := []string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// A part is "100G /path" or "AUTO /path"; of the other lines only a
		// comment can have an absolute path in second place.
		fields := strings.Fields(lines.Text())
		if len(fields) == 2 && filepath.IsAbs(fields[1]) && fields[0][0] != '#' {
			parts = append(parts, fields[1])
		}
	}
	return parts, lines.Err()
}
