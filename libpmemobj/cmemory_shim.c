/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpmemobj.h>

#include "cmemory_shim.h"
#include "pmemgo_memory.h"

void
pmemgo_obj_count_memory(int on)
{
	pmemgo_count_memory(pmemobj_set_funcs, on);
}

void
pmemgo_obj_memory(struct pmemgo_memory *m)
{
	pmemgo_read_memory(m);
}
