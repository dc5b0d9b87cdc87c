/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stddef.h>

/* The forwarders are hidden in ndctl.c; here they are only declared. */
#include "ndctl.h"

#include "fake.h"
#include "probe.h"

#define DECLARE(ret, name, params, args, answer) ret name params;
PMEMGO_NDCTL_FUNCTIONS(DECLARE)
PMEMGO_DAXCTL_FUNCTIONS(DECLARE)
int ndctl_new(void **ctx);
void *ndctl_unref(void *ctx);
void ndctl_cmd_unref(void *cmd);

/*
 * Every parameter is an integer or a pointer, which the calling conventions
 * of amd64 and arm64 pass alike: one type of call serves all functions.
 */
typedef uint64_t (*any)(uint64_t, uint64_t, uint64_t);

enum { ARG1 = 0x1111, ARG2 = 0x2222, ARG3 = 0x3333 };

#define NARGS(...) NARGS_(__VA_ARGS__, 3, 2, 1)
#define NARGS_(a, b, c, n, ...) n

int
pmemgo_probe_all(struct pmemgo_probe *out, int max)
{
	int n = 0;
	/* Volatile, or the compiler sees what is called and objects. */
	any volatile call;
#define PROBE(ret, fn, params, args, answer) \
	if (n < max) { \
		int nargs = NARGS args; \
		call = (any)(void *)fn; \
		out[n].name = #fn; \
		out[n].got = (uint64_t)(ret)call(ARG1, ARG2, ARG3); \
		out[n].absent = (uint64_t)(ret)(answer); \
		out[n].fake = (uint64_t)(ret)(fake_name(#fn) + \
			FAKE_SUM(ARG1, nargs > 1 ? ARG2 : 0, nargs > 2 ? ARG3 : 0)); \
	} \
	n++;
	PMEMGO_NDCTL_FUNCTIONS(PROBE)
	PMEMGO_DAXCTL_FUNCTIONS(PROBE)
#undef PROBE
	return n;
}

int
pmemgo_probe_context(void)
{
	void *ctx = NULL;
	if (ndctl_new(&ctx) != 0 || ctx == NULL)
		return 0;
	if (ndctl_unref(ctx) != NULL)
		return 0;
	ndctl_cmd_unref(NULL);
	return 1;
}

void
pmemgo_probe_names(const char *ndctl, const char *daxctl)
{
	pmemgo_ndctl_names(ndctl, daxctl);
}
