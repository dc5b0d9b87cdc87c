/* SPDX-License-Identifier: BSD-3-Clause */
#include "set_shim.h"

void
pmemgo_obj_extend(pmemgo_pool pool, uint64_t bytes, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	/* It fails with any errno, or none. */
	errno = 0;
	if (pmemobj_ctl_exec((PMEMobjpool *)pool, "heap.size.extend", &bytes))
		pmemgo_fail(st, errno, pmemobj_errormsg());
	pmemgo_unblock_signals(&saved);
}

uint64_t
pmemgo_obj_step(pmemgo_pool pool)
{
	uint64_t step = 0;
	(void) pmemobj_ctl_get((PMEMobjpool *)pool, "heap.size.granularity",
		&step);
	return step;
}

void
pmemgo_obj_set_step(pmemgo_pool pool, uint64_t bytes, struct pmemgo_status *st)
{
	errno = 0;
	if (pmemobj_ctl_set((PMEMobjpool *)pool, "heap.size.granularity",
			&bytes))
		pmemgo_fail(st, errno, pmemobj_errormsg());
}
