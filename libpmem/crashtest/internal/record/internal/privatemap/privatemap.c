/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <libpmem.h>
#include <sys/mman.h>

#include "privatemap.h"

static void
count(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	(void) e;
	((struct pmemgo_privatemap *)self)->flushes++;
}

int
pmemgo_privatemap(struct pmemgo_privatemap *m, int fd, size_t len)
{
	m->sink.wants = PMEMGO_WANTS(PMEMGO_EVENT_FLUSH);
	m->sink.event = count;
	pmemgo_arm_sink(&m->sink, len);
	m->addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int err = errno;
	if (m->addr != MAP_FAILED)
		(void) pmem_is_pmem(m->addr, len);
	m->captured = pmemgo_disarm_sink();
	return m->addr == MAP_FAILED ? err : m->captured.err;
}
