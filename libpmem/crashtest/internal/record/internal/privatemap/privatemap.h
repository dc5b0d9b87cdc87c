/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_PRIVATEMAP_H
#define PMEMGO_PRIVATEMAP_H

#include "sinks.h"

struct pmemgo_privatemap {
	struct pmemgo_sink sink; /* first */
	uint64_t flushes;
	char *addr;
	struct pmemgo_captured captured;
};

/* Returns an error number. */
int pmemgo_privatemap(struct pmemgo_privatemap *m, int fd, size_t len);

#endif
