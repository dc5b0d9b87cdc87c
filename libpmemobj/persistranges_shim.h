/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_OBJ_PERSISTRANGES_SHIM_H
#define PMEMGO_OBJ_PERSISTRANGES_SHIM_H

#include "shim.h"

#define PMEMGO_MAX_RANGES 4

struct pmemgo_persist_ranges {
	uint64_t pool;
	uint64_t n;
	uint64_t drain;
	struct pmemgo_range ranges[PMEMGO_MAX_RANGES];
};

/* Flush the ranges, then, with drain, wait for all of them. */
int32_t pmemgo_obj_persist_ranges(void *arg);

#endif
