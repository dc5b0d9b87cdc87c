/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <libpmem.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flushlog.h"

static void
keep(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	struct pmemgo_flushlog *l = (struct pmemgo_flushlog *)self;
	uint64_t off = (uint64_t)(e->addr - l->base) & ~63ULL;
	uint64_t len = (((uint64_t)(e->addr - l->base) + e->len + 63) & ~63ULL) - off;
	uint64_t head[2] = { off, len };
	if (l->len + sizeof(head) + len > l->room) {
		l->room = 2 * (l->len + sizeof(head) + len);
		l->log = realloc(l->log, l->room);
		if (l->log == NULL)
			abort();
	}
	memcpy(l->log + l->len, head, sizeof(head));
	memcpy(l->log + l->len + sizeof(head), l->base + off, len);
	l->len += sizeof(head) + len;
	__atomic_add_fetch(&l->count, 1, __ATOMIC_RELEASE);
}

int
pmemgo_flushlog_start(struct pmemgo_flushlog *l, const void *addr, size_t len)
{
	l->sink.wants = PMEMGO_WANTS(PMEMGO_EVENT_FLUSH) | PMEMGO_WANTS(PMEMGO_EVENT_SYNC);
	l->sink.event = keep;
	l->base = addr;
	int err = pmemgo_range_add(addr, len, &l->range);
	return err != 0 ? err : pmemgo_range_attach(l->range, &l->sink);
}

void
pmemgo_flushlog_stop(struct pmemgo_flushlog *l)
{
	pmemgo_range_detach(l->range, &l->sink);
	pmemgo_range_remove(l->range);
}

char *
pmemgo_flushlog_map(int fd, size_t len, size_t span, char *addr, int sync)
{
	int ask = addr == NULL;
	if (ask) {
		addr = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (addr == MAP_FAILED)
			return NULL;
	}
	int flags = sync ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
	addr = mmap(addr, len, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (addr == MAP_FAILED)
		return NULL;
	if (ask)
		(void) pmem_is_pmem(addr, len);
	return addr;
}

int
pmemgo_flushlog_fork_and_persist(char *addr, size_t len)
{
	pid_t child = fork();
	if (child == 0) {
		alarm(60); /* it must not wait for room that nobody makes */
		memset(addr, 0xff, len);
		pmem_persist(addr, len);
		_exit(0);
	}
	int status = -1;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child < 0 ? -1 : status;
}

void
pmemgo_flushlog_times(char *addr, long lines, long n)
{
	for (long i = 0, at = 0; i < n; i++, at = at + 1 < lines ? at + 1 : 0) {
		addr[at * 64]++;
		pmem_persist(addr + at * 64, 64);
	}
}
