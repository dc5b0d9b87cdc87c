/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C that libpmempool's Go binding owns.
 */
#ifndef PMEMGO_POOL_SHIM_H
#define PMEMGO_POOL_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <libpmempool.h>

#include "pmemgo.h"

/* A check under way. */
struct pmemgo_check {
	PMEMpoolcheck *ppc;
	/* what the last step said; PMDK's own until the next one */
	struct pmempool_check_status *status;
};

struct pmemgo_check *pmemgo_pool_check_begin(const char *path,
	const char *backup, int32_t type, uint32_t flags,
	struct pmemgo_status *st);
/*
 * Answers the question of the last step, if it was one, and takes the next.
 * The message is valid until the step after it; NULL is the end. A failure
 * inside leaves its message in st.
 */
const char *pmemgo_pool_check_step(struct pmemgo_check *c, int32_t yes,
	int32_t *type, struct pmemgo_status *st);
int32_t pmemgo_pool_check_end(struct pmemgo_check *c, struct pmemgo_status *st);

int32_t pmemgo_pool_sync(const char *set, uint32_t flags,
	struct pmemgo_status *st);
int32_t pmemgo_pool_transform(const char *from, const char *to, uint32_t flags,
	struct pmemgo_status *st);
int32_t pmemgo_pool_rm(const char *path, uint32_t flags,
	struct pmemgo_status *st);

int32_t pmemgo_pool_feature_enable(const char *path, int32_t feature,
	struct pmemgo_status *st);
int32_t pmemgo_pool_feature_disable(const char *path, int32_t feature,
	struct pmemgo_status *st);
int32_t pmemgo_pool_feature_query(const char *path, int32_t feature,
	struct pmemgo_status *st);

#endif
