/* SPDX-License-Identifier: BSD-3-Clause */
#include "shim.h"

#include "../internal/interpose/interpose.h"

static void
fail(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, pmemblk_errormsg());
}

/* A setting of the process, for the time of one call. */
struct setting {
	const char *name;
	int before;
	int changed;
};

/*
 * apply -- the caller holds the lock on the settings
 */
static int
apply(struct setting *s, int32_t value)
{
	int v = value;
	if (value < 0)
		return 0;
	if (pmemblk_ctl_get(NULL, s->name, &s->before) != 0 ||
			pmemblk_ctl_set(NULL, s->name, &v) != 0)
		return -1;
	s->changed = 1;
	return 0;
}

static void
restore(struct setting *s)
{
	if (s->changed)
		(void) pmemblk_ctl_set(NULL, s->name, &s->before);
}

PMEMblkpool *
pmemgo_blk_create(const char *path, uint64_t block_size,
	const struct pmemgo_blk_settings *s, struct pmemgo_status *st)
{
	struct setting prefault = {.name = "prefault.at_create"};
	struct setting shutdown = {.name = "sds.at_create"};
	sigset_t saved;
	PMEMblkpool *pool = NULL;

	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)s->is_pmem);
	/* Size 0 stands for the size that the file, or the set, has. */
	if (apply(&prefault, s->prefault) == 0 &&
			apply(&shutdown, s->shutdown_state) == 0)
		pool = pmemblk_create(path, block_size, 0,
			(mode_t)s->mode);
	if (pool == NULL)
		fail(st);
	restore(&shutdown);
	restore(&prefault);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
	return pool;
}

PMEMblkpool *
pmemgo_blk_open(const char *path, uint64_t block_size,
	struct pmemgo_blk_settings *s, struct pmemgo_status *st)
{
	struct setting prefault = {.name = "prefault.at_open"};
	struct setting cow = {.name = "copy_on_write.at_open"};
	sigset_t saved;
	PMEMblkpool *pool = NULL;
	int private = 0;

	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)s->is_pmem);
	if (apply(&prefault, s->prefault) == 0 &&
			apply(&cow, s->copy_on_write) == 0 &&
			pmemblk_ctl_get(NULL, cow.name, &private) == 0)
		pool = pmemblk_open(path, block_size);
	if (pool == NULL)
		fail(st);
	s->copy_on_write = private;
	restore(&cow);
	restore(&prefault);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
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
		fail(st);
	pmemgo_unblock_signals(&saved);
	return ret;
}

int
pmemgo_blk_ctl(const char *name, enum pmemgo_blk_ctl what, int32_t *value,
	struct pmemgo_status *st)
{
	int v = *value;
	int ret = -1;
	switch (what) {
	case PMEMGO_BLK_CTL_GET:
		ret = pmemblk_ctl_get(NULL, name, &v);
		break;
	case PMEMGO_BLK_CTL_SET:
		ret = pmemblk_ctl_set(NULL, name, &v);
		break;
	case PMEMGO_BLK_CTL_EXEC:
		ret = pmemblk_ctl_exec(NULL, name, &v);
		break;
	}
	if (ret != 0)
		fail(st);
	*value = v;
	return ret;
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
