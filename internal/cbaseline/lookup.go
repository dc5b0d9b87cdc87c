package cbaseline

/*
#cgo CFLAGS: -O2 -I${SRCDIR}/../../third_party/pmdk/include
#include <libpmemobj.h>

static uintptr_t
pmemgo_base_pool_by_oid(PMEMoid oid)
{
	return (uintptr_t)pmemobj_pool_by_oid(oid);
}

static uintptr_t
pmemgo_base_pool_by_ptr(uintptr_t addr)
{
	return (uintptr_t)pmemobj_pool_by_ptr((const void *)addr);
}

static PMEMoid
pmemgo_base_oid(uintptr_t addr)
{
	return pmemobj_oid((const void *)addr);
}
*/
import "C"

// PoolByOID is the address at which C's pool of oid begins, 0 for none.
func PoolByOID(oid OID) uintptr {
	return uintptr(C.pmemgo_base_pool_by_oid(C.PMEMoid{pool_uuid_lo: C.uint64_t(oid.Pool), off: C.uint64_t(oid.Off)}))
}

// PoolByPtr is the address at which C's pool of addr begins, 0 for none.
func PoolByPtr(addr uintptr) uintptr {
	return uintptr(C.pmemgo_base_pool_by_ptr(C.uintptr_t(addr)))
}

// OIDOf is C's OID of addr.
func OIDOf(addr uintptr) OID {
	oid := C.pmemgo_base_oid(C.uintptr_t(addr))
	return OID{uint64(oid.pool_uuid_lo), uint64(oid.off)}
}
