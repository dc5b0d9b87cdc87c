package libpmempool

import "github.com/pmem/pmdk-go/internal/poolheader"

// UUID names a pool set, a part or a replica.
type UUID [16]byte

// String gives the form that PMDK prints.
func (u UUID) String() string { return poolheader.UUID(u).String() }
