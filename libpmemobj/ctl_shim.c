/* SPDX-License-Identifier: BSD-3-Clause */
#include "ctl_shim.h"

/*
 * answer -- many nodes fail without setting errno or the message, which are
 * left from something else then; errno was cleared before.
 */
static int
answer(int ret, struct pmemgo_status *st)
{
	if (ret != 0)
		pmemgo_fail(st, errno, pmemobj_errormsg());
	return ret;
}

int
pmemgo_obj_ctl_get(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st)
{
	errno = 0;
	return answer(pmemobj_ctl_get((PMEMobjpool *)pool, name, arg), st);
}

int
pmemgo_obj_ctl_set(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st)
{
	errno = 0;
	return answer(pmemobj_ctl_set((PMEMobjpool *)pool, name, arg), st);
}

int
pmemgo_obj_ctl_exec(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st)
{
	errno = 0;
	return answer(pmemobj_ctl_exec((PMEMobjpool *)pool, name, arg), st);
}
