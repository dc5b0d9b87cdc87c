/* SPDX-License-Identifier: BSD-3-Clause */
#include "cmemory_shim.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <libpmemobj.h>

static uint64_t allocs, frees;
static int64_t bytes;

static void
count_alloc(void *p)
{
	if (p == NULL)
		return;
	__atomic_fetch_add(&allocs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&bytes, (int64_t)malloc_usable_size(p),
		__ATOMIC_RELAXED);
}

static void
count_free(size_t size)
{
	__atomic_fetch_add(&frees, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&bytes, (int64_t)size, __ATOMIC_RELAXED);
}

static void *
counting_malloc(size_t size)
{
	void *p = malloc(size);
	count_alloc(p);
	return p;
}

static void
counting_free(void *p)
{
	if (p == NULL)
		return;
	count_free(malloc_usable_size(p));
	free(p);
}

static void *
counting_realloc(void *old, size_t size)
{
	size_t had = old == NULL ? 0 : malloc_usable_size(old);
	void *p = realloc(old, size);
	/* With size 0, NULL means that old is free, not that it failed. */
	if (old != NULL && (p != NULL || size == 0))
		count_free(had);
	count_alloc(p);
	return p;
}

static char *
counting_strdup(const char *s)
{
	char *p = strdup(s);
	count_alloc(p);
	return p;
}

void
pmemgo_obj_count_memory(int on)
{
	if (!on) {
		pmemobj_set_funcs(NULL, NULL, NULL, NULL);
		return;
	}
	__atomic_store_n(&allocs, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&frees, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&bytes, 0, __ATOMIC_RELAXED);
	pmemobj_set_funcs(counting_malloc, counting_free, counting_realloc,
		counting_strdup);
}

void
pmemgo_obj_memory(struct pmemgo_cmemory *m)
{
	m->allocs = __atomic_load_n(&allocs, __ATOMIC_RELAXED);
	m->frees = __atomic_load_n(&frees, __ATOMIC_RELAXED);
	m->bytes = __atomic_load_n(&bytes, __ATOMIC_RELAXED);
}
