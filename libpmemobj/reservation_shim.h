/* SPDX-License-Identifier: BSD-3-Clause */

/* reservation_shim.h -- reservations by themselves; see shim.h */
#ifndef PMEMGO_OBJ_RESERVATION_SHIM_H
#define PMEMGO_OBJ_RESERVATION_SHIM_H

#include "shim.h"

enum pmemgo_reservation_state {
	PMEMGO_RESERVATION_CANCELLED,
	PMEMGO_RESERVATION_TAKEN, /* being made, published or cancelled */
	PMEMGO_RESERVATION_HELD,
	PMEMGO_RESERVATION_PUBLISHED,
};

/*
 * One reservation, taken, to be made, published or cancelled by itself. That
 * rarely fails, so there is no room for a reason: failed is set, nothing has
 * happened, the reservation is still taken, and the same may be tried again in
 * the way of shim.h, to learn why.
 */
struct pmemgo_reservation {
	/*
	 * Changed by compare-and-swap, except that making and publishing end
	 * with a store, which here, unlike in Go, is no locked instruction.
	 */
	uint32_t state;
	uint32_t failed;
	uint64_t pool;
	uint64_t size;
	uint64_t type_num;
	uint64_t flags;
	uint64_t off; /* of the object; unchanged if making one fails */
	struct pobj_action act;
};

int32_t pmemgo_obj_reservation_make(void *reservation);
int32_t pmemgo_obj_reservation_publish(void *reservation);
int32_t pmemgo_obj_reservation_cancel(void *reservation);

/*
 * Moves n reservations into an open transaction, which is begun if it has not
 * begun. Failures are in the transaction's status. handed says whether the
 * transaction has the reservations.
 */
struct pmemgo_tx_publication {
	uint64_t tx; /* struct pmemgo_tx * */
	uint64_t acts; /* struct pobj_action * */
	uint64_t reserved; /* const struct pmemgo_range *, their memory */
	uint64_t n;
	uint64_t handed;
};

int32_t pmemgo_obj_tx_publish(void *tx_publication);

#endif
