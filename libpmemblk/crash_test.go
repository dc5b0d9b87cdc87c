package libpmemblk_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemblk"
)

// onDisk has a pool on an ordinary file, of which whole pages can be lost.
var onDisk = crashtest.Config{Durability: DurabilityMsync}

// crashBlocks is how many blocks a goroutine has for itself. They are far
// apart.
const crashBlocks = 12

func crashBlock(part, i int) int64 { return int64(part) + int64(i)*37 }

// blocksModel is what blocks hold.
type blocksModel [crashBlocks]crashContent

// crashContent is what a block was written from; 0 is a block of zeros.
type crashContent struct {
	Seed uint64
	Bad  bool
}

func (c crashContent) bytes(size int) []byte {
	b := make([]byte, size+8)
	if c.Seed == 0 {
		return b[:size]
	}
	binary.LittleEndian.PutUint64(b, c.Seed)
	seed := c.Seed
	for i := 8; i < size; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed)
	}
	return b[:size]
}

// readContent says what block n was written from.
func readContent(p *Pool, n int64) (c crashContent, err error) {
	b := make([]byte, p.BlockSize())
	var bad *BadBlockError
	if err := p.ReadBlock(n, b); errors.As(err, &bad) && bad.Block == n {
		return crashContent{Bad: true}, nil
	} else if err != nil {
		return c, err
	}
	c.Seed = binary.LittleEndian.Uint64(b)
	if string(c.bytes(len(b))) != string(b) {
		return c, fmt.Errorf("block %d is a mixture", n)
	}
	return c, nil
}

type blockOp struct {
	What string // write, write at, zero, bad
	I    int
	Seed uint64
}

// blocks writes the blocks of one part, one at a time.
func blocks(part int) crashmodel.Actor[*Pool] {
	return crashmodel.Script[*Pool, blocksModel, blockOp]{
		Name:  fmt.Sprint("blocks ", part),
		Steps: 50,
		Draw: func(rnd *rand.Rand, m blocksModel) blockOp {
			return blockOp{[]string{"write", "write", "write at", "zero", "bad"}[rnd.IntN(5)], rnd.IntN(crashBlocks), rnd.Uint64() | 1}
		},
		Apply: func(m blocksModel, o blockOp) blocksModel {
			switch o.What {
			case "zero":
				m[o.I] = crashContent{}
			case "bad":
				m[o.I] = crashContent{Bad: true}
			default:
				m[o.I] = crashContent{Seed: o.Seed}
			}
			return m
		},
		Do: func(p *Pool, o blockOp) error {
			n := crashBlock(part, o.I)
			b := crashContent{Seed: o.Seed}.bytes(p.BlockSize())
			switch o.What {
			case "zero":
				return p.SetZero(n)
			case "bad":
				return p.SetError(n)
			case "write at":
				_, err := p.WriteAt(b, n*int64(len(b)))
				return err
			}
			return p.WriteBlock(n, b)
		},
		Read: func(p *Pool) (m blocksModel, err error) {
			for i := range m {
				if m[i], err = readContent(p, crashBlock(part, i)); err != nil {
					return m, err
				}
			}
			return m, nil
		},
	}.Actor()
}

// elsewhere checks that the blocks that nobody writes are zeros, some of them
// at least.
func elsewhere(parts int) func(p *Pool) error {
	return func(p *Pool) error {
		for i := range crashBlocks {
			for n := crashBlock(parts, i); n < crashBlock(0, i+1); n++ {
				if c, err := readContent(p, n); err != nil || c != (crashContent{}) {
					return fmt.Errorf("block %d, which nobody writes, holds %+v, %w", n, c, err)
				}
			}
		}
		return nil
	}
}

func runBlocks(t *testing.T, c crashtest.Config, parts int) {
	t.Helper()
	w := crashmodel.Workload[*Pool]{Whole: elsewhere(parts)}
	for part := range parts {
		w.Actors = append(w.Actors, blocks(part))
	}
	crashmodel.Run(t, c, w)
}

// Ensure that a block is old or new, from the first write to a new pool on.
func TestCrashBlocks(t *testing.T) { runBlocks(t, crashtest.Config{}, 1) }

// Ensure the same for larger blocks, on an ordinary file.
func TestCrashBlocksOnDisk(t *testing.T) {
	c := onDisk
	c.BlockSize = 4096
	runBlocks(t, c, 1)
}

// Ensure the same for goroutines that write side by side, to a new pool.
func TestCrashBlocksParallel(t *testing.T) {
	runBlocks(t, crashtest.Config{BlockSize: 1024}, 4)
}

// Ensure the same on an ordinary file.
func TestCrashBlocksParallelOnDisk(t *testing.T) { runBlocks(t, onDisk, 3) }

// bytesModel is what a row of blocks holds.
type bytesModel string

// areaBlocks is how many blocks the row has, from areaFirst on.
const areaBlocks, areaFirst = 9, 100

type writeOp struct {
	Off, N int
	Seed   uint64
}

func (o writeOp) bytes() []byte { return crashContent{Seed: o.Seed}.bytes(o.N) }

// writesAt writes to the blocks as to one row of bytes.
func writesAt(size int) crashmodel.Actor[*Pool] {
	return crashmodel.Script[*Pool, bytesModel, writeOp]{
		Name:  "write at",
		Steps: 40,
		Start: bytesModel(make([]byte, areaBlocks*size)),
		Draw: func(rnd *rand.Rand, m bytesModel) writeOp {
			off := rnd.IntN(len(m))
			return writeOp{off, 1 + rnd.IntN(min(len(m)-off, 1+rnd.IntN(4*size))), rnd.Uint64() | 1}
		},
		Apply: func(m bytesModel, o writeOp) bytesModel {
			return m[:o.Off] + bytesModel(o.bytes()) + m[o.Off+o.N:]
		},
		Do: func(p *Pool, o writeOp) error {
			_, err := p.WriteAt(o.bytes(), int64(areaFirst*size+o.Off))
			return err
		},
		Read: func(p *Pool) (bytesModel, error) {
			b := make([]byte, areaBlocks*size)
			_, err := p.ReadAt(b, int64(areaFirst*size))
			return bytesModel(b), err
		},
		// The first blocks are new and the rest are old.
		During: func(before, after, got bytesModel, _ writeOp) error {
			for i := 0; i <= len(got); i += size {
				if got == after[:i]+before[i:] {
					return nil
				}
			}
			return fmt.Errorf("blocks are mixtures, or a later one is new and an earlier one old: %s; %s", crashmodel.Diff(before, got), crashmodel.Diff(after, got))
		},
	}.Actor()
}

// Ensure that a write to several blocks changes one after the other, each as a
// whole.
func TestCrashWriteAt(t *testing.T) {
	crashmodel.Run(t, crashtest.Config{}, crashmodel.Workload[*Pool]{Actors: []crashmodel.Actor[*Pool]{writesAt(512)}})
}

// Ensure the same on an ordinary file.
func TestCrashWriteAtOnDisk(t *testing.T) {
	c := onDisk
	c.BlockSize = 1000
	crashmodel.Run(t, c, crashmodel.Workload[*Pool]{Actors: []crashmodel.Actor[*Pool]{writesAt(1000)}})
}

const (
	sharedBlocks  = 3
	sharedWriters = 4
	sharedWrites  = 25
)

// sharedWrite is which block a writer's n-th write goes to, and what it brings.
func sharedWrite(writer, n int) (block int64, c crashContent) {
	rnd := rand.New(rand.NewPCG(crashmodel.Seed(), uint64(writer*1000+n)))
	return 5 + rnd.Int64N(sharedBlocks), crashContent{Seed: uint64(writer)<<32 | uint64(n) | 1<<63}
}

// Ensure that a block which several goroutines write holds one of their writes,
// never a mixture, and none that its writer had replaced.
func TestCrashSharedBlocks(t *testing.T) {
	crashtest.Run(t, crashtest.Config{Images: crashmodel.Images}, func(p *Pool) error {
		errs := make([]error, sharedWriters)
		var wg sync.WaitGroup
		for w := range sharedWriters {
			wg.Go(func() {
				for n := 1; n <= sharedWrites && errs[w] == nil; n++ {
					block, c := sharedWrite(w, n)
					if errs[w] = p.WriteBlock(block, c.bytes(p.BlockSize())); errs[w] == nil {
						crashtest.AckAs(int32(w), int64(n))
					}
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}, func(p *Pool, acked crashtest.Acked) error {
		for block := int64(5); block < 5+sharedBlocks; block++ {
			got, err := readContent(p, block)
			if err != nil {
				return err
			}
			// What may be there: a writer's last acknowledged write to the
			// block, or the one under way.
			possible := map[crashContent]bool{}
			written := false
			for w := range sharedWriters {
				var last crashContent
				for n := 1; n <= sharedWrites && int64(n) <= acked.Of(int32(w))+1; n++ {
					b, c := sharedWrite(w, n)
					if b != block {
						continue
					}
					if int64(n) > acked.Of(int32(w)) {
						possible[c] = true
						continue
					}
					last, written = c, true
				}
				possible[last] = true
			}
			if written {
				delete(possible, crashContent{})
			}
			if !possible[got] {
				return fmt.Errorf("block %d holds write %d of writer %d, which had been replaced, or never made: %v are possible", block, uint32(got.Seed), got.Seed>>32&0xff, possible)
			}
		}
		return nil
	})
}
