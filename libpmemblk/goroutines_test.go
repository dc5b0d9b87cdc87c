package libpmemblk_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pmem/pmdk-go/internal/testpool"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// Ensure that many goroutines, more than libpmemblk has lanes, read and write
// whole blocks, and never see a mixture of two writes.
func TestManyGoroutines(t *testing.T) {
	const size, shared, each = 1024, 16, 300
	p := newPool(t, size)
	var versions [shared]atomic.Int64 // started
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			b := make([]byte, size)
			for range each {
				n := rnd.Int64N(shared)
				if g%2 == 0 {
					fillBlock(b, n, int(versions[n].Add(1)))
					if err := p.WriteBlock(n, b); err != nil {
						t.Error(err)
						return
					}
					continue
				}
				if err := p.ReadBlock(n, b); err != nil {
					t.Error(err)
					return
				}
				version, err := versionOf(b, n)
				if err == nil && int64(version) > versions[n].Load() {
					err = fmt.Errorf("block %d has version %d, which nobody wrote", n, version)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	p = reopen(t, p)
	b := make([]byte, size)
	for n := range int64(shared) {
		require.NoError(t, p.ReadBlock(n, b))
		version, err := versionOf(b, n)
		require.NoError(t, err)
		require.NotZero(t, version)
	}
}

// Ensure that nothing is lost where goroutines write to parts of the same
// blocks, while others write other blocks whole.
func TestUnalignedWriters(t *testing.T) {
	const size, writers, span, rounds = 512, 24, 200, 60 // neighbours share blocks
	p := newPool(t, size)
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			b := make([]byte, span)
			for round := range rounds {
				for i := range b {
					b[i] = byte(g ^ round)
				}
				// In small pieces, so that the blocks are written often.
				for at := 0; at < span; at += 50 {
					n, err := p.WriteAt(b[at:at+50], int64(g*span+at))
					if err != nil || n != 50 {
						t.Error(n, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	got := make([]byte, writers*span)
	_, err := p.ReadAt(got, 0)
	require.NoError(t, err)
	for i, c := range got {
		require.Equal(t, byte(i/span^(rounds-1)), c, "byte %d", i)
	}
}

// Ensure that a write of a whole block is not undone by a write to a part of it
// that had read it before.
func TestWholeAndPartWriters(t *testing.T) {
	const size, rounds = 512, 2000
	p := newPool(t, size)
	var wg sync.WaitGroup
	for n := range int64(4) {
		var done atomic.Bool
		wg.Go(func() { // the second half, in part
			b := make([]byte, 8)
			for !done.Load() {
				if _, err := p.WriteAt(b, n*size+400); err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() { // all of it
			defer done.Store(true)
			whole, got := make([]byte, size), make([]byte, size)
			for i := range uint64(rounds) {
				binary.LittleEndian.PutUint64(whole, i)
				if err := p.WriteBlock(n, whole); err != nil {
					t.Error(err)
					return
				}
				if err := p.ReadBlock(n, got); err != nil {
					t.Error(err)
					return
				}
				if v := binary.LittleEndian.Uint64(got); v != i {
					t.Errorf("block %d: %d after %d was written", n, v, i)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Ensure that the first writes to a new pool, which lay it out, may come from
// many goroutines at once.
func TestFirstWrites(t *testing.T) {
	for range 20 {
		p, err := Create(testpool.Dir(t)+"/pool", 512, WithSize(MinPool), WithDurability(DurabilityProcessCrash))
		require.NoError(t, err)
		var wg sync.WaitGroup
		for g := range int64(8) {
			wg.Go(func() {
				if err := p.WriteBlock(g, block(512, g, 1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		p = reopen(t, p)
		b := make([]byte, 512)
		for g := range int64(8) {
			require.NoError(t, p.ReadBlock(g, b))
			require.Equal(t, block(512, g, 1), b)
		}
		require.NoError(t, p.Close())
	}
}

// Ensure that operations on blocks allocate nothing on the Go heap.
func TestGoHeap(t *testing.T) {
	if raceDetector || addressSanitizer {
		t.Skip("the sanitizers allocate where the program does not")
	}
	for _, size := range []int{512, 4096, 60000} {
		p := newPool(t, size, WithSize(40<<20))
		b := make([]byte, size)
		part := make([]byte, size+100)
		for name, do := range map[string]func() error{
			"write": func() error { return p.WriteBlock(1, b) },
			"read":  func() error { return p.ReadBlock(1, b) },
			"zero":  func() error { return p.SetZero(2) },
			"error": func() error { return p.SetError(2) },
			"read at": func() error {
				_, err := p.ReadAt(part, 3*int64(size)+7)
				return err
			},
			"write at": func() error {
				_, err := p.WriteAt(part, 3*int64(size)+7)
				return err
			},
		} {
			require.NoError(t, p.WriteBlock(0, b))
			allocs := testing.AllocsPerRun(100, func() {
				if err := do(); err != nil {
					t.Fatal(err)
				}
			})
			require.Zero(t, allocs, "%s, blocks of %d bytes", name, size)
		}
	}
}
