/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * set_shim.h -- how a pool grows. Like the shims of shim.h; 0 and success, or
 * status filled in.
 */
#ifndef PMEMGO_OBJ_SET_SHIM_H
#define PMEMGO_OBJ_SET_SHIM_H

#include "shim.h"

void pmemgo_obj_extend(pmemgo_pool pool, uint64_t bytes,
	struct pmemgo_status *st);
uint64_t pmemgo_obj_step(pmemgo_pool pool);
void pmemgo_obj_set_step(pmemgo_pool pool, uint64_t bytes,
	struct pmemgo_status *st);

#endif
