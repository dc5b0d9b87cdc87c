/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_RECORDER_H
#define PMEMGO_RECORDER_H

#include <stdint.h>

#include "sinks.h"

#define PMEMGO_LINE 64
#define PMEMGO_FRAMES 24

/* The numbers are those of trace.Kind. */
enum pmemgo_record_kind {
	PMEMGO_RECORD_STORE = 1,
	PMEMGO_RECORD_FLUSH,
	PMEMGO_RECORD_FENCE,
	PMEMGO_RECORD_SYNC,
	PMEMGO_RECORD_MARK,
	PMEMGO_RECORD_PAUSE,
	PMEMGO_RECORD_RESUME,
	PMEMGO_RECORD_TX_BEGIN,
	PMEMGO_RECORD_TX_END,
	PMEMGO_RECORD_SNAPSHOT,
	PMEMGO_RECORD_ALLOC,
};

/* A store is followed by what the line holds. Mirrored in Go. */
struct pmemgo_record {
	uint8_t kind;
	uint8_t words;
	int32_t thread;
	int32_t stack;
	int32_t worker;
	uint64_t off;
	uint64_t len;
	int64_t n;
};

/*
 * Return addresses in Go, innermost first. Of a store, the first is the store's
 * own, in Go or C, and the second the word on top of its stack, 0 if in C.
 */
struct pmemgo_stack {
	uint64_t n;
	uintptr_t pc[PMEMGO_FRAMES];
};

struct pmemgo_recording {
	const char *base; /* the file as it was at the start */
	const char *log;
	uint64_t log_len;
	const struct pmemgo_stack *stacks;
	uint64_t nstacks;
};

/*
 * One recording at a time. m is a mapping of a file, whose descriptor is
 * closed; without one it is private. Both return 0 or an error number.
 */
int pmemgo_record_start(struct pmemgo_mapped m);

/* *got is valid until pmemgo_record_free. ENOSPC: the recording is incomplete. */
int pmemgo_record_stop(struct pmemgo_recording *got);
void pmemgo_record_free(void);

/* A mark, a pause or its end; does nothing if there is no recording. */
void pmemgo_record_note(int kind, int32_t worker, int64_t n);

#endif
