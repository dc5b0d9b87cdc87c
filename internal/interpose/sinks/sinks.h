/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * sinks.h -- who is told what PMDK does to mapped files.
 *
 * A range is a mapped file that somebody watches, with one or two sinks.
 * While a range is watched, what PMDK would do to make parts of it durable is
 * not done: the sinks are told instead. Everything else goes to the real
 * functions, at the price of one load and one branch if nothing is watched.
 */
#ifndef PMEMGO_SINKS_H
#define PMEMGO_SINKS_H

#include <stddef.h>
#include <stdint.h>

enum pmemgo_event_kind {
	PMEMGO_EVENT_IS_PMEM,   /* PMDK asks about the range: it is about to use it */
	PMEMGO_EVENT_FLUSH,     /* addr, len: to be durable with the next drain */
	PMEMGO_EVENT_DRAIN,     /* this thread's flushes before are to be durable */
	PMEMGO_EVENT_SYNC,      /* addr, len: to be durable when the sink returns */
	PMEMGO_EVENT_UNMAP,     /* the last event of a range */
	PMEMGO_EVENT_TX_BEGIN,  /* this thread has begun a transaction, maybe a nested one */
	PMEMGO_EVENT_TX_END,    /* and ended it; len is 1 if it is committed */
	PMEMGO_EVENT_SNAPSHOT,  /* addr, len: about to be saved by the transaction */
	PMEMGO_EVENT_ALLOC,     /* addr, len: a new object of the transaction */
};

#define PMEMGO_WANTS(kind) (1U << (kind))

struct pmemgo_event {
	enum pmemgo_event_kind kind;
	uint64_t seq; /* in the range, from 1 */
	const char *addr;
	size_t len;
};

/*
 * A sink's function is called with the range locked: for one event at a time,
 * in the order of seq, on the thread that caused it. It must not call back
 * into Go, nor into PMDK, and not store to the range.
 */
struct pmemgo_sink {
	uint32_t wants; /* a set of PMEMGO_WANTS; other events take no lock */
	void (*event)(struct pmemgo_sink *self, const struct pmemgo_event *e);
};

#define PMEMGO_SINKS 2
#define PMEMGO_RANGES 64

/*
 * Both return 0 or an error number; *range is the handle of the range. What
 * lies in a range that is there joins it: several watch one range, and it is
 * there until each has removed it, or it is unmapped. Handles of ranges that
 * are gone do nothing.
 */
int pmemgo_range_add(const void *addr, size_t len, int *range);
int pmemgo_range_attach(int range, struct pmemgo_sink *sink);

/* After it has returned the sink is not called any more. */
void pmemgo_range_detach(int range, struct pmemgo_sink *sink);
void pmemgo_range_remove(int range);

/*
 * The critical section of a range: for what a sink's owner has to do between
 * two events. NEXT is the sequence number for what is done in it.
 */
void pmemgo_range_lock(int range);
uint64_t pmemgo_range_next(int range);
void pmemgo_range_unlock(int range);

/*
 * What the calling thread maps from files between arm and disarm is noted,
 * and if it is to be private, mapped so: the files are never changed.
 */
enum pmemgo_arm {
	PMEMGO_ARM_NONE,
	PMEMGO_ARM_SHARED,
	PMEMGO_ARM_PRIVATE,
};

struct pmemgo_mapped {
	char *addr;
	size_t len;
	int fd; /* of its own, for reading: the caller closes it; -1 if private */
};

void pmemgo_arm(enum pmemgo_arm how);

/* Between arm and disarm: what is mapped lies on an ordinary disk. */
void pmemgo_arm_disk(void);

/* The largest mapping that was made since and is still there; addr may be NULL. */
struct pmemgo_mapped pmemgo_disarm(void);

/*
 * Between arm_sink and disarm_sink what the calling thread maps from files is
 * private too, and when PMDK asks what kind of memory it has mapped, before it
 * flushes any of it, that becomes a range with this sink: span bytes of it, or
 * what is asked about if that is more, for a pool that grows. What is mapped
 * into the range later, by any thread, is private as well. It may be done
 * between arm and disarm.
 */
void pmemgo_arm_sink(struct pmemgo_sink *sink, size_t span);

struct pmemgo_captured {
	const char *addr; /* NULL: PMDK has not asked */
	size_t len;
	int range;
	int err; /* an error number: the sink will not be told of anything */
};

struct pmemgo_captured pmemgo_disarm_sink(void);

#endif
