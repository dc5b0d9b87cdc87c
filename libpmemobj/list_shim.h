/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * list_shim.h -- libpmemobj's atomic lists, called like the operations in
 * shim.h. Whether the arguments are sound is found out in Go: C believes them.
 */
#ifndef PMEMGO_OBJ_LIST_SHIM_H
#define PMEMGO_OBJ_LIST_SHIM_H

#include "shim.h"

struct pmemgo_list {
	uint64_t pool;
	uint64_t head; /* the address of the list's head */
	uint64_t entry; /* the offset of the entry in an element */
	PMEMoid oid; /* the element; insert_new: where it is, once it is there */
	PMEMoid dest; /* the element next to which, or null for an end */
	uint64_t before;

	uint64_t new_head; /* move */
	uint64_t new_entry;

	uint64_t size; /* insert_new */
	uint64_t type_num;
	uint64_t content; /* the address of what the element is to hold */

	struct pmemgo_status status;
};

int32_t pmemgo_obj_list_insert(void *list);
int32_t pmemgo_obj_list_insert_new(void *list);
int32_t pmemgo_obj_list_remove(void *list);
int32_t pmemgo_obj_list_remove_free(void *list);
int32_t pmemgo_obj_list_move(void *list);

#endif
