/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * pmemgo.h -- what the C side of every binding shares: the status that
 * carries a failure across one crossing, and signal blocking around calls
 * that map, create or open files.
 *
 * Everything is static inline, so each package that includes this header
 * stays a unit of its own.
 */
#ifndef PMEMGO_H
#define PMEMGO_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

/* PMEMGO_MSG_SIZE and the layout below are mirrored by cgoutil.Status. */
#define PMEMGO_MSG_SIZE 508

struct pmemgo_status {
	int32_t err;
	char msg[PMEMGO_MSG_SIZE];
};

/*
 * pmemgo_fail -- record a failure: err, and the library's message about it.
 * The message is copied here, on the thread that failed, because PMDK keeps
 * it in thread-local storage and the goroutine may be elsewhere afterwards.
 */
static inline void
pmemgo_fail(struct pmemgo_status *st, int err, const char *msg)
{
	/* 0 would read as success; PMDK leaves it so in a few places. */
	st->err = err ? err : EINVAL;
	if (msg == NULL)
		msg = "";
	size_t n = strnlen(msg, PMEMGO_MSG_SIZE - 1);
	memcpy(st->msg, msg, n);
	st->msg[n] = '\0';
}

/*
 * Between block and unblock the thread takes no signal. The Go runtime
 * preempts threads with signals; a call that maps or allocates a large file
 * would be interrupted and retried over and over.
 */
static inline void
pmemgo_block_signals(sigset_t *saved)
{
	sigset_t all;
	sigfillset(&all);
	/* Faults must stay deliverable: blocking them turns a report into a kill. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	pthread_sigmask(SIG_SETMASK, &all, saved);
}

static inline void
pmemgo_unblock_signals(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

#endif
