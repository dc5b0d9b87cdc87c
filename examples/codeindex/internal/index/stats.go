package index

import "bytes"

// Stats counts what is in the pool.
type Stats struct {
	Files       int
	Identifiers int // distinct identifiers
	Pairs       int // distinct qualified pairs
	Postings    int // pairs of a term and a line it stands on
	Segments    int
	Objects     int   // in the pool's heap, without the root
	Used        int64 // bytes of all segments
	PoolSize    int64
}

// Stats walks the whole index.
func (x *Index) Stats() (Stats, error) {
	links, err := x.links()
	if err != nil {
		return Stats{}, err
	}
	view := newView(links)
	st := Stats{Segments: len(links), PoolSize: x.pool.Size()}
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
	for _, l := range links {
		st.Used += int64(objectSize + l.Header().BodySize())
	}
	return st, nil
}
