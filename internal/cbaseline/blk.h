/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * blk.h -- as baseline.h, for libpmemblk. A pool is the address of the
 * library's handle.
 */
#ifndef PMEMGO_BASELINE_BLK_H
#define PMEMGO_BASELINE_BLK_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemblk.h>

/*
 * count blocks from first on, in turn; the first word of words is incremented
 * each time
 */
void pmemgo_base_blk_write(uintptr_t pool, uint64_t *words,
	long long first, long long count, size_t n);
/* The sum of the first words */
uint64_t pmemgo_base_blk_read(uintptr_t pool, uint64_t *words,
	long long first, long long count, size_t n);

#endif
