/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_PERSISTSET_H
#define PMEMGO_PERSISTSET_H

#include "shim.h"

/* make len bytes at addr durable, then set *dst, durably */
struct pmemgo_persist_set {
	uint64_t pool;
	uint64_t addr;
	uint64_t len;
	uint64_t dst;
	uint64_t value;
};

int32_t pmemgo_obj_persist_set(void *persist_set);

#endif
