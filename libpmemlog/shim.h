/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C that libpmemlog's Go binding owns.
 */
#ifndef PMEMGO_LOG_SHIM_H
#define PMEMGO_LOG_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemlog.h>

#include "../internal/plainpool/settings.h"
#include "pmemgo.h"

/* A PMEMlogpool *, as a number: cgo would look up what it points at. */
typedef uintptr_t pmemgo_log;

PMEMlogpool *pmemgo_log_create(const char *path,
	const struct pmemgo_settings *s, struct pmemgo_status *st);
PMEMlogpool *pmemgo_log_open(const char *path,
	struct pmemgo_settings *s, struct pmemgo_status *st);

/* The caller makes sure that the node is one with an int. */
int pmemgo_log_ctl(const char *name, enum pmemgo_ctl what, int32_t *value,
	struct pmemgo_status *st);
int pmemgo_log_check(const char *path, struct pmemgo_status *st);

/* An append. The struct is as small as can be: it is cleared each time. */
struct pmemgo_log_append {
	uint64_t log;
	const char *buf;
	uint64_t len;
	const int32_t *closed; /* not 0 once the log is */
};

/* Returns 0, an errno, or ESHUTDOWN if the log is closed. */
int32_t pmemgo_log_leaf_append(void *append);

/*
 * One of the other operations. As the argument of a leaf call it lies on the
 * goroutine's stack; the functions return 0 or an errno.
 */
struct pmemgo_log_op {
	uint64_t log;
	const struct iovec *iov; /* appendv */
	char *buf; /* read: where to */
	uint64_t len; /* bytes, or elements of iov */
	uint64_t off; /* read: where from */
	uint64_t result; /* read, tell: the log's length */
};

int32_t pmemgo_log_op_appendv(void *op);

/*
 * Copies what the log holds of [off, off + len), all of it at one moment, and
 * says how long the log is.
 */
int32_t pmemgo_log_op_read(void *op);
int32_t pmemgo_log_op_tell(void *op);

int32_t pmemgo_log_append(pmemgo_log log, const char *buf, uint64_t len);
int32_t pmemgo_log_appendv(pmemgo_log log, uintptr_t iov, uint64_t n);
uint64_t pmemgo_log_read(pmemgo_log log, char *buf, uint64_t len, uint64_t off);
uint64_t pmemgo_log_tell(pmemgo_log log);
int32_t pmemgo_log_rewind(pmemgo_log log);

#endif
