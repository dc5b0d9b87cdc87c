/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_BLK_CMEMORY_SHIM_H
#define PMEMGO_BLK_CMEMORY_SHIM_H

struct pmemgo_memory;

void pmemgo_blk_count_memory(int on);
void pmemgo_blk_memory(struct pmemgo_memory *m);

#endif
