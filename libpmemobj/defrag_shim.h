/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_OBJ_DEFRAG_SHIM_H
#define PMEMGO_OBJ_DEFRAG_SHIM_H

#include "shim.h"

struct pmemgo_defrag {
	uint64_t total;
	uint64_t relocated;
	struct pmemgo_status status;
};

/*
 * objects are n objects, which are set to their new places. refs are the
 * addresses of nrefs PMEMoids in the pool, all pointers to these objects,
 * behind room for n addresses more.
 */
void pmemgo_obj_defrag(pmemgo_pool pool, PMEMoid *objects, size_t n,
	uint64_t *refs, size_t nrefs, struct pmemgo_defrag *result);

#endif
