/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_OBJ_CMEMORY_SHIM_H
#define PMEMGO_OBJ_CMEMORY_SHIM_H

struct pmemgo_memory;

void pmemgo_obj_count_memory(int on);
void pmemgo_obj_memory(struct pmemgo_memory *m);

#endif
