/* SPDX-License-Identifier: BSD-3-Clause */

#include <libpmem.h>

#include "readers.h"
#include "shim.h"

/*
 * PMEMGO_OP defines an operation for leaf calls and for pmemgo_run. The
 * library's own symbols are called, each under its own name, so that a tool
 * which wraps them sees what the program does.
 */
#define PMEMGO_OP(name, call) \
int32_t \
pmemgo_op_##name(void *arg) \
{ \
	const struct pmemgo_op *op = arg; \
	if (!pmemgo_reader_enter(op->closed)) \
		return 1; \
	call; \
	pmemgo_reader_leave(op->closed); \
	return 0; \
}

PMEMGO_OP(persist, pmem_persist(op->dst, op->len))
PMEMGO_OP(flush, pmem_flush(op->dst, op->len))
PMEMGO_OP(deep_flush, pmem_deep_flush(op->dst, op->len))
PMEMGO_OP(memcpy, pmem_memcpy(op->dst, op->src, op->len, op->flags))
PMEMGO_OP(memmove, pmem_memmove(op->dst, op->src, op->len, op->flags))
PMEMGO_OP(memset, pmem_memset(op->dst, op->c, op->len, op->flags))
PMEMGO_OP(memcpy_persist, pmem_memcpy_persist(op->dst, op->src, op->len))
PMEMGO_OP(memmove_persist, pmem_memmove_persist(op->dst, op->src, op->len))
PMEMGO_OP(memset_persist, pmem_memset_persist(op->dst, op->c, op->len))
PMEMGO_OP(memcpy_nodrain, pmem_memcpy_nodrain(op->dst, op->src, op->len))
PMEMGO_OP(memmove_nodrain, pmem_memmove_nodrain(op->dst, op->src, op->len))
PMEMGO_OP(memset_nodrain, pmem_memset_nodrain(op->dst, op->c, op->len))

int32_t
pmemgo_op_drain(void *op)
{
	(void) op;
	pmem_drain();
	return 0;
}

void
pmemgo_run(uintptr_t fn, uintptr_t dst, const char *src, size_t len,
	uint32_t flags, int32_t c)
{
	struct pmemgo_op op = {
		.closed = NULL,
		.dst = (void *)dst,
		.src = src,
		.len = len,
		.flags = flags,
		.c = c,
	};
	((int32_t (*)(void *))fn)(&op);
}

void *
pmemgo_map(const char *path, size_t len, int flags, uint32_t mode,
	size_t *mapped_len, int *is_pmem, struct pmemgo_status *st)
{
	sigset_t saved;

	pmemgo_block_signals(&saved);
	errno = 0;
	void *addr = pmem_map_file(path, len, flags, (mode_t)mode,
			mapped_len, is_pmem);
	if (addr == NULL)
		pmemgo_fail(st, errno, pmem_errormsg());
	pmemgo_unblock_signals(&saved);
	return addr;
}

void
pmemgo_unmap(const uint32_t *closed, uintptr_t addr, size_t len,
	struct pmemgo_status *st)
{
	sigset_t saved;

	pmemgo_readers_wait(closed);
	pmemgo_block_signals(&saved);
	errno = 0;
	if (pmem_unmap((void *)addr, len) != 0)
		pmemgo_fail(st, errno, pmem_errormsg());
	pmemgo_unblock_signals(&saved);
}

/*
 * msync and the deep functions do not set the library's message on every
 * failure; a message of an earlier one would mislead, so there is none.
 */

void
pmemgo_msync(uintptr_t addr, size_t len, struct pmemgo_status *st)
{
	errno = 0;
	if (pmem_msync((void *)addr, len) != 0)
		pmemgo_fail(st, errno, NULL);
}

void
pmemgo_deep_drain(uintptr_t addr, size_t len, struct pmemgo_status *st)
{
	errno = 0;
	if (pmem_deep_drain((void *)addr, len) != 0)
		pmemgo_fail(st, errno, NULL);
}

void
pmemgo_deep_persist(uintptr_t addr, size_t len, struct pmemgo_status *st)
{
	errno = 0;
	if (pmem_deep_persist((void *)addr, len) != 0)
		pmemgo_fail(st, errno, NULL);
}

int
pmemgo_is_pmem(uintptr_t addr, size_t len)
{
	return pmem_is_pmem((void *)addr, len);
}

int
pmemgo_has_auto_flush(struct pmemgo_status *st)
{
	errno = 0;
	int has = pmem_has_auto_flush();
	if (has < 0)
		pmemgo_fail(st, errno, pmem_errormsg());
	return has;
}
