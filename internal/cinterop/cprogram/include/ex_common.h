/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * ex_common.h -- what PMDK's C examples include under this name, and the
 * package that brings them leaves out.
 */
#ifndef EX_COMMON_H
#define EX_COMMON_H

#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define CREATE_MODE_RW (S_IRUSR | S_IWUSR)

/* 0 if there is such a file */
static inline int
file_exists(const char *path)
{
	return access(path, F_OK);
}

/* the number of the highest bit that is set, counted from 0; v is not 0 */
static inline int
find_last_set_64(uint64_t v)
{
	return 63 - __builtin_clzll(v);
}

#endif
