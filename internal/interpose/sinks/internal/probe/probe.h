/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_PROBE_H
#define PMEMGO_PROBE_H

#include "sinks.h"

#define PMEMGO_PROBE_EVENTS 4096

struct pmemgo_probe {
	struct pmemgo_sink sink; /* first */
	uint64_t n;
	struct pmemgo_event events[PMEMGO_PROBE_EVENTS];
};

struct pmemgo_probe *pmemgo_probe_new(uint32_t wants);

#endif
