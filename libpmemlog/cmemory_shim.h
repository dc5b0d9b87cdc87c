/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_LOG_CMEMORY_SHIM_H
#define PMEMGO_LOG_CMEMORY_SHIM_H

struct pmemgo_memory;

void pmemgo_log_count_memory(int on);
void pmemgo_log_memory(struct pmemgo_memory *m);

#endif
