package vector

import (
	"github.com/pmem/pmdk-go/internal/container"
	"github.com/pmem/pmdk-go/libpmemobj"
	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

func init() {
	directory.Register(kind, directory.Handler{Stat: stat, Free: free})
}

func stat(p *libpmemobj.Pool, off uint64) (directory.Stat, error) {
	unknown := directory.Stat{Entries: -1, Bytes: -1}
	s, err := stateOf(p, off)
	if err != nil {
		return unknown, err
	}
	h, err := s.Read("stat")
	if err != nil {
		return unknown, err
	}
	defer h.Release()
	st := directory.Stat{Entries: int64(s.length.Load())}
	offs := append([]uint64{off}, s.header.segments[:s.header.count()]...)
	for _, off := range offs {
		n, err := p.UsableSize(libpmemobj.OID{Pool: p.UUID(), Off: off})
		if err != nil {
			return unknown, err
		}
		st.Bytes += int64(n)
	}
	return st, nil
}

func free(tx *libpmemobj.Tx, off uint64) error {
	s, err := stateOf(tx.Pool(), off)
	if err != nil {
		return err
	}
	if err := container.Remove(tx, off, &s.Lock); err != nil {
		return err
	}
	if err := s.freeSegments(tx, 0); err != nil {
		return err
	}
	*libpmemobj.MutAt(tx, &s.header.magic) = 0 // a handle that is being opened finds no vector
	return tx.Free(libpmemobj.OID{Pool: tx.Pool().UUID(), Off: off})
}
