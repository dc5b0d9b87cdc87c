/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * fake.h -- the answers of the fake libndctl of the tests: they depend on the
 * function's name and on every argument, so that a forwarder that calls the
 * wrong function or drops an argument is found.
 */
#ifndef NDCTLPROBE_FAKE_H
#define NDCTLPROBE_FAKE_H

#include <stdint.h>

static inline uint64_t
fake_name(const char *name)
{
	uint64_t h = 14695981039346656037ull;
	while (*name)
		h = (h ^ (unsigned char)*name++) * 1099511628211ull;
	return h;
}

/* FAKE_SUM(a...) weighs up to three arguments by their place. */
#define FAKE_SUM(...) FAKE_SUM_(__VA_ARGS__, 0, 0, 0)
#define FAKE_SUM_(a, b, c, ...) \
	((uint64_t)(a) + 3 * (uint64_t)(b) + 5 * (uint64_t)(c))

#endif
