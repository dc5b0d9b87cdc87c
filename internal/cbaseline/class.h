/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * class.h -- allocations of PMDK's default classes.
 */
#ifndef PMEMGO_BASELINE_CLASS_H
#define PMEMGO_BASELINE_CLASS_H

#include <stddef.h>

#include <libpmemobj.h>

/*
 * count objects of size bytes in each of n transactions, in the pool that
 * inpool points into. Their offsets are appended to offs.
 */
void pmemgo_base_tx_allocs(const char *inpool, size_t size, size_t count,
	uint64_t *offs, size_t n);

#endif
