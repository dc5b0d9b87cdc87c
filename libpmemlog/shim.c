/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/uio.h>

#include "shim.h"

#include "../internal/interpose/interpose.h"

static void
fail(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, pmemlog_errormsg());
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
	if (pmemlog_ctl_get(NULL, s->name, &s->before) != 0 ||
			pmemlog_ctl_set(NULL, s->name, &v) != 0)
		return -1;
	s->changed = 1;
	return 0;
}

static void
restore(struct setting *s)
{
	if (s->changed)
		(void) pmemlog_ctl_set(NULL, s->name, &s->before);
}

PMEMlogpool *
pmemgo_log_create(const char *path, const struct pmemgo_log_settings *s,
	struct pmemgo_status *st)
{
	struct setting prefault = {.name = "prefault.at_create"};
	struct setting shutdown = {.name = "sds.at_create"};
	sigset_t saved;
	PMEMlogpool *log = NULL;

	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)s->is_pmem);
	/* Size 0 stands for the size that the file, or the set, has. */
	if (apply(&prefault, s->prefault) == 0 &&
			apply(&shutdown, s->shutdown_state) == 0)
		log = pmemlog_create(path, 0, (mode_t)s->mode);
	if (log == NULL)
		fail(st);
	restore(&shutdown);
	restore(&prefault);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
	return log;
}

PMEMlogpool *
pmemgo_log_open(const char *path, struct pmemgo_log_settings *s,
	struct pmemgo_status *st)
{
	struct setting prefault = {.name = "prefault.at_open"};
	struct setting cow = {.name = "copy_on_write.at_open"};
	sigset_t saved;
	PMEMlogpool *log = NULL;

	pmemgo_block_signals(&saved);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)s->is_pmem);
	int private = 0;
	if (apply(&prefault, s->prefault) == 0 &&
			apply(&cow, s->copy_on_write) == 0 &&
			pmemlog_ctl_get(NULL, cow.name, &private) == 0)
		log = pmemlog_open(path);
	s->copy_on_write = private;
	if (log == NULL)
		fail(st);
	restore(&cow);
	restore(&prefault);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&saved);
	return log;
}

int
pmemgo_log_ctl(const char *name, enum pmemgo_log_ctl what, int32_t *value,
	struct pmemgo_status *st)
{
	int v = *value;
	int ret = -1;
	switch (what) {
	case PMEMGO_LOG_GET:
		ret = pmemlog_ctl_get(NULL, name, &v);
		break;
	case PMEMGO_LOG_SET:
		ret = pmemlog_ctl_set(NULL, name, &v);
		break;
	case PMEMGO_LOG_EXEC:
		ret = pmemlog_ctl_exec(NULL, name, &v);
		break;
	}
	if (ret != 0)
		fail(st);
	*value = v;
	return ret;
}

int
pmemgo_log_check(const char *path, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	int ret = pmemlog_check(path);
	if (ret < 0)
		fail(st);
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
