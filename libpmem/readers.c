/* SPDX-License-Identifier: BSD-3-Clause */

#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "readers.h"

__thread struct pmemgo_reader pmemgo_self;
bool pmemgo_readers_fence;

static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pmemgo_reader *readers;
static pthread_key_t exit_key;

/* The slot goes away with its thread. */
static void
reader_exit(void *arg)
{
	struct pmemgo_reader *r = arg;

	pthread_mutex_lock(&readers_lock);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	r->listed = false;
	pthread_mutex_unlock(&readers_lock);
}

__attribute__((constructor))
static void
readers_init(void)
{
	pthread_key_create(&exit_key, reader_exit);
	if (syscall(SYS_membarrier,
			MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
		pmemgo_readers_fence = true;
}

void
pmemgo_reader_list(void)
{
	struct pmemgo_reader *r = &pmemgo_self;

	pthread_mutex_lock(&readers_lock);
	r->next = readers;
	r->link = &readers;
	if (readers != NULL)
		readers->link = &r->next;
	readers = r;
	r->listed = true;
	pthread_mutex_unlock(&readers_lock);
	pthread_setspecific(exit_key, r);
}

void
pmemgo_readers_wait(const uint32_t *closed)
{
	if (!pmemgo_readers_fence)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	else
		__atomic_thread_fence(__ATOMIC_SEQ_CST);

	pthread_mutex_lock(&readers_lock);
	for (struct pmemgo_reader *r = readers; r != NULL; r = r->next) {
		while (__atomic_load_n(&r->inside, __ATOMIC_ACQUIRE) == closed)
			sched_yield();
	}
	pthread_mutex_unlock(&readers_lock);
}
