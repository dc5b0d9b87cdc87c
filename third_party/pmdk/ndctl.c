/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ndctl.c -- stands in for libndctl and libdaxctl in binaries that carry
 * PMDK's static archives. Of the 45 functions that the archives call, a
 * machine without NVDIMMs ever reaches ndctl_new, ndctl_unref and
 * ndctl_bus_get_first alone; linking the real libraries for that would make
 * every binary depend on them and on what they need.
 *
 * Default mode: the first ndctl_new looks the real libraries up with dlopen,
 * and every function forwards to them if all were found. pmdk_static: there
 * is no dlopen, and the answers are always those of a machine without
 * NVDIMMs. pmdk_dynamic: this file is empty, PMDK's shared libraries bring
 * the real ones along.
 */
#ifndef PMEMGO_DYNAMIC

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "ndctl.h"

/*
 * Hidden, because the Go linker exports the symbols of the executable: a
 * real libndctl that some other library loads must find its own functions.
 * No header may be included from here on.
 */
#pragma GCC visibility push(hidden)

/* real holds the functions found. They are used only if all were. */
static struct {
	int loaded;
	int (*ndctl_new)(void **ctx);
	void *(*ndctl_unref)(void *ctx);
	void (*ndctl_cmd_unref)(void *cmd);
#define FIELD(ret, name, params, args, answer) ret (*name) params;
	PMEMGO_NDCTL_FUNCTIONS(FIELD)
	PMEMGO_DAXCTL_FUNCTIONS(FIELD)
#undef FIELD
} real;

#ifndef PMEMGO_STATIC

static const char *ndctl_name = "libndctl.so.6";
static const char *daxctl_name = "libdaxctl.so.1";
static char reason[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

void
pmemgo_ndctl_names(const char *ndctl, const char *daxctl)
{
	ndctl_name = ndctl;
	daxctl_name = daxctl;
}

const char *
pmemgo_ndctl_reason(void)
{
	return reason;
}

static void
fail(const char *why)
{
	snprintf(reason, sizeof(reason), "%s", why ? why : "unknown error");
}

/* lookup -- find one function; the first failure is the one reported. */
static int
lookup(void *lib, const char *name, void **fn)
{
	*fn = dlsym(lib, name);
	if (*fn == NULL)
		fail(dlerror());
	return *fn != NULL;
}

static void
load(void)
{
	void *ndctl = dlopen(ndctl_name, RTLD_NOW | RTLD_LOCAL);
	if (ndctl == NULL) {
		fail(dlerror());
		return;
	}
	void *daxctl = dlopen(daxctl_name, RTLD_NOW | RTLD_LOCAL);
	if (daxctl == NULL) {
		fail(dlerror());
		dlclose(ndctl);
		return;
	}

	/* All or nothing: an object of one library means nothing to the other's
	 * stand-in. */
	int ok = 1;
#define LOOKUP(lib, name) ok = ok && lookup(lib, #name, (void **)&real.name);
#define NDCTL(ret, name, params, args, answer) LOOKUP(ndctl, name)
#define DAXCTL(ret, name, params, args, answer) LOOKUP(daxctl, name)
	LOOKUP(ndctl, ndctl_new)
	LOOKUP(ndctl, ndctl_unref)
	LOOKUP(ndctl, ndctl_cmd_unref)
	PMEMGO_NDCTL_FUNCTIONS(NDCTL)
	PMEMGO_DAXCTL_FUNCTIONS(DAXCTL)
#undef DAXCTL
#undef NDCTL
#undef LOOKUP
	if (!ok) {
		dlclose(daxctl);
		dlclose(ndctl);
		return;
	}
	real.loaded = 1;
}

int
pmemgo_ndctl_load(void)
{
	pthread_once(&once, load);
	return real.loaded;
}

#else /* PMEMGO_STATIC */

void
pmemgo_ndctl_names(const char *ndctl, const char *daxctl)
{
	(void)ndctl;
	(void)daxctl;
}

const char *
pmemgo_ndctl_reason(void)
{
	return "a fully static program cannot load shared libraries";
}

int
pmemgo_ndctl_load(void)
{
	return 0;
}

#endif

/* A context for callers that check it for NULL; nothing looks inside. */
static char no_context;

int
ndctl_new(void **ctx)
{
	if (pmemgo_ndctl_load())
		return real.ndctl_new(ctx);
	*ctx = &no_context;
	return 0;
}

void *
ndctl_unref(void *ctx)
{
	return real.loaded ? real.ndctl_unref(ctx) : NULL;
}

void
ndctl_cmd_unref(void *cmd)
{
	if (real.loaded)
		real.ndctl_cmd_unref(cmd);
}

#define FORWARD(ret, name, params, args, answer) \
	ret name params \
	{ \
		return real.loaded ? real.name args : (answer); \
	}
PMEMGO_NDCTL_FUNCTIONS(FORWARD)
PMEMGO_DAXCTL_FUNCTIONS(FORWARD)

#pragma GCC visibility pop

#endif /* PMEMGO_DYNAMIC */
