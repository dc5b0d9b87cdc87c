/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "class.h"

static void
tx_allocs(PMEMobjpool *pop, size_t size, size_t count, uint64_t *offs)
{
	TX_BEGIN(pop) {
		for (size_t i = 0; i < count; i++)
			offs[i] = pmemobj_tx_alloc(size, 1).off;
	} TX_ONABORT {
		fprintf(stderr, "baseline: tx_allocs: %s\n",
			pmemobj_errormsg());
		abort();
	} TX_END
}

void
pmemgo_base_tx_allocs(const char *inpool, size_t size, size_t count,
	uint64_t *offs, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(inpool);
	for (size_t i = 0; i < n; i++)
		tx_allocs(pop, size, count, offs + i * count);
}
