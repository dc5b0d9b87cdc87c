package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemblk"
)

// need skips a test where a client is not installed; scripts/setup.sh brings
// them.
func need(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s, of package %s, is not installed: %v", program, pkg, err)
	}
}

// run runs a client and returns its output. It must succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", program, args, out)
	return string(out)
}

func (s *served) uri() string { return "nbd+unix:///?socket=" + s.socket }

// someImage makes a file of random data with holes.
func someImage(t *testing.T, size int) string {
	t.Helper()
	rnd := rand.NewChaCha8([32]byte{byte(size)})
	b := make([]byte, size)
	for at := 0; at < size; at += 50_000 {
		if rnd.Uint64()%3 > 0 {
			_, _ = rnd.Read(b[at:min(size, at+50_000)])
		}
	}
	path := filepath.Join(t.TempDir(), "image.raw")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	return path
}

func TestNbdinfo(t *testing.T) {
	need(t, "nbdinfo", "libnbd-bin")
	s := start(t, "--name", "disk", "--block-size", "8192")
	var info struct {
		Protocol string
		Exports  []struct {
			Name     string          `json:"export-name"`
			Size     int64           `json:"export-size"`
			ReadOnly bool            `json:"is_read_only"`
			Trim     bool            `json:"can_trim"`
			Zero     bool            `json:"can_zero"`
			Flush    bool            `json:"can_flush"`
			FUA      bool            `json:"can_fua"`
			Multi    bool            `json:"can_multi_conn"`
			Min      json.RawMessage `json:"block_size_minimum"`
			Best     json.RawMessage `json:"block_size_preferred"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(run(t, "nbdinfo", "--json", "--list", s.uri())), &info))
	require.Equal(t, "newstyle-fixed", info.Protocol)
	require.Len(t, info.Exports, 1)
	e := info.Exports[0]
	require.Equal(t, "disk", e.Name)
	require.Equal(t, libpmemblk.Capacity(64<<20, 8192)*8192, e.Size)
	require.Contains(t, string(e.Min), "1")
	require.Contains(t, string(e.Best), "8192")
	require.True(t, e.Trim && e.Zero && e.Flush && e.FUA && e.Multi && !e.ReadOnly)
	require.Equal(t, fmt.Sprintln(e.Size), run(t, "nbdinfo", "--size", "nbd+unix:///disk?socket="+s.socket))
	require.Empty(t, s.stop())
}

// Ensure that images come back from the device as they went there: written and
// read by two clients, the blocks whole and in part.
func TestQemuImg(t *testing.T) {
	need(t, "qemu-img", "qemu-utils")
	for _, blockSize := range []int{4096, 512, 1000} {
		t.Run(fmt.Sprint(blockSize), func(t *testing.T) {
			s := start(t, "--block-size", fmt.Sprint(blockSize))
			size := int(libpmemblk.Capacity(64<<20, blockSize)) * blockSize
			if size > 20<<20 {
				size = 20 << 20
			}
			size = size / 512 * 512 // qemu-img's own limit
			image := someImage(t, size)
			run(t, "qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", "--target-is-zero", image, s.uri())
			// The device is larger; what follows are zeros.
			require.Contains(t, run(t, "qemu-img", "compare", "-f", "raw", "-F", "raw", image, s.uri()), "Images are identical")

			back := filepath.Join(t.TempDir(), "back.qcow2")
			run(t, "qemu-img", "convert", "-f", "raw", "-O", "qcow2", s.uri(), back)
			require.Contains(t, run(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", s.uri(), back), "Images are identical")
			require.Empty(t, s.stop())
		})
	}
}

// Ensure that nbdcopy, with its several connections, copies in and out, also
// over what was there before.
func TestNbdcopy(t *testing.T) {
	need(t, "nbdcopy", "libnbd-bin")
	s := start(t)
	size := int(libpmemblk.Capacity(64<<20, 4096)) * 4096
	for _, image := range []string{someImage(t, size), someImage(t, size-1234567)} {
		run(t, "nbdcopy", "--connections=4", "--flush", image, s.uri())
		back := filepath.Join(t.TempDir(), "back.raw")
		run(t, "nbdcopy", "--connections=4", s.uri(), back)
		want, err := os.ReadFile(image)
		require.NoError(t, err)
		got, err := os.ReadFile(back)
		require.NoError(t, err)
		require.Len(t, got, size)
		require.True(t, bytes.Equal(want, got[:len(want)]))
	}
	s.stop()
}

// Ensure that random writes of many sizes at any place are read as they were
// written, with several requests at once, FUA, trims and flushes in between.
func TestFio(t *testing.T) {
	need(t, "fio", "fio")
	if out, err := exec.Command("fio", "--enghelp=nbd").CombinedOutput(); err != nil {
		t.Skipf("this fio has no engine for nbd: %s", out)
	}
	loops := "2"
	if testing.Short() {
		loops = "1"
	}
	cases := map[string][]string{
		"blocks":    {"--rw=randwrite", "--bs=4k", "--iodepth=16"},
		"unaligned": {"--rw=randwrite", "--bsrange=512-20k", "--bs_unaligned=1", "--blockalign=512", "--iodepth=1"},
		"large":     {"--rw=write", "--bs=1m", "--iodepth=4"},
		"mixed":     {"--rw=randrw", "--bs=8k", "--iodepth=8", "--fsync=16"},
		"trim":      {"--rw=randtrimwrite", "--bs=4k", "--iodepth=1", "--trim_verify_zero=1"},
	}
	for name, args := range cases {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			args = append([]string{"--name=verify", "--ioengine=nbd", "--uri=" + s.uri(), "--size=8m", "--loops=" + loops}, args...)
			if name != "trim" { // which verifies that zeros are read
				args = append(args, "--verify=crc32c", "--verify_fatal=1")
			}
			out := run(t, "fio", args...)
			require.Contains(t, out, "err= 0")
			s.stop()
		})
	}
}

// Ensure that a read-only device cannot be written to.
func TestReadOnlyClient(t *testing.T) {
	need(t, "nbdcopy", "libnbd-bin")
	s := start(t, "--read-only")
	out, err := exec.Command("nbdcopy", someImage(t, 1<<20), s.uri()).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "read-only")
}
