/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C that libpmemblk's Go binding owns.
 */
#ifndef PMEMGO_BLK_SHIM_H
#define PMEMGO_BLK_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemblk.h>

#include "../internal/plainpool/settings.h"
#include "pmemgo.h"

/* A PMEMblkpool *, as a number: cgo would look up what it points at. */
typedef uintptr_t pmemgo_blk;

PMEMblkpool *pmemgo_blk_create(const char *path, uint64_t block_size,
	const struct pmemgo_settings *s, struct pmemgo_status *st);
PMEMblkpool *pmemgo_blk_open(const char *path, uint64_t block_size,
	struct pmemgo_settings *s, struct pmemgo_status *st);
int pmemgo_blk_check(const char *path, uint64_t block_size,
	struct pmemgo_status *st);

int pmemgo_blk_ctl(const char *name, enum pmemgo_ctl what, int32_t *value,
	struct pmemgo_status *st);

/*
 * One operation on one block. As the argument of a leaf call it lies on the
 * goroutine's stack; the functions return 0 or an errno.
 */
struct pmemgo_blk_op {
	uint64_t pool;
	char *buf; /* read: where to; write: what */
	int64_t block;
};

int32_t pmemgo_blk_op_read(void *op);
int32_t pmemgo_blk_op_write(void *op);
int32_t pmemgo_blk_op_zero(void *op);
int32_t pmemgo_blk_op_error(void *op);

int32_t pmemgo_blk_read(pmemgo_blk pool, char *buf, int64_t block);
int32_t pmemgo_blk_write(pmemgo_blk pool, const char *buf, int64_t block);
int32_t pmemgo_blk_zero(pmemgo_blk pool, int64_t block);
int32_t pmemgo_blk_error(pmemgo_blk pool, int64_t block);

#endif
