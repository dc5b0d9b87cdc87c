/* SPDX-License-Identifier: BSD-3-Clause */
#include "persistset_shim.h"

int32_t
pmemgo_obj_persist_set(void *arg)
{
	const struct pmemgo_persist_set *p = arg;
	PMEMobjpool *pop = (PMEMobjpool *)p->pool;
	if (p->len != 0)
		pmemobj_persist(pop, (const void *)p->addr, p->len);
	uint64_t *dst = (uint64_t *)p->dst;
	/* what was stored before it is seen before it, also on the same line */
	__atomic_store_n(dst, p->value, __ATOMIC_RELEASE);
	pmemobj_persist(pop, dst, sizeof(*dst));
	return 0;
}
