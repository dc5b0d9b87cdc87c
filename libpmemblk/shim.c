/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#define PMEMGO_LIB(function) pmemblk_##function
#include "../internal/plainpool/apply.h"

PMEMblkpool *
pmemgo_blk_create(const char *path, uint64_t block_size,
	const struct pmemgo_settings *s, struct pmemgo_status *st)
{
	struct pmemgo_applied applied;
	PMEMblkpool *pool = NULL;

	/* Size 0 stands for the size that the file, or the set, has. */
	if (pmemgo_apply_create(&applied, s) == 0)
		pool = pmemblk_create(path, block_size, 0, (mode_t)s->mode);
	if (pool == NULL)
		pmemgo_failed(st);
	pmemgo_apply_end(&applied);
	return pool;
}

PMEMblkpool *
pmemgo_blk_open(const char *path, uint64_t block_size,
	struct pmemgo_settings *s, struct pmemgo_status *st)
{
	struct pmemgo_applied applied;
	PMEMblkpool *pool = NULL;

	if (pmemgo_apply_open(&applied, s) == 0)
		pool = pmemblk_open(path, block_size);
	if (pool == NULL)
		pmemgo_failed(st);
	pmemgo_apply_end(&applied);
	return pool;
}

int
pmemgo_blk_check(const char *path, uint64_t block_size,
	struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	int ret = pmemblk_check(path, block_size);
	if (ret < 0)
		pmemgo_failed(st);
	pmemgo_unblock_signals(&saved);
	return ret;
}

int
pmemgo_blk_ctl(const char *name, enum pmemgo_ctl what, int32_t *value,
	struct pmemgo_status *st)
{
	return pmemgo_call_ctl(name, what, value, st);
}

/*
 * result -- errno is set with a failure, and after one only
 */
static int32_t
result(int ret)
{
	if (ret == 0)
		return 0;
	return errno ? errno : EINVAL;
}

int32_t
pmemgo_blk_op_read(void *arg)
{
	const struct pmemgo_blk_op *op = arg;
	return result(pmemblk_read((PMEMblkpool *)op->pool, op->buf,
		op->block));
}

int32_t
pmemgo_blk_op_write(void *arg)
{
	const struct pmemgo_blk_op *op = arg;
	return result(pmemblk_write((PMEMblkpool *)op->pool, op->buf,
		op->block));
}

int32_t
pmemgo_blk_op_zero(void *arg)
{
	const struct pmemgo_blk_op *op = arg;
	return result(pmemblk_set_zero((PMEMblkpool *)op->pool, op->block));
}

int32_t
pmemgo_blk_op_error(void *arg)
{
	const struct pmemgo_blk_op *op = arg;
	return result(pmemblk_set_error((PMEMblkpool *)op->pool, op->block));
}

int32_t
pmemgo_blk_read(pmemgo_blk pool, char *buf, int64_t block)
{
	return result(pmemblk_read((PMEMblkpool *)pool, buf, block));
}

int32_t
pmemgo_blk_write(pmemgo_blk pool, const char *buf, int64_t block)
{
	return result(pmemblk_write((PMEMblkpool *)pool, buf, block));
}

int32_t
pmemgo_blk_zero(pmemgo_blk pool, int64_t block)
{
	return result(pmemblk_set_zero((PMEMblkpool *)pool, block));
}

int32_t
pmemgo_blk_error(pmemgo_blk pool, int64_t block)
{
	return result(pmemblk_set_error((PMEMblkpool *)pool, block));
}
