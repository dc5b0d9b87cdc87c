/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C side of package libpmem.
 */
#ifndef PMEMGO_LIBPMEM_SHIM_H
#define PMEMGO_LIBPMEM_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "pmemgo.h"

/*
 * One operation on mapped memory. As the argument of a leaf call it lies on
 * the goroutine's stack; through pmemgo_run it is built in C.
 */
struct pmemgo_op {
	/*
	 * The mapping's closed flag. Not NULL: the operation is announced to
	 * pmemgo_unmap and refused once the flag is set. NULL: the caller
	 * keeps the mapping open by other means.
	 */
	const uint32_t *closed;
	void *dst;
	const void *src;
	size_t len;
	uint32_t flags;
	int32_t c;
};

/* All return 0, or 1 without having touched memory if the mapping is closed. */
int32_t pmemgo_op_persist(void *op);
int32_t pmemgo_op_flush(void *op);
int32_t pmemgo_op_deep_flush(void *op);
int32_t pmemgo_op_memcpy(void *op);
int32_t pmemgo_op_memmove(void *op);
int32_t pmemgo_op_memset(void *op);
int32_t pmemgo_op_memcpy_persist(void *op);
int32_t pmemgo_op_memmove_persist(void *op);
int32_t pmemgo_op_memset_persist(void *op);
int32_t pmemgo_op_memcpy_nodrain(void *op);
int32_t pmemgo_op_memmove_nodrain(void *op);
int32_t pmemgo_op_memset_nodrain(void *op);

/* op is not looked at. */
int32_t pmemgo_op_drain(void *op);

/* pmemgo_run -- an operation as an ordinary cgo call */
void pmemgo_run(uintptr_t fn, uintptr_t dst, const char *src, size_t len,
	uint32_t flags, int32_t c);

void *pmemgo_map(const char *path, size_t len, int flags, uint32_t mode,
	size_t *mapped_len, int *is_pmem, struct pmemgo_status *st);
void pmemgo_unmap(const uint32_t *closed, uintptr_t addr, size_t len,
	struct pmemgo_status *st);

void pmemgo_msync(uintptr_t addr, size_t len, struct pmemgo_status *st);
void pmemgo_deep_drain(uintptr_t addr, size_t len, struct pmemgo_status *st);
void pmemgo_deep_persist(uintptr_t addr, size_t len, struct pmemgo_status *st);
int pmemgo_is_pmem(uintptr_t addr, size_t len);
int pmemgo_has_auto_flush(struct pmemgo_status *st);

#endif
