/* SPDX-License-Identifier: BSD-3-Clause */
#include "reservation_shim.h"

static void
set_state(struct pmemgo_reservation *r, uint32_t state)
{
	__atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
}

int32_t
pmemgo_obj_reservation_make(void *arg)
{
	struct pmemgo_reservation *r = arg;
	PMEMoid oid = pmemobj_xreserve((PMEMobjpool *)r->pool, &r->act, r->size,
		r->type_num, r->flags);
	r->failed = OID_IS_NULL(oid);
	if (!r->failed) {
		r->off = oid.off;
		set_state(r, PMEMGO_RESERVATION_HELD);
	}
	return 0;
}

int32_t
pmemgo_obj_reservation_publish(void *arg)
{
	struct pmemgo_reservation *r = arg;
	PMEMobjpool *pop = (PMEMobjpool *)r->pool;
	pmemobj_persist(pop, (char *)pop + r->off, r->size);
	r->failed = pmemobj_publish(pop, &r->act, 1) != 0;
	if (!r->failed)
		set_state(r, PMEMGO_RESERVATION_PUBLISHED);
	return 0;
}

int32_t
pmemgo_obj_reservation_cancel(void *arg)
{
	struct pmemgo_reservation *r = arg;
	pmemobj_cancel((PMEMobjpool *)r->pool, &r->act, 1);
	return 0;
}

int32_t
pmemgo_obj_tx_publish(void *arg)
{
	struct pmemgo_tx_publication *p = arg;
	struct pmemgo_tx *tx = (struct pmemgo_tx *)p->tx;
	const struct pmemgo_range *v = (const struct pmemgo_range *)p->reserved;

	tx->nranges = 0;
	pmemgo_obj_tx_snapshot(tx); /* begins the transaction */
	if (tx->status.err)
		return 0;
	if (pmemobj_tx_xpublish((struct pobj_action *)p->acts, p->n,
			POBJ_XPUBLISH_NO_ABORT) != 0) {
		pmemgo_fail(&tx->status, errno, pmemobj_errormsg());
		return 0;
	}
	p->handed = 1;
	/*
	 * The commit flushes what the transaction has allocated, but not what
	 * it has published. A range without a snapshot makes it, so that the
	 * objects can be written until then.
	 */
	for (size_t i = 0; i < p->n; i++) {
		if (pmemobj_tx_xadd_range_direct((const void *)v[i].addr,
				v[i].len, POBJ_XADD_NO_SNAPSHOT |
				POBJ_XADD_NO_ABORT) != 0) {
			pmemgo_fail(&tx->status, errno, pmemobj_errormsg());
			return 0;
		}
	}
	return 0;
}
