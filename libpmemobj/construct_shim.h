/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * construct_shim.h -- objects that come into being complete. A constructor
 * that PMDK called back would run while the allocator holds its locks; here
 * the memory is reserved, filled from Go with no lock held, and published.
 */
#ifndef PMEMGO_OBJ_CONSTRUCT_SHIM_H
#define PMEMGO_OBJ_CONSTRUCT_SHIM_H

#include "shim.h"

struct pmemgo_construct {
	uint64_t pool;
	uint64_t dst; /* PMEMoid * in the pool, to be set as well; or 0 */
	uint64_t size;
	uint64_t type_num;
	uint64_t flags;
	uint64_t uuid;
	uint64_t result; /* reserve: the object's offset */
	struct pobj_action acts[3]; /* the object and the two words of dst */
	struct pmemgo_status status;
};

/* publish fails as a whole, with the reservation used up. */
int32_t pmemgo_obj_construct_reserve(void *construct);
int32_t pmemgo_obj_construct_publish(void *construct);
int32_t pmemgo_obj_construct_cancel(void *construct);

/*
 * Makes the root object with this content, unless there is one: then it is
 * the root as it is, grown to size if need be.
 */
uint64_t pmemgo_obj_root_construct(pmemgo_pool pool, size_t size,
	const char *content, struct pmemgo_status *st);

#endif
