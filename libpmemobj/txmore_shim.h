/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * txmore_shim.h -- what transactions can do beyond the everyday: snapshots
 * with flags, logs in memory of the user's, and their stages one by one.
 */
#ifndef PMEMGO_OBJ_TXMORE_SHIM_H
#define PMEMGO_OBJ_TXMORE_SHIM_H

#include "shim.h"

/* Snapshots tx->ranges with tx->flags. */
int32_t pmemgo_obj_tx_snapshot_with(void *tx);

/* Logs: tx->type_num is the kind. */
int32_t pmemgo_obj_tx_log_append(void *tx); /* tx->size bytes at tx->off */
int32_t pmemgo_obj_tx_log_auto(void *tx); /* tx->flags: on or off */

/* 0 if there is no such size. */
uint64_t pmemgo_obj_tx_log_snapshots(const size_t *sizes, size_t n);
uint64_t pmemgo_obj_tx_log_intents(uint64_t n);

/*
 * The end of a transaction in steps, with tx->result the stage afterwards:
 * commit or abort, then process up to the last stage, then end.
 */
int32_t pmemgo_obj_tx_stage_commit(void *tx);
int32_t pmemgo_obj_tx_stage_abort(void *tx);
int32_t pmemgo_obj_tx_stage_next(void *tx);
int32_t pmemgo_obj_tx_stage_end(void *tx);

/* pmemobj_wcsdup; returns the object's offset. */
uint64_t pmemgo_obj_wcsdup(pmemgo_pool pool, PMEMoid *oidp, const int32_t *s,
	uint64_t type_num, struct pmemgo_status *st);

#endif
