/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * settings.h -- PMDK's settings for the pools that are created or opened.
 */
#ifndef PMEMGO_SETTINGS_H
#define PMEMGO_SETTINGS_H

#include <stdint.h>

/*
 * What holds for one create or open. All but is_pmem and mode are settings of
 * the process, changed for that long; -1 leaves one as it is.
 */
struct pmemgo_settings {
	int32_t is_pmem; /* enum pmemgo_is_pmem */
	int32_t prefault;
	int32_t copy_on_write; /* open only, and afterwards 1 or 0, as it was */
	int32_t shutdown_state; /* create only */
	uint32_t mode; /* create only, of the parts of a pool set */
};

/* What to do with one setting. */
enum pmemgo_ctl { PMEMGO_CTL_GET, PMEMGO_CTL_SET, PMEMGO_CTL_EXEC };

#endif
