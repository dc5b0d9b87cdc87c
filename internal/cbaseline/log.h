/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_BASELINE_LOG_H
#define PMEMGO_BASELINE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemlog.h>

/*
 * Appends len bytes, and rewinds the log first if it is full. The handle is a
 * PMEMlogpool *, which Go has as a number.
 */
void pmemgo_base_log_append(uintptr_t handle, const char *buf, size_t len,
	size_t n);

#endif
