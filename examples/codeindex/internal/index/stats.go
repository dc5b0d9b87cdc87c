package index

import (
	"bytes"

	"github.com/pmem/pmdk-go/libpmemobj/directory"
)

// Stats counts what is in the pool.
type Stats struct {
	Files       int
	Identifiers int // distinct identifiers
	Pairs       int // distinct qualified pairs
	Postings    int // pairs of a term and a line it stands on
	Segments    int
	Objects     int   // in the pool's heap, without the root
	Used        int64 // bytes of all segments and containers
	PoolSize    int64
}

// Stats walks the whole index.
func (x *Index) Stats() (Stats, error) {
	view, err := x.View()
	if err != nil {
		return Stats{}, err
	}
	st := Stats{Segments: len(view.segs), PoolSize: x.pool.Size()}
	for range view.Files() {
		st.Files++
	}
	for name, postings := range view.Terms("") {
		if bytes.IndexByte(name, '.') >= 0 {
			st.Pairs++
		} else {
			st.Identifiers++
		}
		for range postings {
			st.Postings++
		}
	}
	for range x.pool.Objects() {
		st.Objects++
	}
	for _, s := range view.segs {
		st.Used += int64(headerSize + s.Header().BodySize())
	}
	for c, err := range directory.List(x.pool) {
		if err != nil {
			return Stats{}, err
		}
		st.Used += c.Bytes
	}
	return st, nil
}
