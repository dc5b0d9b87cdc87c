package libpmem_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/pmem/pmdk-go/cgoutil"
	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
)

// crashArea is the part of a mapping that a goroutine has for itself.
const crashArea = 8 << 10

// areaModel is what it holds.
type areaModel string

// areaOp changes N bytes at Off.
type areaOp struct {
	What   string
	Off, N int
	From   int // move: where the bytes come from
	Seed   uint64
	Flags  libpmem.Flags
}

func (o areaOp) bytes() []byte {
	b := make([]byte, o.N+8)
	seed := o.Seed
	for i := 0; i < o.N; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed|0x0101010101010101)
	}
	return b[:o.N]
}

// area writes to a mapping by every method. An operation is not atomic: each
// byte of what it writes may be old or new while it is under way, and is new
// when it has returned.
//
// That holds for words as well: PMDK's manual says that aligned words are stored
// by one instruction each, but pmem_memcpy and its relatives store the last one
// of a cache line or of the range in two halves unless told to bypass the caches.
// Only a store by Go is atomic.
func area(part int) crashmodel.Actor[*libpmem.Mapping] {
	base := part * crashArea
	return crashmodel.Script[*libpmem.Mapping, areaModel, areaOp]{
		Name:  fmt.Sprint("area ", part),
		Steps: 60,
		Start: areaModel(make([]byte, crashArea)),
		Draw: func(rnd *rand.Rand, m areaModel) areaOp {
			o := areaOp{
				What: []string{"write at", "copy at", "set at", "move at", "memcpy", "memmove", "memset", "bytes", "word", "no drain", "sync"}[rnd.IntN(11)],
				Off:  rnd.IntN(len(m)),
				Seed: rnd.Uint64(),
				Flags: []libpmem.Flags{0, libpmem.NonTemporal, libpmem.Temporal, libpmem.WriteCombine, libpmem.WriteBack,
					libpmem.NoDrain, libpmem.NoFlush, libpmem.NoDrain | libpmem.NonTemporal}[rnd.IntN(8)],
			}
			o.N = 1 + rnd.IntN(min(len(m)-o.Off, []int{8, 100, 3000}[rnd.IntN(3)]))
			o.From = rnd.IntN(len(m) - o.N + 1)
			if o.What == "move at" && max(o.From, o.Off) < min(o.From, o.Off)+o.N {
				o.What = "copy at" // a move onto itself cannot be done again
			}
			if o.What == "word" {
				o.Off, o.N = o.Off&^7, 8
			}
			return o
		},
		Apply: func(m areaModel, o areaOp) areaModel {
			b := areaModel(o.bytes())
			switch o.What {
			case "set at", "memset":
				b = areaModel(strings.Repeat(string([]byte{byte(o.Seed)}), o.N))
			case "move at":
				b = m[o.From : o.From+o.N]
			}
			return m[:o.Off] + b + m[o.Off+o.N:]
		},
		Do: func(m *libpmem.Mapping, o areaOp) error { return o.do(m, base) },
		Read: func(m *libpmem.Mapping) (areaModel, error) {
			b := make([]byte, crashArea)
			_, err := m.ReadAt(b, int64(base))
			return areaModel(b), err
		},
		During: func(before, after, got areaModel, o areaOp) error {
			for i := range got {
				if got[i] != before[i] && got[i] != after[i] {
					return fmt.Errorf("byte %d is %#x, neither %#x nor %#x", i, got[i], before[i], after[i])
				}
			}
			if w := got[o.Off : o.Off+o.N]; o.What == "word" && w != before[o.Off:o.Off+o.N] && w != after[o.Off:o.Off+o.N] {
				return fmt.Errorf("the word at %d is torn: %x", o.Off, w)
			}
			return nil
		},
	}.Actor()
}

func (o areaOp) do(m *libpmem.Mapping, base int) (err error) {
	at := base + o.Off
	dst := m.Bytes()[at : at+o.N]
	// What is flushed is durable after a drain of the same thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	flags := o.Flags
	switch o.What {
	case "write at":
		_, err := m.WriteAt(o.bytes(), int64(at))
		return err
	case "copy at":
		err = m.CopyAt(at, o.bytes(), flags)
	case "set at":
		err = m.SetAt(at, o.N, byte(o.Seed), flags)
	case "move at":
		err = m.MoveAt(at, base+o.From, o.N, flags)
	case "memcpy":
		err = libpmem.Memcpy(dst, o.bytes(), flags)
	case "memmove":
		err = libpmem.Memmove(dst, o.bytes(), flags)
	case "memset":
		err = libpmem.Memset(dst, byte(o.Seed), flags)
	case "bytes":
		copy(dst, o.bytes())
		return m.Persist(at, o.N)
	case "word":
		*(*uint64)(unsafe.Pointer(&dst[0])) = binary.LittleEndian.Uint64(o.bytes())
		return libpmem.Persist(dst)
	case "no drain":
		if err := libpmem.MemcpyNodrain(dst, o.bytes()); err != nil {
			return err
		}
		flags = libpmem.NoDrain
	case "sync":
		copy(dst, o.bytes())
		return m.Sync()
	}
	if err != nil {
		return err
	}
	if flags&libpmem.NoFlush != 0 {
		return m.Persist(at, o.N)
	}
	if flags&libpmem.NoDrain != 0 {
		return m.Drain()
	}
	return nil
}

func runAreas(t *testing.T, c crashtest.Config, parts int) {
	t.Helper()
	if forced() {
		t.Skip("the parent process has done this: it does not depend on the environment")
	}
	var w crashmodel.Workload[*libpmem.Mapping]
	for part := range parts {
		w.Actors = append(w.Actors, area(part))
	}
	crashmodel.Run(t, c, w)
}

// Ensure that what is written is durable when the method says so, and nothing
// else changes.
func TestCrashMapping(t *testing.T) { runAreas(t, crashtest.Config{}, 1) }

// Ensure the same on an ordinary file.
func TestCrashMappingOnDisk(t *testing.T) {
	runAreas(t, crashtest.Config{Durability: cgoutil.DurabilityMsync}, 1)
}

// Ensure the same for goroutines side by side.
func TestCrashMappingParallel(t *testing.T) { runAreas(t, crashtest.Config{}, 4) }

// Ensure the same on an ordinary file.
func TestCrashMappingParallelOnDisk(t *testing.T) {
	runAreas(t, crashtest.Config{Durability: cgoutil.DurabilityMsync}, 3)
}
