package libpmemobj_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/pmem/pmdk-go/internal/crashmodel"
	"github.com/pmem/pmdk-go/libpmem/crashtest"
	. "github.com/pmem/pmdk-go/libpmemobj"
)

// The root object of a program that has grown.
type (
	crashRoot1 struct {
		A [30]uint64
	}
	crashRoot2 struct {
		crashRoot1
		B [90]uint64
	}
	crashRoot3 struct {
		crashRoot2
		C [1000]uint64
	}
)

// crashGrowth is a root object: its size, 0 if there is none, and its words.
type crashGrowth struct {
	Size  uint64
	Words string
}

// rootOp is the n-th thing that the program does.
type rootOp int

// growth makes a root object, lets it grow, and uses what is new.
func growth() crashmodel.Actor[*Pool] {
	const constructed, filledB = 3, 5
	var words crashRoot3
	for i := range words.A {
		words.A[i] = constructed * uint64(i+1)
	}
	withB := words
	for i := range withB.B {
		withB.B[i] = filledB * uint64(i+1)
	}
	model := func(r *crashRoot3, size uintptr) crashGrowth {
		return crashGrowth{uint64(size), string(unsafe.Slice((*byte)(unsafe.Pointer(r)), size))}
	}
	return crashmodel.Script[*Pool, crashGrowth, rootOp]{
		Name:  "root",
		Steps: 5,
		Draw: func(_ *rand.Rand, m crashGrowth) rootOp {
			switch m {
			case crashGrowth{}:
				return 1
			case model(&words, unsafe.Sizeof(crashRoot1{})):
				return 2
			case model(&words, unsafe.Sizeof(crashRoot2{})):
				return 3
			case model(&withB, unsafe.Sizeof(crashRoot2{})):
				return 4
			}
			return 5
		},
		Apply: func(m crashGrowth, o rootOp) crashGrowth {
			switch o {
			case 1:
				return model(&words, unsafe.Sizeof(crashRoot1{}))
			case 2:
				return model(&words, unsafe.Sizeof(crashRoot2{}))
			case 3:
				return model(&withB, unsafe.Sizeof(crashRoot2{}))
			case 4:
				return model(&withB, unsafe.Sizeof(crashRoot3{}))
			}
			return m
		},
		Do: func(p *Pool, o rootOp) error {
			switch o {
			case 1:
				_, err := ConstructRoot(p, func(r *crashRoot1) error {
					r.A = words.A
					return nil
				})
				return err
			case 2:
				_, err := Root[crashRoot2](p)
				return err
			case 3:
				root, err := Root[crashRoot2](p)
				if err != nil {
					return err
				}
				return p.Update(func(tx *Tx) error {
					*MutAt(tx, &root.Get().B) = withB.B
					return nil
				})
			}
			_, err := Root[crashRoot3](p)
			return err
		},
		Read: func(p *Pool) (m crashGrowth, err error) {
			size, err := p.RootSize()
			if size == 0 || err != nil {
				return m, err
			}
			var oid OID
			switch uintptr(size) {
			case unsafe.Sizeof(crashRoot1{}):
				root, err := Root[crashRoot1](p)
				if err != nil {
					return m, err
				}
				oid = root.OID()
			case unsafe.Sizeof(crashRoot2{}):
				root, err := Root[crashRoot2](p)
				if err != nil {
					return m, err
				}
				oid = root.OID()
			case unsafe.Sizeof(crashRoot3{}):
				root, err := Root[crashRoot3](p)
				if err != nil {
					return m, err
				}
				oid = root.OID()
			default:
				return m, fmt.Errorf("the root has %d bytes", size)
			}
			b, err := p.Bytes(oid, 0, size)
			return crashGrowth{size, string(b)}, err
		},
	}.Actor()
}

// Ensure that the root object comes into being, and grows, as a whole or not at
// all, and leaves no other object behind.
func TestCrashRoot(t *testing.T) {
	crashmodel.Run(t, crashtest.Config{}, rootWorkload())
}

// Ensure the same on an ordinary file.
func TestCrashRootOnDisk(t *testing.T) {
	crashmodel.Run(t, onDisk, rootWorkload())
}

func rootWorkload() crashmodel.Workload[*Pool] {
	return crashmodel.Workload[*Pool]{
		Actors: []crashmodel.Actor[*Pool]{growth()},
		Whole: func(p *Pool) error {
			if objects := objectsIn(p); len(objects) != 0 {
				return fmt.Errorf("there are objects beside the root: %v", objects)
			}
			return nil
		},
	}
}
