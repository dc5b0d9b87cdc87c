/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"

static void
check(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "baseline: %s: %s\n", what, strerror(err));
	abort();
}

void
pmemgo_base_mutex_add(PMEMmutex *lock, uint64_t *word, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(lock);
	for (size_t i = 0; i < n; i++) {
		check(pmemobj_mutex_lock(pop, lock), "mutex_lock");
		(*word)++;
		check(pmemobj_mutex_unlock(pop, lock), "mutex_unlock");
	}
}

void
pmemgo_base_rwlock_add(PMEMrwlock *lock, uint64_t *word, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(lock);
	for (size_t i = 0; i < n; i++) {
		check(pmemobj_rwlock_wrlock(pop, lock), "rwlock_wrlock");
		(*word)++;
		check(pmemobj_rwlock_unlock(pop, lock), "rwlock_unlock");
	}
}

void
pmemgo_base_cond_take(PMEMmutex *lock, PMEMcond *cond, uint64_t *word, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(lock);
	for (size_t i = 0; i < n; i++) {
		check(pmemobj_mutex_lock(pop, lock), "mutex_lock");
		while (*word == 0)
			check(pmemobj_cond_wait(pop, cond, lock), "cond_wait");
		*word = 0;
		check(pmemobj_cond_broadcast(pop, cond), "cond_broadcast");
		check(pmemobj_mutex_unlock(pop, lock), "mutex_unlock");
	}
}
