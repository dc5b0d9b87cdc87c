/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * lock_shim.h -- locks that lie in a pool, and values that last until the pool
 * is closed. The functions are operations as in shim.h.
 */
#ifndef PMEMGO_OBJ_LOCK_SHIM_H
#define PMEMGO_OBJ_LOCK_SHIM_H

#include "shim.h"

/*
 * One operation on a lock. Those that take a lock say which thread has it;
 * those that need it taken compare, and fail with EPERM on another thread.
 */
struct pmemgo_lock {
	uint64_t pool;
	uint64_t lock; /* PMEMmutex *, PMEMrwlock * or PMEMcond * */
	uint64_t mutex; /* PMEMmutex *, to wait on a condition with */
	int64_t timeout; /* from now, in nanoseconds */
	int32_t thread; /* as the kernel numbers it */
	int32_t err;
};

int32_t pmemgo_obj_mutex_trylock(void *lock);
int32_t pmemgo_obj_mutex_lock(void *lock);
int32_t pmemgo_obj_mutex_timedlock(void *lock);
int32_t pmemgo_obj_mutex_unlock(void *lock);
int32_t pmemgo_obj_mutex_zero(void *lock);

int32_t pmemgo_obj_rwlock_tryrdlock(void *lock);
int32_t pmemgo_obj_rwlock_rdlock(void *lock);
int32_t pmemgo_obj_rwlock_timedrdlock(void *lock);
int32_t pmemgo_obj_rwlock_trywrlock(void *lock);
int32_t pmemgo_obj_rwlock_wrlock(void *lock);
int32_t pmemgo_obj_rwlock_timedwrlock(void *lock);
int32_t pmemgo_obj_rwlock_unlock(void *lock);
int32_t pmemgo_obj_rwlock_zero(void *lock);

int32_t pmemgo_obj_cond_wait(void *lock);
int32_t pmemgo_obj_cond_timedwait(void *lock);
int32_t pmemgo_obj_cond_signal(void *lock);
int32_t pmemgo_obj_cond_broadcast(void *lock);
int32_t pmemgo_obj_cond_zero(void *lock);

/*
 * Takes a lock that the transaction gives back at its end: that at offset off,
 * whose enum pobj_tx_param is in flags. May wait.
 */
int32_t pmemgo_obj_tx_lock(void *tx);

/*
 * A volatile value. If it has not been set since the pool was opened, it is
 * set to a copy of *value, or left alone if value is 0.
 */
struct pmemgo_volatile {
	uint64_t pool;
	uint64_t vlt; /* struct pmemvlt * */
	uint64_t ptr;
	uint64_t size;
	uint64_t value;
	uint64_t set; /* whether it is now */
};

int32_t pmemgo_obj_volatile(void *v);

#endif
