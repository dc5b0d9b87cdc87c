/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lock.h -- C code that shares locks in a pool with Go.
 */
#ifndef PMEMGO_BASELINE_LOCK_H
#define PMEMGO_BASELINE_LOCK_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemobj.h>

/* Increments *word n times, each time with the lock taken. */
void pmemgo_base_mutex_add(PMEMmutex *lock, uint64_t *word, size_t n);
void pmemgo_base_rwlock_add(PMEMrwlock *lock, uint64_t *word, size_t n);

/* Waits n times until *word is not 0, and sets it to 0. */
void pmemgo_base_cond_take(PMEMmutex *lock, PMEMcond *cond, uint64_t *word,
	size_t n);

#endif
