/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef NDCTLPROBE_PROBE_H
#define NDCTLPROBE_PROBE_H

#include <stdint.h>

struct pmemgo_probe {
	const char *name;
	uint64_t got;	 /* what the forwarder answered */
	uint64_t absent; /* the table's answer without the library */
	uint64_t fake;	 /* the answer of the fake library */
};

/* pmemgo_probe_all calls every forwarder, and returns how many there are. */
int pmemgo_probe_all(struct pmemgo_probe *out, int max);

/* pmemgo_probe_context is 1 if ndctl_new gives a context, ndctl_unref and
 * ndctl_cmd_unref come back. */
int pmemgo_probe_context(void);

void pmemgo_probe_names(const char *ndctl, const char *daxctl);

#endif
