/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpmemblk.h>

#include "cmemory_shim.h"
#include "pmemgo_memory.h"

void
pmemgo_blk_count_memory(int on)
{
	pmemgo_count_memory(pmemblk_set_funcs, on);
}

void
pmemgo_blk_memory(struct pmemgo_memory *m)
{
	pmemgo_read_memory(m);
}
