/* SPDX-License-Identifier: BSD-3-Clause */
#include "defrag_shim.h"

void
pmemgo_obj_defrag(pmemgo_pool pool, PMEMoid *objects, size_t n, uint64_t *refs,
	size_t nrefs, struct pmemgo_defrag *result)
{
	struct pobj_defrag_result r = {0, 0};
	for (size_t i = 0; i < n; i++)
		refs[i] = (uint64_t)&objects[i];
	if (pmemobj_defrag((PMEMobjpool *)pool, (PMEMoid **)refs, n + nrefs,
			&r) != 0)
		pmemgo_fail(&result->status, errno, pmemobj_errormsg());
	result->total = r.total;
	result->relocated = r.relocated;
}
