/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libpmem.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "interpose.h"
#include "ranges.h"

/* PMDK maps headers of their own for a moment; a pool set has a few parts. */
#define NOTED 32

static __thread enum pmemgo_arm armed;
static __thread int on_disk;
static __thread struct pmemgo_mapped noted[NOTED];

/* The sink that is to have the next range, and what became of it. */
static __thread struct pmemgo_sink *next_sink;
static __thread size_t next_span;
static __thread struct pmemgo_captured captured;

static void
forget(struct pmemgo_mapped *m)
{
	if (m->addr != NULL && m->fd >= 0)
		close(m->fd);
	memset(m, 0, sizeof(*m));
}

/*
 * reopen -- the file of fd once more: a duplicate would share the lock that
 * PMDK has on it
 */
static int
reopen(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void
note(char *addr, size_t len, int fd, bool private)
{
	for (int i = 0; i < NOTED; i++) {
		if (noted[i].addr == NULL) {
			noted[i].addr = addr;
			noted[i].len = len;
			noted[i].fd = private ? -1 : reopen(fd);
			return;
		}
	}
}

void
pmemgo_arm(enum pmemgo_arm how)
{
	for (int i = 0; i < NOTED; i++)
		forget(&noted[i]);
	armed = how;
	on_disk = 0;
}

void
pmemgo_arm_disk(void)
{
	on_disk = 1;
}

struct pmemgo_mapped
pmemgo_disarm(void)
{
	armed = PMEMGO_ARM_NONE;
	int best = 0;
	for (int i = 1; i < NOTED; i++)
		if (noted[i].len > noted[best].len)
			best = i;
	struct pmemgo_mapped m = noted[best];
	memset(&noted[best], 0, sizeof(m));
	for (int i = 0; i < NOTED; i++)
		forget(&noted[i]);
	return m;
}

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);

void *
__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	/* Go's own mappings pass here too, before there is anything else. */
	if (fd < 0 || (flags & MAP_TYPE) == MAP_PRIVATE)
		return __real_mmap(addr, len, prot, flags, fd, off);
	bool extends = (flags & MAP_FIXED) && pmemgo_watching() && pmemgo_is_private(addr);
	if (armed == PMEMGO_ARM_NONE && next_sink == NULL && !extends)
		return __real_mmap(addr, len, prot, flags, fd, off);
	if (flags & MAP_SYNC) { /* it would promise what nobody here keeps */
		errno = EOPNOTSUPP;
		return MAP_FAILED;
	}
	bool private = armed == PMEMGO_ARM_PRIVATE || next_sink != NULL || extends;
	if (private)
		flags = (flags & ~MAP_TYPE) | MAP_PRIVATE;
	/* Of a pool larger than the memory, only what is written takes some. */
	if (next_sink != NULL || extends)
		flags |= MAP_NORESERVE;
	void *got = __real_mmap(addr, len, prot, flags, fd, off);
	if (got != MAP_FAILED && armed != PMEMGO_ARM_NONE)
		note(got, len, fd, private);
	return got;
}

int __real_munmap(void *addr, size_t len);
int __wrap_munmap(void *addr, size_t len);

int
__wrap_munmap(void *addr, size_t len)
{
	if (armed != PMEMGO_ARM_NONE)
		for (int i = 0; i < NOTED; i++)
			if (noted[i].addr == addr)
				forget(&noted[i]);
	if (pmemgo_watching())
		pmemgo_unmapped(addr);
	return __real_munmap(addr, len);
}

void *__real_pmem_map_file(const char *path, size_t len, int flags, mode_t mode,
	size_t *mapped, int *is_pmem);
void *__wrap_pmem_map_file(const char *path, size_t len, int flags, mode_t mode,
	size_t *mapped, int *is_pmem);

void *
__wrap_pmem_map_file(const char *path, size_t len, int flags, mode_t mode,
	size_t *mapped, int *is_pmem)
{
	void *addr = __real_pmem_map_file(path, len, flags, mode, mapped, is_pmem);
	/* What is watched takes flushes; libpmem asks itself, not through the wrap. */
	if (addr != NULL && is_pmem != NULL && armed != PMEMGO_ARM_NONE)
		*is_pmem = !on_disk;
	return addr;
}

void
pmemgo_arm_sink(struct pmemgo_sink *sink, size_t span)
{
	next_sink = sink;
	next_span = span;
	memset(&captured, 0, sizeof(captured));
}

struct pmemgo_captured
pmemgo_disarm_sink(void)
{
	struct pmemgo_captured got = captured;
	next_sink = NULL;
	memset(&captured, 0, sizeof(captured));
	return got;
}

/* capture -- make a range of what PMDK has just mapped */
static void
capture(const char *addr, size_t len)
{
	captured.addr = addr;
	captured.len = len > next_span ? len : next_span;
	captured.err = pmemgo_range_add(addr, captured.len, &captured.range);
	if (captured.err != 0)
		return;
	captured.err = pmemgo_range_attach(captured.range, next_sink);
	if (captured.err != 0) {
		pmemgo_range_remove(captured.range);
		return;
	}
	pmemgo_range_private(captured.range);
}

static void
asked(const void *addr, size_t len)
{
	if (next_sink != NULL && captured.addr == NULL)
		capture(addr, len);
	if (pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_IS_PMEM, addr, len);
}

__attribute__((constructor)) static void
hook(void)
{
	pmemgo_is_pmem_hook = asked;
}
