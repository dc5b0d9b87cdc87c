/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ctl_shim.h -- libpmemobj's control nodes
 */
#ifndef PMEMGO_OBJ_CTL_SHIM_H
#define PMEMGO_OBJ_CTL_SHIM_H

#include "shim.h"

/*
 * A node of a pool, or of the process if pool is 0. The caller knows what arg
 * points at; name is one of libpmemobj's own. They return 0 or -1.
 */
int pmemgo_obj_ctl_get(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st);
int pmemgo_obj_ctl_set(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st);
int pmemgo_obj_ctl_exec(pmemgo_pool pool, const char *name, char *arg,
	struct pmemgo_status *st);

#endif
