/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_OBJ_XFLUSH_SHIM_H
#define PMEMGO_OBJ_XFLUSH_SHIM_H

#include "shim.h"

/* Flush n ranges; with drain, wait for all of them at the end. */
void pmemgo_obj_xflush(pmemgo_pool pool, const struct pmemgo_range *ranges,
	size_t n, unsigned flags, int drain, struct pmemgo_status *st);

#endif
