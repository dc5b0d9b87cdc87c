/* SPDX-License-Identifier: BSD-3-Clause */
#include "xflush_shim.h"

void
pmemgo_obj_xflush(pmemgo_pool pool, const struct pmemgo_range *ranges, size_t n,
	unsigned flags, int drain, struct pmemgo_status *st)
{
	PMEMobjpool *pop = (PMEMobjpool *)pool;
	for (size_t i = 0; i < n; i++) {
		/* The last range takes the drain along. */
		int (*flush)(PMEMobjpool *, const void *, size_t, unsigned) =
			drain && i == n - 1 ? pmemobj_xpersist : pmemobj_xflush;
		if (flush(pop, (const void *)ranges[i].addr, ranges[i].len, flags)) {
			pmemgo_fail(st, errno, pmemobj_errormsg());
			return;
		}
	}
}
