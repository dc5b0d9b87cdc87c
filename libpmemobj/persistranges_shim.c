/* SPDX-License-Identifier: BSD-3-Clause */
#include "persistranges_shim.h"

int32_t
pmemgo_obj_persist_ranges(void *arg)
{
	const struct pmemgo_persist_ranges *p = arg;
	PMEMobjpool *pop = (PMEMobjpool *)p->pool;
	for (uint64_t i = 0; i < p->n; i++)
		if (p->ranges[i].len != 0)
			pmemobj_flush(pop, (const void *)p->ranges[i].addr, p->ranges[i].len);
	if (p->drain)
		pmemobj_drain(pop);
	return 0;
}
