/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C that libpmemblk's Go binding owns.
 */
#ifndef PMEMGO_BLK_SHIM_H
#define PMEMGO_BLK_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemblk.h>

#include "pmemgo.h"

/* A PMEMblkpool *, as a number: cgo would look up what it points at. */
typedef uintptr_t pmemgo_blk;

/*
 * What holds for one create or open. All but is_pmem are settings of the
 * process, changed for that long; -1 leaves one as it is.
 */
struct pmemgo_blk_settings {
	int32_t is_pmem; /* enum pmemgo_is_pmem */
	int32_t prefault;
	int32_t copy_on_write; /* open only, which says in return what it was */
	int32_t shutdown_state; /* create only */
	uint32_t mode; /* create only, of the parts of a pool set */
};

PMEMblkpool *pmemgo_blk_create(const char *path, uint64_t block_size,
	const struct pmemgo_blk_settings *s, struct pmemgo_status *st);
PMEMblkpool *pmemgo_blk_open(const char *path, uint64_t block_size,
	struct pmemgo_blk_settings *s, struct pmemgo_status *st);
int pmemgo_blk_check(const char *path, uint64_t block_size,
	struct pmemgo_status *st);

enum pmemgo_blk_ctl {
	PMEMGO_BLK_CTL_GET,
	PMEMGO_BLK_CTL_SET,
	PMEMGO_BLK_CTL_EXEC,
};
int pmemgo_blk_ctl(const char *name, enum pmemgo_blk_ctl what, int32_t *value,
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
