/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

static void
failed(const char *what)
{
	fprintf(stderr, "baseline: %s: %s\n", what, pmemlog_errormsg());
	abort();
}

void
pmemgo_base_log_append(uintptr_t handle, const char *buf, size_t len,
	size_t n)
{
	PMEMlogpool *log = (PMEMlogpool *)handle;
	for (size_t i = 0; i < n; i++) {
		if (pmemlog_append(log, buf, len) == 0)
			continue;
		pmemlog_rewind(log);
		if (pmemlog_append(log, buf, len) != 0)
			failed("pmemlog_append");
	}
}
