/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "shim.h"

/*
 * PMDK loses the messages that are left when a check ends before its end, and
 * those of questions answered with no: some 16 KiB each time. The address
 * sanitizer, which reports leaks, is told that they are known.
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define KNOWN_LEAK(statement) \
	do { \
		__lsan_disable(); \
		statement; \
		__lsan_enable(); \
	} while (0)
#else
#define KNOWN_LEAK(statement) statement
#endif

static void
fail(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, pmempool_errormsg());
}

/*
 * Takes signals away around a call that fails with -1.
 */
#define GUARDED(st, call) \
	do { \
		sigset_t saved; \
		pmemgo_block_signals(&saved); \
		errno = 0; \
		int32_t ret = (call); \
		if (ret < 0) \
			fail(st); \
		pmemgo_unblock_signals(&saved); \
		return ret; \
	} while (0)

struct pmemgo_check *
pmemgo_pool_check_begin(const char *path, const char *backup, int32_t type,
	uint32_t flags, struct pmemgo_status *st)
{
	struct pmempool_check_args args = {
		.path = path,
		.backup_path = backup,
		.pool_type = (enum pmempool_pool_type)type,
		.flags = flags | PMEMPOOL_CHECK_FORMAT_STR,
	};
	sigset_t saved;
	struct pmemgo_check *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		pmemgo_fail(st, ENOMEM, NULL);
		return NULL;
	}
	pmemgo_block_signals(&saved);
	c->ppc = pmempool_check_init(&args, sizeof(args));
	if (c->ppc == NULL) {
		fail(st);
		free(c);
		c = NULL;
	}
	pmemgo_unblock_signals(&saved);
	return c;
}

const char *
pmemgo_pool_check_step(struct pmemgo_check *c, int32_t yes, int32_t *type,
	struct pmemgo_status *st)
{
	sigset_t saved;
	if (c->status != NULL &&
			c->status->type == PMEMPOOL_CHECK_MSG_TYPE_QUESTION)
		c->status->str.answer = yes ? "yes" : "no";
	pmemgo_block_signals(&saved);
	errno = 0;
	KNOWN_LEAK(c->status = pmempool_check(c->ppc));
	if (c->status == NULL && errno != 0)
		fail(st);
	pmemgo_unblock_signals(&saved);
	if (c->status == NULL)
		return NULL;
	*type = (int32_t)c->status->type;
	return c->status->str.msg == NULL ? "" : c->status->str.msg;
}

int32_t
pmemgo_pool_check_end(struct pmemgo_check *c, struct pmemgo_status *st)
{
	sigset_t saved;
	pmemgo_block_signals(&saved);
	errno = 0;
	int32_t result = (int32_t)pmempool_check_end(c->ppc);
	if (result == PMEMPOOL_CHECK_RESULT_ERROR)
		fail(st);
	pmemgo_unblock_signals(&saved);
	free(c);
	return result;
}

int32_t
pmemgo_pool_sync(const char *set, uint32_t flags, struct pmemgo_status *st)
{
	GUARDED(st, pmempool_sync(set, flags));
}

int32_t
pmemgo_pool_transform(const char *from, const char *to, uint32_t flags,
	struct pmemgo_status *st)
{
	GUARDED(st, pmempool_transform(from, to, flags));
}

int32_t
pmemgo_pool_rm(const char *path, uint32_t flags, struct pmemgo_status *st)
{
	GUARDED(st, pmempool_rm(path, flags));
}

int32_t
pmemgo_pool_feature_enable(const char *path, int32_t feature,
	struct pmemgo_status *st)
{
	GUARDED(st, pmempool_feature_enable(path,
		(enum pmempool_feature)feature, 0));
}

int32_t
pmemgo_pool_feature_disable(const char *path, int32_t feature,
	struct pmemgo_status *st)
{
	GUARDED(st, pmempool_feature_disable(path,
		(enum pmempool_feature)feature, 0));
}

int32_t
pmemgo_pool_feature_query(const char *path, int32_t feature,
	struct pmemgo_status *st)
{
	GUARDED(st, pmempool_feature_query(path,
		(enum pmempool_feature)feature, 0));
}
