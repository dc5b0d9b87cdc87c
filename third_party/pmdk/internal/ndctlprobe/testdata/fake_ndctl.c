/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * fake_ndctl.c -- the tests build it as libndctl; with -DFAKE_DAXCTL as
 * libdaxctl; with -DWITHOUT_UNREF as a libndctl that lacks a function.
 */

#include <errno.h>
#include <stddef.h>

#include "ndctl.h"

#include "fake.h"

#define FAKE(ret, name, params, args, answer) \
	ret name params \
	{ \
		return (ret)(fake_name(#name) + FAKE_SUM args); \
	}

#ifdef FAKE_DAXCTL
PMEMGO_DAXCTL_FUNCTIONS(FAKE)
#else
PMEMGO_NDCTL_FUNCTIONS(FAKE)

static char context;

int
ndctl_new(void **ctx)
{
	*ctx = &context;
	return 0;
}

#ifndef WITHOUT_UNREF
void *
ndctl_unref(void *ctx)
{
	/* Only the context that ndctl_new gave is the fake's own. */
	return ctx == &context ? NULL : ctx;
}
#endif

void
ndctl_cmd_unref(void *cmd)
{
	(void)cmd;
}
#endif
