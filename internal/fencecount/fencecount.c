/* SPDX-License-Identifier: BSD-3-Clause */
#include "fencecount.h"

#include "sinks.h"

static uint64_t fences; /* events come one at a time */
static int range;

static void
count(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	(void) self;
	(void) e;
	fences++;
}

static struct pmemgo_sink sink = {
	.wants = PMEMGO_WANTS(PMEMGO_EVENT_DRAIN),
	.event = count,
};

int
pmemgo_fencecount_start(uintptr_t base, size_t len)
{
	fences = 0;
	int e = pmemgo_range_add((const void *)base, len, &range);
	if (e != 0)
		return e;
	if ((e = pmemgo_range_attach(range, &sink)) != 0)
		pmemgo_range_remove(range);
	return e;
}

uint64_t
pmemgo_fencecount_stop(void)
{
	pmemgo_range_detach(range, &sink);
	pmemgo_range_remove(range);
	return fences;
}
