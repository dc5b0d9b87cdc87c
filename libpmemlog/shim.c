/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/uio.h>

#include "shim.h"

#define PMEMGO_LIB(function) pmemlog_##function
#include "../internal/plainpool/apply.h"

PMEMlogpool *
pmemgo_log_create(const char *path,
	const struct pmemgo_settings *s, struct pmemgo_status *st)
{
	struct pmemgo_applied applied;
	PMEMlogpool *log = NULL;

	/* Size 0 stands for the size that the file, or the set, has. */
	if (pmemgo_apply_create(&applied, s) == 0)
		log = pmemlog_create(path, 0, (mode_t)s->mode);
	if (log == NULL)
		pmemgo_failed(st);
	pmemgo_apply_end(&applied);
	return log;
}

PMEMlogpool *
pmemgo_log_open(const char *path,
	struct pmemgo_settings *s, struct pmemgo_status *st)
{
	struct pmemgo_applied applied;
	PMEMlogpool *log = NULL;

	if (pmemgo_apply_open(&applied, s) == 0)
		log = pmemlog_open(path);
	if (log == NULL)
		pmemgo_failed(st);
	pmemgo_apply_end(&applied);
	return log;
}

int
pmemgo_log_ctl(const char *name, enum pmemgo_ctl what, int32_t *value,
	struct pmemgo_status *st)
{
	return pmemgo_call_ctl(name, what, value, st);
}

int
pmemgo_log_check(const char *path, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	int ret = pmemlog_check(path);
	if (ret < 0)
		pmemgo_failed(st);
	pmemgo_unblock_signals(&saved);
	return ret;
}

int32_t
pmemgo_log_append(pmemgo_log log, const char *buf, uint64_t len)
{
	if (pmemlog_append((PMEMlogpool *)log, buf, len) == 0)
		return 0;
	return errno ? errno : EINVAL;
}

int32_t
pmemgo_log_leaf_append(void *arg)
{
	const struct pmemgo_log_append *a = arg;
	if (__atomic_load_n(a->closed, __ATOMIC_ACQUIRE))
		return ESHUTDOWN;
	return pmemgo_log_append(a->log, a->buf, a->len);
}

int32_t
pmemgo_log_op_appendv(void *arg)
{
	const struct pmemgo_log_op *op = arg;
	if (pmemlog_appendv((PMEMlogpool *)op->log, op->iov,
			(int)op->len) == 0)
		return 0;
	return errno ? errno : EINVAL;
}

/*
 * copy_chunk -- called once, with all that the log holds, while libpmemlog
 * keeps writers away.
 */
static int
copy_chunk(const void *buf, size_t len, void *arg)
{
	struct pmemgo_log_op *op = arg;
	op->result = len;
	if (op->off < len) {
		size_t n = len - op->off;
		memcpy(op->buf, (const char *)buf + op->off,
			n < op->len ? n : op->len);
	}
	return 0;
}

int32_t
pmemgo_log_op_read(void *arg)
{
	struct pmemgo_log_op *op = arg;
	op->result = 0;
	pmemlog_walk((PMEMlogpool *)op->log, 0, copy_chunk, op);
	return 0;
}

int32_t
pmemgo_log_op_tell(void *arg)
{
	struct pmemgo_log_op *op = arg;
	op->result = (uint64_t)pmemlog_tell((PMEMlogpool *)op->log);
	return 0;
}

int32_t
pmemgo_log_appendv(pmemgo_log log, uintptr_t iov, uint64_t n)
{
	struct pmemgo_log_op op = {
		.log = log, .iov = (const struct iovec *)iov, .len = n};
	return pmemgo_log_op_appendv(&op);
}

uint64_t
pmemgo_log_read(pmemgo_log log, char *buf, uint64_t len, uint64_t off)
{
	struct pmemgo_log_op op = {
		.log = log, .buf = buf, .len = len, .off = off};
	(void) pmemgo_log_op_read(&op);
	return op.result;
}

uint64_t
pmemgo_log_tell(pmemgo_log log)
{
	return (uint64_t)pmemlog_tell((PMEMlogpool *)log);
}

/*
 * pmemgo_log_rewind -- returns 0 or an errno, although libpmemlog's function
 * returns nothing: it says by errno alone that the log is read-only
 */
int32_t
pmemgo_log_rewind(pmemgo_log log)
{
	errno = 0;
	pmemlog_rewind((PMEMlogpool *)log);
	return errno == EROFS ? EROFS : 0;
}
