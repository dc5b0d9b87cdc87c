/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "probe.h"

static void
note(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	struct pmemgo_probe *p = (struct pmemgo_probe *)self;
	if (p->n < PMEMGO_PROBE_EVENTS)
		p->events[p->n] = *e;
	p->n++;
}

struct pmemgo_probe *
pmemgo_probe_new(uint32_t wants)
{
	struct pmemgo_probe *p = calloc(1, sizeof(*p));
	if (p != NULL) {
		p->sink.wants = wants;
		p->sink.event = note;
	}
	return p;
}
