/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpmemobj.h>

#include "reserve.h"

static void
reserve_publish(PMEMobjpool *pop, const uint64_t *content, size_t words,
	uint64_t type_num)
{
	struct pobj_action act;
	size_t size = words * sizeof(uint64_t);
	PMEMoid oid = pmemobj_reserve(pop, &act, size, type_num);
	void *object = pmemobj_direct(oid);
	if (object == NULL) {
		fprintf(stderr, "baseline: reserve: %s\n", pmemobj_errormsg());
		abort();
	}
	memcpy(object, content, size);
	pmemobj_persist(pop, object, size);
	if (pmemobj_publish(pop, &act, 1) != 0) {
		fprintf(stderr, "baseline: publish: %s\n", pmemobj_errormsg());
		abort();
	}
}

void
pmemgo_base_reserve_publish(uint64_t *addr, const uint64_t *content,
	size_t words, uint64_t type_num, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(addr);
	for (size_t i = 0; i < n; i++)
		reserve_publish(pop, content, words, type_num);
}
