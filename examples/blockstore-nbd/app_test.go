package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemblk"
)

// served is a server in this process.
type served struct {
	pool   string
	socket string
	stop   func() string // ends it and returns what it logged
}

// start runs the program with arguments before the pool's name. When the test
// ends, it is stopped and the pool checked.
func start(t *testing.T, args ...string) *served {
	t.Helper()
	dir := t.TempDir()
	s := &served{pool: filepath.Join(dir, "store.blk"), socket: filepath.Join(dir, "s")}
	args = append(append([]string{"blockstore-nbd", "--socket", s.socket, "--durability", "process-crash", "--create", "64MiB"}, args...), s.pool)
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	var complaints bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		ended <- newApp(in, &complaints).Run(ctx, args)
		_ = in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(line, <-ended)
	}
	require.Contains(t, line, "durability process-crash, on "+s.socket)
	stopped := false
	s.stop = func() string {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
			require.NoFileExists(t, s.socket)
			require.NoError(t, libpmemblk.Check(s.pool))
		}
		return complaints.String()
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// fails runs the program, which must fail.
func fails(t *testing.T, reason string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // should it serve after all, it ends at once
	var out bytes.Buffer
	err := newApp(&out, &out).Run(ctx, append([]string{"blockstore-nbd"}, args...))
	require.ErrorContains(t, err, reason, "%q", args)
}

func TestArguments(t *testing.T) {
	pool := filepath.Join(t.TempDir(), "pool")
	fails(t, "one argument is needed")
	fails(t, "one argument is needed", "a", "b")
	fails(t, "--connections 0", "--connections", "0", pool)
	fails(t, "none of auto, dax, msync, process-crash", "--durability", "best", pool)
	fails(t, "--block-size means nothing", "--block-size", "512", pool)
	fails(t, `"1Q" is no size`, "--create", "1Q", pool)
	fails(t, "at least 16785408 bytes", "--create", "1MiB", pool)
	fails(t, "blocks have between 1 and", "--create", "1GiB", "--block-size", "0", pool)
	fails(t, "no such file", pool)
	fails(t, "--name has 5000 bytes", "--name", strings.Repeat("x", 5000), pool)
	var out bytes.Buffer
	require.NoError(t, newApp(&out, &out).Run(context.Background(), []string{"blockstore-nbd", "--help"}))
	require.Contains(t, out.String(), "--create SIZE")
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "17000000": 17000000, "32MiB": 32 << 20, "32m": 32 << 20, "1G": 1 << 30, "2GB": 2 << 30, "3KiB": 3072, "1T": 1 << 40} {
		got, err := parseSize(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "M", "-1", "1X", "1MM", "1.5G", "1 G", "9999999999T"} {
		_, err := parseSize(s)
		require.Error(t, err, s)
	}
}

// Ensure that a socket in use is left alone, that one left behind is replaced,
// and that nobody else may connect.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	l, err := listen(path)
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, st.Mode().Perm()&0o077)
	_, err = listen(path)
	require.ErrorContains(t, err, "a server is listening there")
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after SIGKILL
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	l, err = listen(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = listen(file)
	require.ErrorContains(t, err, "in the way, and no socket")
}

// Ensure that ranges of zeros are what they say, at all borders of blocks.
func TestDevice(t *testing.T) {
	const size = 1000
	p, err := libpmemblk.Create(filepath.Join(t.TempDir(), "pool"), size, libpmemblk.WithSize(libpmemblk.MinPool), libpmemblk.WithDurability(libpmemblk.DurabilityProcessCrash))
	require.NoError(t, err)
	defer p.Close()
	d := device{p}
	require.EqualValues(t, 1024, d.preferred())
	full := bytes.Repeat([]byte{7}, 5*size)
	for _, off := range []int64{0, 1, 999, 1000, 1001, 1999} {
		for _, n := range []int64{0, 1, 2, 999, 1000, 1001, 2000, 2001, 2999} {
			want := bytes.Clone(full)
			clear(want[off : off+n])
			_, err := d.WriteAt(full, 0)
			require.NoError(t, err)
			require.NoError(t, d.Zero(off, n))
			got := make([]byte, len(full))
			_, err = d.ReadAt(got, 0)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "%d zeros at %d", n, off)

			_, err = d.WriteAt(full, 0)
			require.NoError(t, err)
			require.NoError(t, d.Trim(off, n))
			_, err = d.ReadAt(got, 0)
			require.NoError(t, err)
			first, end := (off+size-1)/size*size, (off+n)/size*size
			want = bytes.Clone(full)
			if first < end {
				clear(want[first:end])
			}
			require.True(t, bytes.Equal(want, got), "trim of %d at %d", n, off)
		}
	}
}
