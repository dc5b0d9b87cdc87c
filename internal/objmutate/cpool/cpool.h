/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * cpool.h -- pools as plain C makes and uses them, for tests that compare
 * with it or that hand it damaged files.
 */
#ifndef PMEMGO_CPOOL_H
#define PMEMGO_CPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <libpmemobj.h>

uint64_t pmemgo_cpool_uuid(PMEMobjpool *pop);
uint64_t pmemgo_cpool_alloc(PMEMobjpool *pop, size_t size, uint64_t type,
	uint64_t flags);
void pmemgo_cpool_free(PMEMobjpool *pop, uint64_t off);
uint64_t pmemgo_cpool_usable(PMEMobjpool *pop, uint64_t off);
uint64_t pmemgo_cpool_type_num(PMEMobjpool *pop, uint64_t off);
uint64_t pmemgo_cpool_first(PMEMobjpool *pop);
uint64_t pmemgo_cpool_next(PMEMobjpool *pop, uint64_t off);
int pmemgo_cpool_class(PMEMobjpool *pop, size_t unit, size_t align,
	unsigned units, int header);
void pmemgo_cpool_fill(PMEMobjpool *pop, unsigned seed, int rounds,
	int classes);
void pmemgo_cpool_unfinished(PMEMobjpool *pop, int lanes);
void pmemgo_cpool_churn(PMEMobjpool *pop, unsigned seed);
int pmemgo_cpool_use(const char *path, const char **what);

#endif
