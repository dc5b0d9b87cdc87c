/* SPDX-License-Identifier: BSD-3-Clause */

/* reserve.h -- reservations; see baseline.h */
#ifndef PMEMGO_BASELINE_RESERVE_H
#define PMEMGO_BASELINE_RESERVE_H

#include <stddef.h>
#include <stdint.h>

/*
 * An object reserved in the pool that addr lies in, given its content, and
 * published.
 */
void pmemgo_base_reserve_publish(uint64_t *addr, const uint64_t *content,
	size_t words, uint64_t type_num, size_t n);

#endif
