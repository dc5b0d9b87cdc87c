/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_FENCECOUNT_H
#define PMEMGO_FENCECOUNT_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0 or an error number. */
int pmemgo_fencecount_start(uintptr_t base, size_t len);

/* Returns how many fences there were since start. */
uint64_t pmemgo_fencecount_stop(void);

#endif
