/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * flush.c -- the functions of libpmem that make something durable
 */
#include <libpmem.h>

#include "ranges.h"

#define WRAP(ret, name, ...) \
	ret __real_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__)

WRAP(void, pmem_flush, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_tell_flush(addr, len, false))
		__real_pmem_flush(addr, len);
}

WRAP(void, pmem_drain, void)
{
	if (pmemgo_watching())
		pmemgo_tell_all(PMEMGO_EVENT_DRAIN, 0);
	__real_pmem_drain(); /* other files may be waiting for it */
}

WRAP(void, pmem_persist, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_tell_flush(addr, len, true))
		__real_pmem_persist(addr, len);
}

WRAP(int, pmem_msync, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_tell(PMEMGO_EVENT_SYNC, addr, len))
		return __real_pmem_msync(addr, len);
	return 0;
}

WRAP(void, pmem_deep_flush, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_tell_flush(addr, len, false))
		__real_pmem_deep_flush(addr, len);
}

WRAP(int, pmem_deep_drain, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_is_watched(addr))
		return __real_pmem_deep_drain(addr, len);
	pmemgo_tell_all(PMEMGO_EVENT_DRAIN, 0);
	return 0;
}

WRAP(int, pmem_deep_persist, const void *addr, size_t len)
{
	if (!pmemgo_watching() || !pmemgo_tell_flush(addr, len, true))
		return __real_pmem_deep_persist(addr, len);
	return 0;
}

/*
 * The copies: libpmem writes, and what was written is handed on. Flags that
 * exclude flushing exclude draining as well.
 */
static void
written(const void *addr, size_t len, unsigned flags)
{
	if (len == 0 || (flags & PMEM_F_MEM_NOFLUSH))
		return;
	if (!pmemgo_tell_flush(addr, len, !(flags & PMEM_F_MEM_NODRAIN)))
		__real_pmem_persist(addr, len); /* no longer watched */
}

WRAP(void *, pmem_memcpy, void *dst, const void *src, size_t len, unsigned flags)
{
	if (!pmemgo_watching() || !pmemgo_is_watched(dst))
		return __real_pmem_memcpy(dst, src, len, flags);
	__real_pmem_memcpy(dst, src, len, PMEM_F_MEM_NOFLUSH);
	written(dst, len, flags);
	return dst;
}

WRAP(void *, pmem_memmove, void *dst, const void *src, size_t len, unsigned flags)
{
	if (!pmemgo_watching() || !pmemgo_is_watched(dst))
		return __real_pmem_memmove(dst, src, len, flags);
	__real_pmem_memmove(dst, src, len, PMEM_F_MEM_NOFLUSH);
	written(dst, len, flags);
	return dst;
}

WRAP(void *, pmem_memset, void *dst, int c, size_t len, unsigned flags)
{
	if (!pmemgo_watching() || !pmemgo_is_watched(dst))
		return __real_pmem_memset(dst, c, len, flags);
	__real_pmem_memset(dst, c, len, PMEM_F_MEM_NOFLUSH);
	written(dst, len, flags);
	return dst;
}

/* The names of before there were flags are libpmem's own: they pass by the above. */
WRAP(void *, pmem_memcpy_persist, void *dst, const void *src, size_t len)
{
	return __wrap_pmem_memcpy(dst, src, len, 0);
}

WRAP(void *, pmem_memcpy_nodrain, void *dst, const void *src, size_t len)
{
	return __wrap_pmem_memcpy(dst, src, len, PMEM_F_MEM_NODRAIN);
}

WRAP(void *, pmem_memmove_persist, void *dst, const void *src, size_t len)
{
	return __wrap_pmem_memmove(dst, src, len, 0);
}

WRAP(void *, pmem_memmove_nodrain, void *dst, const void *src, size_t len)
{
	return __wrap_pmem_memmove(dst, src, len, PMEM_F_MEM_NODRAIN);
}

WRAP(void *, pmem_memset_persist, void *dst, int c, size_t len)
{
	return __wrap_pmem_memset(dst, c, len, 0);
}

WRAP(void *, pmem_memset_nodrain, void *dst, int c, size_t len)
{
	return __wrap_pmem_memset(dst, c, len, PMEM_F_MEM_NODRAIN);
}
