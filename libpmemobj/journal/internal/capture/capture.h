/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * capture.h -- a sink that keeps what PMDK makes durable, in batches. In a
 * batch each line is there once, with what was last flushed of each word.
 */
#ifndef PMEMGO_CAPTURE_H
#define PMEMGO_CAPTURE_H

#include <stdint.h>

#include "sinks.h"

#define PMEMGO_LINE 64

struct pmemgo_capture;

/*
 * A batch: line i has the number keys[i] >> 8, counted from the start of the
 * range, the words whose bits are set in keys[i] & 0xff, and is data + 64 * i.
 */
struct pmemgo_batch {
	uint64_t *keys;
	unsigned char *data;
	uint64_t lsn; /* flushes that were captured, up to this batch's last one */
	uint64_t count;
};

/* event_fd is written to when a batch is half full. NULL: out of memory. */
struct pmemgo_capture *pmemgo_capture_new(uint32_t lines, int event_fd);
void pmemgo_capture_free(struct pmemgo_capture *c);

/* The counter of captured flushes: an atomic. */
uint64_t *pmemgo_capture_appended(struct pmemgo_capture *c);

void pmemgo_capture_arm(struct pmemgo_capture *c, uint64_t span);

/* Returns an error number; *addr is NULL if nothing was mapped. */
int pmemgo_capture_disarm(struct pmemgo_capture *c, const char **addr);

/*
 * What was captured since the last time, if that has been given back: EBUSY;
 * EAGAIN: nothing.
 */
int pmemgo_capture_take(struct pmemgo_capture *c, struct pmemgo_batch *taken);
void pmemgo_capture_give(struct pmemgo_capture *c);

/* From now on nothing is captured and nobody waits. */
void pmemgo_capture_poison(struct pmemgo_capture *c);

#endif
