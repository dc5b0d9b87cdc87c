package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/libpmemblk"
)

const killBlock = 4096

// version is what a block holds after so many writes to it: nothing but that
// number.
func version(n uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), killBlock/8)
}

// writer is an NBD client that writes one block after the other.
type writer struct {
	conn     net.Conn
	versions []uint64 // acknowledged, of each block
	next     int
}

// handshake asks for the export with the old option, which has one answer.
func (w *writer) handshake() error {
	be := binary.BigEndian
	b := be.AppendUint32(nil, 3)
	b = append(b, "IHAVEOPT"...)
	b = be.AppendUint32(be.AppendUint32(b, 1), 0)
	if _, err := w.conn.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(w.conn, make([]byte, 18+10))
	return err
}

// run writes until the server is gone.
func (w *writer) run() error {
	be := binary.BigEndian
	answer := make([]byte, 16)
	for ; ; w.next = (w.next + 1) % len(w.versions) {
		b := be.AppendUint32(nil, 0x25609513)
		b = be.AppendUint32(b, 1<<16|1) // FUA, WRITE
		b = be.AppendUint64(b, uint64(w.next))
		b = be.AppendUint64(b, uint64(w.next*killBlock))
		b = be.AppendUint32(b, killBlock)
		if _, err := w.conn.Write(append(b, version(w.versions[w.next]+1)...)); err != nil {
			return nil
		}
		if _, err := io.ReadFull(w.conn, answer); err != nil {
			return nil
		}
		if code := be.Uint32(answer[4:]); code != 0 {
			return fmt.Errorf("write of block %d: error %d", w.next, code)
		}
		w.versions[w.next]++
	}
}

// Ensure that what a client was told is written is there after the server is
// killed, and that the block under way is old or new.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	pool, socket := filepath.Join(dir, "store.blk"), filepath.Join(dir, "s")
	rounds := 25
	if testing.Short() {
		rounds = 5
	}
	w := &writer{versions: make([]uint64, 10)}
	writes := uint64(0)
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "--create", "32MiB", "--durability", "process-crash", "--socket", socket, pool)
		cmd.Env = append(os.Environ(), serverVariable+"=1")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		_, err = bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)

		w.conn, err = net.Dial("unix", socket)
		require.NoError(t, err)
		require.NoError(t, w.handshake())
		timer := time.AfterFunc(time.Millisecond+time.Duration(rand.Int64N(int64(20*time.Millisecond))), func() { _ = cmd.Process.Kill() })
		err = w.run()
		timer.Stop()
		require.NoError(t, err)
		require.NoError(t, w.conn.Close())
		require.ErrorContains(t, cmd.Wait(), "killed")

		p, err := libpmemblk.Open(pool)
		require.NoError(t, err, "round %d", round)
		b := make([]byte, killBlock)
		sum := uint64(0)
		for n, acknowledged := range w.versions {
			require.NoError(t, p.ReadBlock(int64(n), b))
			got := binary.BigEndian.Uint64(b)
			require.True(t, bytes.Equal(version(got), b), "round %d: block %d is torn", round, n)
			if n == w.next {
				require.Contains(t, []uint64{acknowledged, acknowledged + 1}, got, "round %d: block %d", round, n)
				w.versions[n] = got
			}
			require.Equal(t, w.versions[n], got, "round %d: block %d", round, n)
			sum += got
		}
		require.NoError(t, p.Close())
		require.NoError(t, libpmemblk.Check(pool))
		writes = sum
	}
	require.Greater(t, writes, uint64(rounds), "the server was killed before it had written anything")
	t.Logf("%d writes", writes)
}
