/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpmemlog.h>

#include "cmemory_shim.h"
#include "pmemgo_memory.h"

void
pmemgo_log_count_memory(int on)
{
	pmemgo_count_memory(pmemlog_set_funcs, on);
}

void
pmemgo_log_memory(struct pmemgo_memory *m)
{
	pmemgo_read_memory(m);
}
