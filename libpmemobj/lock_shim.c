/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lock_shim.h"

static int32_t
this_thread(void)
{
	static __thread int32_t thread; /* asking the kernel costs more than a lock */
	if (thread == 0)
		thread = (int32_t)syscall(SYS_gettid);
	return thread;
}

static struct timespec
deadline(const struct pmemgo_lock *l)
{
	const int64_t second = 1000000000;
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts); /* the clock of pthreads' timed forms */
	ts.tv_sec += l->timeout / second;
	ts.tv_nsec += l->timeout % second;
	if (ts.tv_nsec >= second) {
		ts.tv_sec++;
		ts.tv_nsec -= second;
	}
	return ts;
}

#define POOL(l) ((PMEMobjpool *)(l)->pool)

/* Functions that take a lock */
#define TAKE(name, type)                                                       \
	int32_t pmemgo_obj_##name(void *arg)                                   \
	{                                                                      \
		struct pmemgo_lock *l = arg;                                   \
		l->thread = this_thread();                                     \
		l->err = pmemobj_##name(POOL(l), (type *)l->lock);             \
		return 0;                                                      \
	}

#define TAKE_TIMED(name, type)                                                 \
	int32_t pmemgo_obj_##name(void *arg)                                   \
	{                                                                      \
		struct pmemgo_lock *l = arg;                                   \
		struct timespec ts = deadline(l);                              \
		l->thread = this_thread();                                     \
		l->err = pmemobj_##name(POOL(l), (type *)l->lock, &ts);        \
		return 0;                                                      \
	}

/* Functions that give a lock back, which only the thread that took it may */
#define GIVE(name, type)                                                       \
	int32_t pmemgo_obj_##name(void *arg)                                   \
	{                                                                      \
		struct pmemgo_lock *l = arg;                                   \
		l->err = l->thread == this_thread() ?                          \
			pmemobj_##name(POOL(l), (type *)l->lock) : EPERM;      \
		return 0;                                                      \
	}

#define ZERO(name, type)                                                       \
	int32_t pmemgo_obj_##name(void *arg)                                   \
	{                                                                      \
		const struct pmemgo_lock *l = arg;                             \
		pmemobj_##name(POOL(l), (type *)l->lock);                      \
		return 0;                                                      \
	}

TAKE(mutex_trylock, PMEMmutex)
TAKE(mutex_lock, PMEMmutex)
TAKE_TIMED(mutex_timedlock, PMEMmutex)
GIVE(mutex_unlock, PMEMmutex)
ZERO(mutex_zero, PMEMmutex)

TAKE(rwlock_tryrdlock, PMEMrwlock)
TAKE(rwlock_rdlock, PMEMrwlock)
TAKE_TIMED(rwlock_timedrdlock, PMEMrwlock)
TAKE(rwlock_trywrlock, PMEMrwlock)
TAKE(rwlock_wrlock, PMEMrwlock)
TAKE_TIMED(rwlock_timedwrlock, PMEMrwlock)
GIVE(rwlock_unlock, PMEMrwlock)
ZERO(rwlock_zero, PMEMrwlock)

int32_t
pmemgo_obj_cond_wait(void *arg)
{
	struct pmemgo_lock *l = arg;
	l->err = l->thread == this_thread() ?
		pmemobj_cond_wait(POOL(l), (PMEMcond *)l->lock,
			(PMEMmutex *)l->mutex) : EPERM;
	return 0;
}

int32_t
pmemgo_obj_cond_timedwait(void *arg)
{
	struct pmemgo_lock *l = arg;
	struct timespec ts = deadline(l);
	l->err = l->thread == this_thread() ?
		pmemobj_cond_timedwait(POOL(l), (PMEMcond *)l->lock,
			(PMEMmutex *)l->mutex, &ts) : EPERM;
	return 0;
}

int32_t
pmemgo_obj_cond_signal(void *arg)
{
	struct pmemgo_lock *l = arg;
	l->err = pmemobj_cond_signal(POOL(l), (PMEMcond *)l->lock);
	return 0;
}

int32_t
pmemgo_obj_cond_broadcast(void *arg)
{
	struct pmemgo_lock *l = arg;
	l->err = pmemobj_cond_broadcast(POOL(l), (PMEMcond *)l->lock);
	return 0;
}

ZERO(cond_zero, PMEMcond)

int32_t
pmemgo_obj_tx_lock(void *arg)
{
	struct pmemgo_tx *tx = arg;
	if (!pmemgo_obj_begin(tx))
		return 0;
	int err = pmemobj_tx_xlock((enum pobj_tx_param)tx->flags,
		(char *)tx->pool + tx->off, POBJ_XLOCK_NO_ABORT);
	if (err != 0)
		pmemgo_fail(&tx->status, err, strerror(err));
	return 0;
}

static int
set(void *ptr, void *arg)
{
	const struct pmemgo_volatile *v = arg;
	if (v->value == 0)
		return -1;
	memcpy(ptr, (const void *)v->value, v->size);
	return 0;
}

int32_t
pmemgo_obj_volatile(void *arg)
{
	struct pmemgo_volatile *v = arg;
	v->set = pmemobj_volatile(POOL(v), (struct pmemvlt *)v->vlt,
		(void *)v->ptr, v->size, set, v) != NULL;
	return 0;
}
