/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * apply.h -- applies settings to one of PMDK's libraries. One file of a package
 * includes this header, and before that defines PMEMGO_LIB, which makes the
 * names of the library's functions: PMEMGO_LIB(ctl_get) is pmemlog_ctl_get, for
 * example.
 *
 * Everything is static. Callers hold the lock on the settings.
 */
#ifndef PMEMGO_APPLY_H
#define PMEMGO_APPLY_H

#include "../interpose/interpose.h"
#include "pmemgo.h"
#include "settings.h"

/*
 * pmemgo_failed -- the library's function that was just called has failed
 */
static void
pmemgo_failed(struct pmemgo_status *st)
{
	pmemgo_fail(st, errno, PMEMGO_LIB(errormsg)());
}

/* A setting of the process, for the time of one call. */
struct pmemgo_setting {
	const char *name;
	int before;
	int changed;
};

static int
pmemgo_apply(struct pmemgo_setting *s, int32_t value)
{
	int v = value;
	if (value < 0)
		return 0;
	if (PMEMGO_LIB(ctl_get)(NULL, s->name, &s->before) != 0 ||
			PMEMGO_LIB(ctl_set)(NULL, s->name, &v) != 0)
		return -1;
	s->changed = 1;
	return 0;
}

static void
pmemgo_restore(struct pmemgo_setting *s)
{
	if (s->changed)
		(void) PMEMGO_LIB(ctl_set)(NULL, s->name, &s->before);
}

/* What has to be undone after a create or an open. */
struct pmemgo_applied {
	struct pmemgo_setting first;
	struct pmemgo_setting second;
	sigset_t signals;
};

static void
pmemgo_apply_begin(struct pmemgo_applied *a, int32_t is_pmem)
{
	pmemgo_block_signals(&a->signals);
	pmemgo_answer_is_pmem((enum pmemgo_is_pmem)is_pmem);
}

/*
 * pmemgo_apply_create -- what comes before a create. If it fails, by a result
 * other than 0, nothing is to be created. pmemgo_apply_end follows in any case.
 */
static int
pmemgo_apply_create(struct pmemgo_applied *a, const struct pmemgo_settings *s)
{
	*a = (struct pmemgo_applied){
		.first = {.name = "prefault.at_create"},
		.second = {.name = "sds.at_create"},
	};
	pmemgo_apply_begin(a, s->is_pmem);
	if (pmemgo_apply(&a->first, s->prefault) != 0)
		return -1;
	return pmemgo_apply(&a->second, s->shutdown_state);
}

/*
 * pmemgo_apply_open -- the same before an open; it says in copy_on_write what
 * holds, be it by s or by the process's settings
 */
static int
pmemgo_apply_open(struct pmemgo_applied *a, struct pmemgo_settings *s)
{
	int private = 0;
	int ret = -1;
	*a = (struct pmemgo_applied){
		.first = {.name = "prefault.at_open"},
		.second = {.name = "copy_on_write.at_open"},
	};
	pmemgo_apply_begin(a, s->is_pmem);
	if (pmemgo_apply(&a->first, s->prefault) == 0 &&
			pmemgo_apply(&a->second, s->copy_on_write) == 0)
		ret = PMEMGO_LIB(ctl_get)(NULL, a->second.name, &private);
	s->copy_on_write = private != 0;
	return ret;
}

static void
pmemgo_apply_end(struct pmemgo_applied *a)
{
	pmemgo_restore(&a->second);
	pmemgo_restore(&a->first);
	pmemgo_answer_is_pmem(PMEMGO_IS_PMEM_ASK);
	pmemgo_unblock_signals(&a->signals);
}

/*
 * pmemgo_call_ctl -- reads, changes or executes a node, which must be one with an int
 */
static int
pmemgo_call_ctl(const char *name, enum pmemgo_ctl what, int32_t *value,
	struct pmemgo_status *st)
{
	int v = *value;
	int ret = -1;
	switch (what) {
	case PMEMGO_CTL_GET:
		ret = PMEMGO_LIB(ctl_get)(NULL, name, &v);
		break;
	case PMEMGO_CTL_SET:
		ret = PMEMGO_LIB(ctl_set)(NULL, name, &v);
		break;
	case PMEMGO_CTL_EXEC:
		ret = PMEMGO_LIB(ctl_exec)(NULL, name, &v);
		break;
	}
	if (ret != 0)
		pmemgo_failed(st);
	*value = v;
	return ret;
}

#endif
