/* SPDX-License-Identifier: BSD-3-Clause */
#include "construct_shim.h"

static void
fail(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, pmemobj_errormsg());
}

int32_t
pmemgo_obj_construct_reserve(void *arg)
{
	struct pmemgo_construct *c = arg;
	PMEMoid oid = pmemobj_xreserve((PMEMobjpool *)c->pool, &c->acts[0],
		c->size, c->type_num, c->flags);
	if (OID_IS_NULL(oid))
		fail(&c->status);
	c->result = oid.off;
	return 0;
}

int32_t
pmemgo_obj_construct_publish(void *arg)
{
	struct pmemgo_construct *c = arg;
	PMEMobjpool *pop = (PMEMobjpool *)c->pool;
	size_t n = 1;

	pmemobj_flush(pop, (char *)pop + c->result, c->size);
	if (c->dst != 0) {
		PMEMoid *dst = (PMEMoid *)c->dst;
		pmemobj_set_value(pop, &c->acts[n++], &dst->pool_uuid_lo,
			c->uuid);
		pmemobj_set_value(pop, &c->acts[n++], &dst->off, c->result);
	} else {
		/* One bit in the heap is all that changes: no log to wait for. */
		pmemobj_drain(pop);
	}
	if (pmemobj_publish(pop, c->acts, n) != 0) {
		fail(&c->status);
		pmemobj_cancel(pop, c->acts, n);
	}
	return 0;
}

int32_t
pmemgo_obj_construct_cancel(void *arg)
{
	struct pmemgo_construct *c = arg;
	pmemobj_cancel((PMEMobjpool *)c->pool, c->acts, 1);
	return 0;
}

struct content {
	const char *bytes;
	size_t size;
};

static int
copy_content(PMEMobjpool *pop, void *ptr, void *arg)
{
	/* Called for a root that grows as well; that one keeps what it holds. */
	if (pmemobj_root_size(pop) != 0)
		return 0;
	const struct content *c = arg;
	memcpy(ptr, c->bytes, c->size);
	pmemobj_persist(pop, ptr, c->size);
	return 0;
}

uint64_t
pmemgo_obj_root_construct(pmemgo_pool pool, size_t size, const char *content,
	struct pmemgo_status *st)
{
	struct content c = {content, size};
	PMEMoid oid = pmemobj_root_construct((PMEMobjpool *)pool, size,
		copy_content, &c);
	if (OID_IS_NULL(oid))
		fail(st);
	return oid.off;
}
