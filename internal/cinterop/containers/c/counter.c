/* SPDX-License-Identifier: BSD-3-Clause */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>

void
pmemgo_counter(const char *name, uint64_t off)
{
	const unsigned char *at = pmemgo_at(off, 128);
	pmemgo_magic(at, "PMGOCNT1");
	uint64_t n = pmemgo_u32(at + 12), sum = 0;
	pmemgo_zeros("a counter", at + 16, 14 * 8);
	pmemgo_check(n >= 2 && ((n - 1) & (n - 2)) == 0, "cells", n);
	at = pmemgo_at(off, 128 + n * 128);
	for (uint64_t i = 1; i <= n; i++) {
		sum += pmemgo_u64(at + 128 * i);
		pmemgo_zeros("a cell", at + 128 * i + 8, 120);
	}
	printf("%s\tvalue\t%lld\n", name, (long long)sum);
}
