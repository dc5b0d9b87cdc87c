/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * cmemory_shim.h -- counts the memory that libpmemobj takes from the C
 * library. The counting functions call the very functions that libpmemobj uses
 * without them, so that memory taken with one set may be given back with the
 * other.
 */
#ifndef PMEMGO_OBJ_CMEMORY_SHIM_H
#define PMEMGO_OBJ_CMEMORY_SHIM_H

#include <stdint.h>

struct pmemgo_cmemory {
	uint64_t allocs;
	uint64_t frees;
	int64_t bytes;
};

void pmemgo_obj_count_memory(int on);
void pmemgo_obj_memory(struct pmemgo_cmemory *m);

#endif
