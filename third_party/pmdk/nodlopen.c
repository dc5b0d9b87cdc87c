/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * nodlopen.c -- fully static programs do not load libraries. libpmemobj and
 * libpmempool call dlopen for remote replicas; a static dlopen works only
 * beside the very libc that the program was built with, and the linker warns
 * of it. In this mode the call fails instead, with a reason, and so does the
 * pool that wanted a remote replica.
 */
#ifdef PMEMGO_STATIC

#include <stddef.h>

void *
__wrap_dlopen(const char *name, int flags)
{
	(void)name;
	(void)flags;
	return NULL;
}

char *
__wrap_dlerror(void)
{
	static char msg[] = "a fully static program cannot load shared libraries";
	return msg;
}

#endif
