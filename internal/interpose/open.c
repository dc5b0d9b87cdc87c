/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

/* is_part -- whether PMDK gives files of pool sets such a name */
static int
is_part(const char *path)
{
	static const char end[] = ".pmem";
	size_t n = path ? strlen(path) : 0;
	return n >= sizeof(end) - 1 &&
		strcmp(path + n - (sizeof(end) - 1), end) == 0;
}

int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_list ap;
		va_start(ap, flags);
		mode = (mode_t)va_arg(ap, unsigned);
		va_end(ap);
	}
	if (is_part(path))
		flags |= O_CLOEXEC;
	return __real_open(path, flags, mode);
}
