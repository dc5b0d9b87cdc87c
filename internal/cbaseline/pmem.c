/* SPDX-License-Identifier: BSD-3-Clause */
#include <libpmem.h>

#include "baseline.h"

void
pmemgo_base_persist(uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		words[0]++;
		pmem_persist(words, 64);
	}
}

void
pmemgo_base_memcpy_persist(char *dst, uint64_t *src, size_t len, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		src[0]++;
		pmem_memcpy_persist(dst, src, len);
	}
}
