/* SPDX-License-Identifier: BSD-3-Clause */
#include <wchar.h>

#include "txmore_shim.h"

_Static_assert(sizeof(wchar_t) == sizeof(int32_t), "wide characters are 32 bits");

static void
fail(struct pmemgo_status *st, int err)
{
	pmemgo_fail(st, err, pmemobj_errormsg());
}

int32_t
pmemgo_obj_tx_snapshot_with(void *arg)
{
	struct pmemgo_tx *tx = arg;
	const struct pmemgo_range *v = (const struct pmemgo_range *)tx->ranges;
	if (!pmemgo_obj_begin(tx))
		return 0;
	for (size_t i = 0; i < tx->nranges; i++) {
		int err = pmemobj_tx_xadd_range_direct((const void *)v[i].addr,
			v[i].len, tx->flags | POBJ_XADD_NO_ABORT);
		if (err != 0) {
			fail(&tx->status, err);
			return 0;
		}
	}
	return 0;
}

int32_t
pmemgo_obj_tx_log_append(void *arg)
{
	struct pmemgo_tx *tx = arg;
	if (!pmemgo_obj_begin(tx))
		return 0;
	int err = pmemobj_tx_xlog_append_buffer((enum pobj_log_type)tx->type_num,
		(char *)tx->pool + tx->off, tx->size,
		POBJ_XLOG_APPEND_BUFFER_NO_ABORT);
	if (err != 0)
		fail(&tx->status, err);
	return 0;
}

int32_t
pmemgo_obj_tx_log_auto(void *arg)
{
	struct pmemgo_tx *tx = arg;
	if (!pmemgo_obj_begin(tx))
		return 0;
	int err = pmemobj_tx_log_auto_alloc((enum pobj_log_type)tx->type_num,
		tx->flags != 0);
	if (err != 0)
		fail(&tx->status, err);
	return 0;
}

static uint64_t
size_or_zero(size_t size)
{
	return size == SIZE_MAX ? 0 : size;
}

uint64_t
pmemgo_obj_tx_log_snapshots(const size_t *sizes, size_t n)
{
	/* The function takes them without const, and only reads. */
	return size_or_zero(pmemobj_tx_log_snapshots_max_size((size_t *)sizes, n));
}

uint64_t
pmemgo_obj_tx_log_intents(uint64_t n)
{
	return size_or_zero(pmemobj_tx_log_intents_max_size(n));
}

int32_t
pmemgo_obj_tx_stage_commit(void *arg)
{
	struct pmemgo_tx *tx = arg;
	pmemobj_tx_process();
	tx->result = pmemobj_tx_stage();
	if (tx->result != TX_STAGE_ONCOMMIT)
		fail(&tx->status, pmemobj_tx_errno());
	return 0;
}

int32_t
pmemgo_obj_tx_stage_abort(void *arg)
{
	struct pmemgo_tx *tx = arg;
	pmemobj_tx_abort(ECANCELED);
	tx->result = pmemobj_tx_stage();
	return 0;
}

int32_t
pmemgo_obj_tx_stage_next(void *arg)
{
	struct pmemgo_tx *tx = arg;
	pmemobj_tx_process();
	tx->result = pmemobj_tx_stage();
	return 0;
}

int32_t
pmemgo_obj_tx_stage_end(void *arg)
{
	struct pmemgo_tx *tx = arg;
	(void) pmemobj_tx_end();
	tx->begun = 0;
	return 0;
}

uint64_t
pmemgo_obj_wcsdup(pmemgo_pool pool, PMEMoid *oidp, const int32_t *s,
	uint64_t type_num, struct pmemgo_status *st)
{
	PMEMoid oid = OID_NULL;
	if (oidp == NULL)
		oidp = &oid;
	if (pmemobj_wcsdup((PMEMobjpool *)pool, oidp, (const wchar_t *)s,
			type_num) != 0) {
		fail(st, errno);
		return 0;
	}
	return oidp->off;
}
