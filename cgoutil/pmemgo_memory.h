/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * pmemgo_memory.h -- counts the memory that a library of PMDK takes from the C
 * library. The counting functions call the very functions that PMDK uses
 * without them, so that memory taken with one set may be given back with the
 * other.
 *
 * Everything is static: each library has counters of its own. One file of a
 * package includes this header.
 */
#ifndef PMEMGO_MEMORY_H
#define PMEMGO_MEMORY_H

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Mirrored by cgoutil.CMemoryStats. */
struct pmemgo_memory {
	uint64_t allocs;
	uint64_t frees;
	int64_t bytes;
};

static struct pmemgo_memory pmemgo_counted;

static void
pmemgo_count_alloc(void *p)
{
	if (p == NULL)
		return;
	__atomic_fetch_add(&pmemgo_counted.allocs, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&pmemgo_counted.bytes,
		(int64_t)malloc_usable_size(p), __ATOMIC_RELAXED);
}

static void
pmemgo_count_free(size_t size)
{
	__atomic_fetch_add(&pmemgo_counted.frees, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&pmemgo_counted.bytes, (int64_t)size,
		__ATOMIC_RELAXED);
}

static void *
pmemgo_counting_malloc(size_t size)
{
	void *p = malloc(size);
	pmemgo_count_alloc(p);
	return p;
}

static void
pmemgo_counting_free(void *p)
{
	if (p == NULL)
		return;
	pmemgo_count_free(malloc_usable_size(p));
	free(p);
}

static void *
pmemgo_counting_realloc(void *old, size_t size)
{
	size_t had = old == NULL ? 0 : malloc_usable_size(old);
	void *p = realloc(old, size);
	/* With size 0, NULL means that old is free, not that it failed. */
	if (old != NULL && (p != NULL || size == 0))
		pmemgo_count_free(had);
	pmemgo_count_alloc(p);
	return p;
}

static char *
pmemgo_counting_strdup(const char *s)
{
	char *p = strdup(s);
	pmemgo_count_alloc(p);
	return p;
}

/* A library's pmem*_set_funcs. */
typedef void pmemgo_set_funcs(void *(*)(size_t), void (*)(void *),
	void *(*)(void *, size_t), char *(*)(const char *));

/*
 * pmemgo_count_memory -- begin to count from 0, or end
 */
static inline void
pmemgo_count_memory(pmemgo_set_funcs *set, int on)
{
	if (!on) {
		set(NULL, NULL, NULL, NULL);
		return;
	}
	__atomic_store_n(&pmemgo_counted.allocs, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&pmemgo_counted.frees, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&pmemgo_counted.bytes, 0, __ATOMIC_RELAXED);
	set(pmemgo_counting_malloc, pmemgo_counting_free,
		pmemgo_counting_realloc, pmemgo_counting_strdup);
}

static inline void
pmemgo_read_memory(struct pmemgo_memory *m)
{
	m->allocs = __atomic_load_n(&pmemgo_counted.allocs, __ATOMIC_RELAXED);
	m->frees = __atomic_load_n(&pmemgo_counted.frees, __ATOMIC_RELAXED);
	m->bytes = __atomic_load_n(&pmemgo_counted.bytes, __ATOMIC_RELAXED);
}

#endif
