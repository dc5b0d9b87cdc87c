package ring

import (
	"fmt"

	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// Option changes how a new log or queue is made. One that exists is opened as it
// is.
type Option func(*options) error

type options struct{ capacity uint64 }

// DefaultCapacity is the capacity of a ring if nothing else is said, in bytes.
const DefaultCapacity = 1 << 20

// WithCapacity sets how large the ring is, in bytes: from MinCapacity to
// libpmemobj.MaxAlloc less a page. Of each record it takes 32 bytes beside its
// data, rounded up to a multiple of 8.
func WithCapacity(bytes int64) Option {
	return func(o *options) error {
		if bytes < MinCapacity || bytes > libpmemobj.MaxAlloc-4096 {
			return fmt.Errorf("a ring of %d bytes; possible are %d to %d", bytes, int64(MinCapacity), int64(libpmemobj.MaxAlloc-4096))
		}
		o.capacity = uint64(bytes) &^ 7
		return nil
	}
}

const (
	logKind   = "ring.Log"
	queueKind = "ring.Queue"
)

func openNamed(p *libpmemobj.Pool, name, kind string, magic uint64, opts []Option) (*state, error) {
	o := options{capacity: DefaultCapacity}
	for _, opt := range opts {
		if err := opt(&o); err != nil {
			return nil, err
		}
	}
	k := directory.Kind{Name: kind, Version: version}
	off, err := directory.Open(p, name, k, func(tx *libpmemobj.Tx) (uint64, error) { return create(tx, magic, o.capacity) })
	if err != nil {
		return nil, err
	}
	return stateOf(p, off, magic)
}

func init() {
	register(logKind, logMagic)
	register(queueKind, queMagic)
}

func register(kind string, magic uint64) {
	directory.Register(kind, directory.Handler{
		Stat: func(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
			unknown := directory.Stat{Entries: -1, Bytes: -1}
			s, err := stateOf(p, off, magic)
			if err != nil {
				return unknown, err
			}
			n, err := p.UsableSize(libpmemobj.OID{Pool: p.UUID(), Off: off})
			if err != nil {
				return unknown, err
			}
			return directory.Stat{Entries: int64(s.len()), Bytes: int64(n)}, nil
		},
		Free: func(tx *libpmemobj.Tx, off uint64) error {
			s, err := stateOf(tx.Pool(), off, magic)
			if err != nil {
				return err
			}
			if err := container.Remove(tx, off, &s.Lock); err != nil {
				return err
			}
			*libpmemobj.MutAt(tx, &s.header.magic) = 0 // a handle that is being opened finds no ring
			return tx.Free(libpmemobj.OID{Pool: tx.Pool().UUID(), Off: off})
		},
	})
}

// len is the number of records that others see.
func (s *state) len() int {
	if s.queue != nil {
		return int(s.queue.live.Load())
	}
	first := s.first.Load()
	return int(max(s.durable.Load(), first) - first)
}

// failure is how operations return their errors.
func failure(op, name string, err error) error {
	if e, ok := err.(*container.Error); ok && e.Name == "" {
		err = e.Err
	}
	return &container.Error{Op: op, Name: name, Err: err}
}

var errInUpdate = fmt.Errorf("%w: use the operations of In(tx)", libpmemobj.ErrInTx)
