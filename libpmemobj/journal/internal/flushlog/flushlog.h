/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_FLUSHLOG_H
#define PMEMGO_FLUSHLOG_H

#include "sinks.h"

/* A sink that keeps each flush, in order, rounded to lines: {off, len, bytes}. */
struct pmemgo_flushlog {
	struct pmemgo_sink sink; /* first */
	int range;
	const char *base;
	char *log;
	size_t len, room;
	uint64_t count;
};

/* Returns an error number. */
int pmemgo_flushlog_start(struct pmemgo_flushlog *l, const void *addr, size_t len);

/* The log is the caller's. */
void pmemgo_flushlog_stop(struct pmemgo_flushlog *l);

/*
 * map -- map a file as PMDK does, into reserved addresses that begin at addr,
 * and ask of it if addr is NULL; NULL on failure
 */
char *pmemgo_flushlog_map(int fd, size_t len, size_t span, char *addr, int sync);

/* fork_and_persist -- persist in a child process; returns its exit code, 0 */
int pmemgo_flushlog_fork_and_persist(char *addr, size_t len);

/* times -- store to a line and persist it, n times, each time the next one */
void pmemgo_flushlog_times(char *addr, long lines, long n);

#endif
