/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "blk.h"

static void
failed(const char *what)
{
	fprintf(stderr, "baseline: %s: %s\n", what, pmemblk_errormsg());
	abort();
}

void
pmemgo_base_blk_write(uintptr_t pool, uint64_t *words,
	long long first, long long count, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		words[0]++;
		if (pmemblk_write((PMEMblkpool *)pool, words,
				first + (long long)i % count) != 0)
			failed("blk_write");
	}
}

uint64_t
pmemgo_base_blk_read(uintptr_t pool, uint64_t *words,
	long long first, long long count, size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		if (pmemblk_read((PMEMblkpool *)pool, words,
				first + (long long)i % count) != 0)
			failed("blk_read");
		sum += words[0];
	}
	return sum;
}
