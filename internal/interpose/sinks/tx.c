/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * tx.c -- where transactions begin and end, and what they take charge of.
 * libpmemobj calls these functions under names of its own, so that only calls
 * from outside pass here.
 */
#include <libpmemobj.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#include "ranges.h"

#define WRAP(ret, name, ...) \
	ret __real_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__); \
	ret __wrap_##name(__VA_ARGS__)

/* The pools of the thread's transactions, outermost first. */
#define NESTED 64
static __thread struct { PMEMobjpool *pool; bool committed; } open_tx[NESTED];
static __thread int depth; /* may exceed NESTED: those are not told of */

static void
begun(PMEMobjpool *pool)
{
	if (depth++ >= NESTED)
		return;
	open_tx[depth - 1].pool = pool;
	open_tx[depth - 1].committed = false;
	if (pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_TX_BEGIN, pool, 0);
}

static void
ended(bool success)
{
	if (depth == 0 || depth-- > NESTED)
		return;
	if (pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_TX_END, open_tx[depth].pool,
			open_tx[depth].committed && success);
}

/* Locks and callbacks, two words each and the end: no real call has more. */
#define BEGIN_ARGS 16

int __real_pmemobj_tx_begin(PMEMobjpool *pop, jmp_buf env, ...);
int __wrap_pmemobj_tx_begin(PMEMobjpool *pop, jmp_buf env, ...);

int
__wrap_pmemobj_tx_begin(PMEMobjpool *pop, jmp_buf env, ...)
{
	void *a[BEGIN_ARGS + 2] = { NULL };
	va_list ap;
	va_start(ap, env);
	for (int n = 0; n < BEGIN_ARGS; ) {
		enum pobj_tx_param kind = va_arg(ap, enum pobj_tx_param);
		a[n++] = (void *)(uintptr_t)kind;
		if (kind == TX_PARAM_NONE)
			break;
		a[n++] = va_arg(ap, void *);
		if (kind == TX_PARAM_CB)
			a[n++] = va_arg(ap, void *);
	}
	va_end(ap);
	int err = __real_pmemobj_tx_begin(pop, env,
		a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8],
		a[9], a[10], a[11], a[12], a[13], a[14], a[15], TX_PARAM_NONE);
	begun(pop); /* also a failed one must be ended */
	return err;
}

WRAP(void, pmemobj_tx_commit, void)
{
	if (depth > 0 && depth <= NESTED)
		open_tx[depth - 1].committed = true;
	__real_pmemobj_tx_commit();
}

WRAP(int, pmemobj_tx_end, void)
{
	int err = __real_pmemobj_tx_end();
	ended(err == 0);
	return err;
}

static void
snapshot(const void *addr, size_t len)
{
	if (pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_SNAPSHOT, addr, len);
}

WRAP(int, pmemobj_tx_add_range, PMEMoid oid, uint64_t off, size_t len)
{
	snapshot((char *)pmemobj_direct(oid) + off, len);
	return __real_pmemobj_tx_add_range(oid, off, len);
}

WRAP(int, pmemobj_tx_add_range_direct, const void *ptr, size_t len)
{
	snapshot(ptr, len);
	return __real_pmemobj_tx_add_range_direct(ptr, len);
}

WRAP(int, pmemobj_tx_xadd_range, PMEMoid oid, uint64_t off, size_t len, uint64_t flags)
{
	/* Ranges that are only to be flushed by the commit are not saved. */
	if (!(flags & POBJ_XADD_NO_SNAPSHOT))
		snapshot((char *)pmemobj_direct(oid) + off, len);
	return __real_pmemobj_tx_xadd_range(oid, off, len, flags);
}

WRAP(int, pmemobj_tx_xadd_range_direct, const void *ptr, size_t len, uint64_t flags)
{
	if (!(flags & POBJ_XADD_NO_SNAPSHOT))
		snapshot(ptr, len);
	return __real_pmemobj_tx_xadd_range_direct(ptr, len, flags);
}

static PMEMoid
allocated(PMEMoid oid)
{
	if (!OID_IS_NULL(oid) && pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_ALLOC, pmemobj_direct(oid),
			pmemobj_alloc_usable_size(oid));
	return oid;
}

WRAP(PMEMoid, pmemobj_tx_alloc, size_t size, uint64_t type)
{
	return allocated(__real_pmemobj_tx_alloc(size, type));
}

WRAP(PMEMoid, pmemobj_tx_zalloc, size_t size, uint64_t type)
{
	return allocated(__real_pmemobj_tx_zalloc(size, type));
}

WRAP(PMEMoid, pmemobj_tx_xalloc, size_t size, uint64_t type, uint64_t flags)
{
	return allocated(__real_pmemobj_tx_xalloc(size, type, flags));
}

WRAP(PMEMoid, pmemobj_tx_realloc, PMEMoid oid, size_t size, uint64_t type)
{
	return allocated(__real_pmemobj_tx_realloc(oid, size, type));
}

WRAP(PMEMoid, pmemobj_tx_zrealloc, PMEMoid oid, size_t size, uint64_t type)
{
	return allocated(__real_pmemobj_tx_zrealloc(oid, size, type));
}

WRAP(PMEMoid, pmemobj_tx_xstrdup, const char *s, uint64_t type, uint64_t flags)
{
	return allocated(__real_pmemobj_tx_xstrdup(s, type, flags));
}

WRAP(PMEMoid, pmemobj_tx_xwcsdup, const wchar_t *s, uint64_t type, uint64_t flags)
{
	return allocated(__real_pmemobj_tx_xwcsdup(s, type, flags));
}
