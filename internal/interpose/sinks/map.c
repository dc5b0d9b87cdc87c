/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libpmem.h>
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
note(char *addr, size_t len, int fd)
{
	for (int i = 0; i < NOTED; i++) {
		if (noted[i].addr == NULL) {
			noted[i].addr = addr;
			noted[i].len = len;
			noted[i].fd = armed == PMEMGO_ARM_SHARED ? reopen(fd) : -1;
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
	if (fd < 0 || armed == PMEMGO_ARM_NONE || (flags & MAP_TYPE) == MAP_PRIVATE)
		return __real_mmap(addr, len, prot, flags, fd, off);
	if (flags & MAP_SYNC) { /* it would promise what nobody here keeps */
		errno = EOPNOTSUPP;
		return MAP_FAILED;
	}
	if (armed == PMEMGO_ARM_PRIVATE)
		flags = (flags & ~MAP_TYPE) | MAP_PRIVATE;
	void *got = __real_mmap(addr, len, prot, flags, fd, off);
	if (got != MAP_FAILED)
		note(got, len, fd);
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

static void
asked(const void *addr, size_t len)
{
	if (pmemgo_watching())
		(void) pmemgo_tell(PMEMGO_EVENT_IS_PMEM, addr, len);
}

__attribute__((constructor)) static void
hook(void)
{
	pmemgo_is_pmem_hook = asked;
}
