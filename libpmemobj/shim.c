/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include "../internal/interpose/interpose.h"

static void
fail(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, pmemobj_errormsg());
}

/*
 * Pools
 */

PMEMobjpool *
pmemgo_obj_create(const char *path, const char *layout, size_t size,
	unsigned mode, int is_pmem, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)is_pmem);
	PMEMobjpool *pop = pmemobj_create(path, layout, size, (mode_t)mode);
	if (pop == NULL)
		fail(st);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
	return pop;
}

PMEMobjpool *
pmemgo_obj_open(const char *path, const char *layout, int cow, int is_pmem,
	struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)is_pmem);
	PMEMobjpool *pop = NULL;
	/* The setting belongs to the process; the caller holds a lock. */
	if (pmemobj_ctl_set(NULL, "copy_on_write.at_open", &cow) == 0)
		pop = pmemobj_open(path, layout);
	if (pop == NULL)
		fail(st);
	int off = 0;
	if (cow)
		pmemobj_ctl_set(NULL, "copy_on_write.at_open", &off);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
	return pop;
}

int
pmemgo_obj_check(const char *path, const char *layout, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	int ret = pmemobj_check(path, layout);
	if (ret < 0)
		fail(st);
	pmemgo_unblock_signals(&saved);
	return ret;
}

uint64_t
pmemgo_obj_uuid(pmemgo_pool pool)
{
	PMEMobjpool *pop = (PMEMobjpool *)pool;
	/* Any address inside the pool will do, its first byte excepted. */
	return pmemobj_oid((const char *)pop + 1).pool_uuid_lo;
}

uint64_t
pmemgo_obj_root(pmemgo_pool pool, size_t size, struct pmemgo_status *st)
{
	PMEMobjpool *pop = (PMEMobjpool *)pool;
	size_t have = pmemobj_root_size(pop);
	if (size < have) {
		pmemgo_fail(st, EINVAL,
			"the root object is larger than the type asked for");
		return 0;
	}
	PMEMoid oid = pmemobj_root(pop, size);
	if (OID_IS_NULL(oid))
		fail(st);
	return oid.off;
}

void
pmemgo_obj_run(uintptr_t fn, char *arg)
{
	(void) ((int32_t (*)(void *))fn)(arg);
}

/*
 * Transactions
 */

int
pmemgo_obj_begin(struct pmemgo_tx *tx)
{
	if (tx->begun)
		return 1;
	if (pmemobj_tx_begin((PMEMobjpool *)tx->pool, NULL, TX_PARAM_NONE)) {
		fail(&tx->status);
		(void) pmemobj_tx_end();
		return 0;
	}
	pmemobj_tx_set_failure_behavior(POBJ_TX_FAILURE_RETURN);
	tx->begun = 1;
	return 1;
}

static void
end(struct pmemgo_tx *tx)
{
	int err = pmemobj_tx_end();
	if (err != 0)
		pmemgo_fail(&tx->status, err, pmemobj_errormsg());
	tx->begun = 0;
}

int32_t
pmemgo_obj_tx_snapshot(void *arg)
{
	struct pmemgo_tx *tx = arg;
	const struct pmemgo_range *v = (const struct pmemgo_range *)tx->ranges;
	if (!pmemgo_obj_begin(tx))
		return 0;
	for (size_t i = 0; i < tx->nranges; i++) {
		if (pmemobj_tx_xadd_range_direct((const void *)v[i].addr,
				v[i].len, POBJ_XADD_NO_ABORT) != 0) {
			fail(&tx->status);
			return 0;
		}
	}
	return 0;
}

int32_t
pmemgo_obj_tx_alloc(void *arg)
{
	struct pmemgo_tx *tx = arg;
	if (!pmemgo_obj_begin(tx))
		return 0;
	PMEMoid oid = pmemobj_tx_xalloc(tx->size, tx->type_num,
		tx->flags | POBJ_XALLOC_NO_ABORT);
	if (OID_IS_NULL(oid))
		fail(&tx->status);
	tx->result = oid.off;
	return 0;
}

static int
tx_free(struct pmemgo_tx *tx, uint64_t off)
{
	PMEMoid oid = {tx->uuid, off};
	return pmemobj_tx_xfree(oid, POBJ_XFREE_NO_ABORT);
}

/*
 * pmemobj_tx_realloc itself knows no "do not abort"; what it is made of, an
 * allocation, a copy and a free, does.
 */
int32_t
pmemgo_obj_tx_realloc(void *arg)
{
	struct pmemgo_tx *tx = arg;
	uint64_t flags = tx->flags;
	tx->flags = 0;
	pmemgo_obj_tx_alloc(tx);
	if (tx->status.err)
		return 0;
	char *to = (char *)tx->pool + tx->result;
	memcpy(to, (char *)tx->pool + tx->off, tx->keep);
	if (flags & POBJ_XALLOC_ZERO)
		memset(to + tx->keep, 0, tx->size - tx->keep);
	if (tx_free(tx, tx->off) != 0) {
		fail(&tx->status);
		(void) tx_free(tx, tx->result);
	}
	return 0;
}

int32_t
pmemgo_obj_tx_free(void *arg)
{
	struct pmemgo_tx *tx = arg;
	if (pmemgo_obj_begin(tx) && tx_free(tx, tx->off) != 0)
		fail(&tx->status);
	return 0;
}

int32_t
pmemgo_obj_tx_commit(void *arg)
{
	pmemobj_tx_commit();
	end(arg);
	return 0;
}

int32_t
pmemgo_obj_tx_abort(void *arg)
{
	struct pmemgo_tx *tx = arg;
	pmemobj_tx_abort(ECANCELED);
	(void) pmemobj_tx_end();
	tx->begun = 0;
	return 0;
}

/*
 * Publications
 */

int32_t
pmemgo_obj_reserve(void *arg)
{
	struct pmemgo_publication *p = arg;
	PMEMoid oid = pmemobj_xreserve((PMEMobjpool *)p->pool,
		(struct pobj_action *)p->act, p->size, p->type_num, p->flags);
	if (OID_IS_NULL(oid))
		fail(&p->status);
	p->result = oid.off;
	return 0;
}

static void
store(const struct pmemgo_store *s)
{
	/* In one piece, also for readers in other threads. */
	__atomic_store_n((uint64_t *)s->addr, s->value, __ATOMIC_RELEASE);
}

int32_t
pmemgo_obj_store(void *arg)
{
	struct pmemgo_publication *p = arg;
	const struct pmemgo_store *s = (const struct pmemgo_store *)p->stores;
	store(s);
	pmemobj_persist((PMEMobjpool *)p->pool, (void *)s->addr, 8);
	return 0;
}

int32_t
pmemgo_obj_cancel(void *arg)
{
	struct pmemgo_publication *p = arg;
	pmemobj_cancel((PMEMobjpool *)p->pool, (struct pobj_action *)p->acts,
		p->nres);
	return 0;
}

static void
flush_reserved(const struct pmemgo_publication *p)
{
	const struct pmemgo_range *v = (const struct pmemgo_range *)p->reserved;
	for (size_t i = 0; i < p->nres; i++)
		pmemobj_flush((PMEMobjpool *)p->pool,
			(const void *)v[i].addr, v[i].len);
}

int32_t
pmemgo_obj_publish(void *arg)
{
	struct pmemgo_publication *p = arg;
	PMEMobjpool *pop = (PMEMobjpool *)p->pool;
	struct pobj_action *acts = (struct pobj_action *)p->acts;
	const PMEMoid *frees = (const PMEMoid *)p->frees;
	const struct pmemgo_store *stores =
		(const struct pmemgo_store *)p->stores;

	size_t n = p->nres;
	for (size_t i = 0; i < p->nfree; i++)
		pmemobj_defer_free(pop, frees[i], &acts[n++]);
	for (size_t i = 0; i < p->nstore; i++)
		pmemobj_set_value(pop, &acts[n++],
			(uint64_t *)stores[i].addr, stores[i].value);
	/*
	 * New objects must be durable before they exist. An object and a word can
	 * only become visible together by way of a log, and the drain that makes
	 * the log durable waits for these flushes too. Objects alone may need
	 * none: one bit in the heap is all that changes.
	 */
	flush_reserved(p);
	if (p->nres > 0 && p->nstore == 0)
		pmemobj_drain(pop);
	if (pmemobj_publish(pop, acts, n) != 0)
		fail(&p->status);
	else
		p->nres = 0;
	return 0;
}

/*
 * publish_in_tx -- do the publication in an open transaction. Runs of adjacent
 * words become one range each; the stores are sorted by address. What can fail
 * comes first, so that an abort finds the reservations untouched.
 */
static int
publish_in_tx(struct pmemgo_publication *p)
{
	const PMEMoid *frees = (const PMEMoid *)p->frees;
	const struct pmemgo_store *s = (const struct pmemgo_store *)p->stores;

	for (size_t i = 0, j; i < p->nstore; i = j) {
		for (j = i + 1; j < p->nstore; j++)
			if (s[j].addr != s[j - 1].addr + 8)
				break;
		if (pmemobj_tx_xadd_range_direct((void *)s[i].addr,
				(j - i) * 8, POBJ_XADD_NO_ABORT) != 0)
			return -1;
	}
	for (size_t i = 0; i < p->nfree; i++)
		if (pmemobj_tx_xfree(frees[i], POBJ_XFREE_NO_ABORT) != 0)
			return -1;
	flush_reserved(p);
	pmemobj_drain((PMEMobjpool *)p->pool);
	if (p->nres > 0 && pmemobj_tx_xpublish((struct pobj_action *)p->acts,
			p->nres, POBJ_XPUBLISH_NO_ABORT) != 0)
		return -1;
	p->nres = 0;
	for (size_t i = 0; i < p->nstore; i++)
		store(&s[i]);
	return 0;
}

int32_t
pmemgo_obj_publish_tx(void *arg)
{
	struct pmemgo_publication *p = arg;
	struct pmemgo_tx tx;
	tx.pool = p->pool;
	tx.begun = 0;
	tx.status.err = 0;
	if (!pmemgo_obj_begin(&tx)) {
		p->status = tx.status;
		return 0;
	}
	if (publish_in_tx(p) != 0) {
		fail(&p->status);
		pmemgo_obj_tx_abort(&tx);
		return 0;
	}
	pmemgo_obj_tx_commit(&tx);
	if (tx.status.err)
		p->status = tx.status;
	return 0;
}

/*
 * Atomic allocation
 */

static PMEMoid *
destination(struct pmemgo_atomic *a)
{
	return a->dst ? (PMEMoid *)a->dst : &a->oid;
}

int32_t
pmemgo_obj_alloc(void *arg)
{
	struct pmemgo_atomic *a = arg;
	PMEMoid *oidp = destination(a);
	if (pmemobj_xalloc((PMEMobjpool *)a->pool, oidp, a->size, a->type_num,
			a->flags, NULL, NULL) != 0)
		fail(&a->status);
	else
		a->oid = *oidp;
	return 0;
}

int32_t
pmemgo_obj_realloc(void *arg)
{
	struct pmemgo_atomic *a = arg;
	PMEMobjpool *pop = (PMEMobjpool *)a->pool;
	PMEMoid *oidp = destination(a);
	int ret = a->flags & POBJ_XALLOC_ZERO ?
		pmemobj_zrealloc(pop, oidp, a->size, a->type_num) :
		pmemobj_realloc(pop, oidp, a->size, a->type_num);
	if (ret != 0)
		fail(&a->status);
	else
		a->oid = *oidp;
	return 0;
}

int32_t
pmemgo_obj_free(void *arg)
{
	pmemobj_free(destination(arg));
	return 0;
}

uint64_t
pmemgo_obj_strdup(pmemgo_pool pool, PMEMoid *oidp, const char *s,
	uint64_t type_num, struct pmemgo_status *st)
{
	PMEMobjpool *pop = (PMEMobjpool *)pool;
	PMEMoid oid = OID_NULL;
	if (oidp == NULL)
		oidp = &oid;
	if (pmemobj_strdup(pop, oidp, s, type_num) != 0) {
		fail(st);
		return 0;
	}
	return oidp->off;
}

/*
 * Flushing and copying
 */

int32_t
pmemgo_obj_persist(void *arg)
{
	const struct pmemgo_flush *f = arg;
	pmemobj_persist((PMEMobjpool *)f->pool, (const void *)f->addr, f->len);
	return 0;
}

int32_t
pmemgo_obj_flush(void *arg)
{
	const struct pmemgo_flush *f = arg;
	pmemobj_flush((PMEMobjpool *)f->pool, (const void *)f->addr, f->len);
	return 0;
}

int32_t
pmemgo_obj_drain(void *arg)
{
	const struct pmemgo_flush *f = arg;
	pmemobj_drain((PMEMobjpool *)f->pool);
	return 0;
}

void
pmemgo_obj_memcpy(pmemgo_pool pool, char *dst, const char *src, size_t len,
	unsigned flags)
{
	pmemobj_memcpy((PMEMobjpool *)pool, dst, src, len, flags);
}

void
pmemgo_obj_memmove(pmemgo_pool pool, char *dst, const char *src, size_t len,
	unsigned flags)
{
	pmemobj_memmove((PMEMobjpool *)pool, dst, src, len, flags);
}

void
pmemgo_obj_memset(pmemgo_pool pool, char *dst, int c, size_t len, unsigned flags)
{
	pmemobj_memset((PMEMobjpool *)pool, dst, c, len, flags);
}

/*
 * Iteration
 */

size_t
pmemgo_obj_objects(pmemgo_pool pool, PMEMoid from, int only, uint64_t type_num,
	uint64_t *offs, size_t n)
{
	PMEMobjpool *pop = (PMEMobjpool *)pool;
	size_t got = 0;
	PMEMoid oid = OID_IS_NULL(from) ? pmemobj_first(pop) : from;
	for (; got < n && !OID_IS_NULL(oid); oid = pmemobj_next(oid)) {
		if (!only || pmemobj_type_num(oid) == type_num)
			offs[got++] = oid.off;
	}
	return got;
}
