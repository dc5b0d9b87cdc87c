/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "interpose.h"

int __real_pmem_is_pmem(const void *addr, size_t len);
int __wrap_pmem_is_pmem(const void *addr, size_t len);

static __thread enum pmemgo_is_pmem answer;

void (*pmemgo_is_pmem_hook)(const void *addr, size_t len);

void
pmemgo_answer_is_pmem(enum pmemgo_is_pmem a)
{
	answer = a;
}

int
__wrap_pmem_is_pmem(const void *addr, size_t len)
{
	if (pmemgo_is_pmem_hook != NULL)
		pmemgo_is_pmem_hook(addr, len);
	if (answer == PMEMGO_IS_PMEM_ASK)
		return __real_pmem_is_pmem(addr, len);
	return answer == PMEMGO_IS_PMEM_YES;
}
