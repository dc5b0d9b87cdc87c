package libpmemobj

import "fmt"

// OID names an object: the pool it lives in and its offset there, in bytes.
// It has the layout of PMEMoid, may stand in persistent structs, and stays
// valid over restarts. The zero OID is null.
type OID struct {
	Pool uint64 // the pool's UUID, as Pool.UUID gives it
	Off  uint64 // of the object's first byte
}

// IsNull says whether oid names no object.
//
// Implements: OID_IS_NULL(3)
func (oid OID) IsNull() bool { return oid.Off == 0 }

// String gives the OID in hexadecimal, pool first.
func (oid OID) String() string {
	if oid.IsNull() {
		return "null"
	}
	return fmt.Sprintf("%016x:%#x", oid.Pool, oid.Off)
}
