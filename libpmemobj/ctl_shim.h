/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ctl_shim.h -- libpmemobj's control nodes, and reservations in an allocation
 * class.
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

/* A reservation with flags */
struct pmemgo_class_reserve {
	uint64_t pool;
	uint64_t act; /* struct pobj_action * */
	uint64_t size;
	uint64_t type_num;
	uint64_t flags;
	uint64_t result; /* the object's offset */
	struct pmemgo_status status;
};

int32_t pmemgo_obj_class_reserve(void *class_reserve);

#endif
