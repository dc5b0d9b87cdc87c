package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	"github.com/pmem/pmdk-go/libpmemblk"
)

// crashArea is the part of the device that a client uses alone, in bytes.
const crashArea = 8 << 10

// areaModel is what it holds.
type areaModel string

// request is what a client asks for.
type request struct {
	What   string // write, zero, trim
	Off, N int
	Seed   uint64
}

func (r request) bytes() []byte {
	b := make([]byte, r.N+8)
	seed := r.Seed
	for i := 0; i < r.N; i += 8 {
		seed = seed*6364136223846793005 + 1442695040888963407
		binary.LittleEndian.PutUint64(b[i:], seed|0x0101010101010101)
	}
	return b[:r.N]
}

// client makes requests of a device with blocks of size bytes.
func client(n, size int) crashmodel.Actor[*libpmemblk.Pool] {
	base := int64(n+1) * 5 * crashArea
	return crashmodel.Script[*libpmemblk.Pool, areaModel, request]{
		Name:  fmt.Sprint("client ", n),
		Steps: 30,
		Start: areaModel(make([]byte, crashArea)),
		Draw: func(rnd *rand.Rand, m areaModel) request {
			off := rnd.IntN(len(m))
			return request{[]string{"write", "write", "write", "zero", "trim"}[rnd.IntN(5)], off, 1 + rnd.IntN(min(len(m)-off, 1+rnd.IntN(3*size))), rnd.Uint64()}
		},
		Apply: func(m areaModel, r request) areaModel {
			b := areaModel(make([]byte, r.N))
			first, end := r.Off, r.Off+r.N
			switch r.What {
			case "write":
				b = areaModel(r.bytes())
			case "trim": // whole blocks only
				first, end = (first+size-1)/size*size, end/size*size
				if first >= end {
					return m
				}
				b = b[:end-first]
			}
			return m[:first] + b + m[end:]
		},
		Do: func(p *libpmemblk.Pool, r request) error {
			d := device{p}
			off := base + int64(r.Off)
			switch r.What {
			case "zero":
				return d.Zero(off, int64(r.N))
			case "trim":
				return d.Trim(off, int64(r.N))
			}
			_, err := d.WriteAt(r.bytes(), off)
			return err
		},
		Read: func(p *libpmemblk.Pool) (areaModel, error) {
			b := make([]byte, crashArea)
			_, err := device{p}.ReadAt(b, base)
			return areaModel(b), err
		},
		// Blocks change one after the other, from the first on.
		During: func(before, after, got areaModel, _ request) error {
			for i := 0; i <= len(got); i += size {
				if got == after[:i]+before[i:] {
					return nil
				}
			}
			return fmt.Errorf("blocks are mixtures, or a later one is new and an earlier one old: %s; %s", crashmodel.Diff(before, got), crashmodel.Diff(after, got))
		},
	}.Actor()
}

// Ensure that after a power failure, the device holds all that its clients were
// told is there, and whole blocks of what they were not.
func TestCrash(t *testing.T) {
	const size = 512
	crashmodel.Run(t, crashtest.Config{BlockSize: size}, crashmodel.Workload[*libpmemblk.Pool]{
		Actors: []crashmodel.Actor[*libpmemblk.Pool]{client(0, size), client(1, size), client(2, size)},
	})
}

// Ensure the same for larger blocks, on an ordinary file.
func TestCrashOnDisk(t *testing.T) {
	const size = 4096
	crashmodel.Run(t, crashtest.Config{BlockSize: size, Durability: libpmemblk.DurabilityMsync}, crashmodel.Workload[*libpmemblk.Pool]{
		Actors: []crashmodel.Actor[*libpmemblk.Pool]{client(0, size), client(1, size)},
	})
}
