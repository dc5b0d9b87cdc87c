/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "list.h"

struct list_node;
TOID_DECLARE(struct list_node, 3);

/* Mirrored by listNode of internal/benchratio. */
struct list_node {
	POBJ_LIST_ENTRY(struct list_node) link;
	uint64_t value;
	uint64_t rest[3];
};

POBJ_LIST_HEAD(list_head, struct list_node);

void
pmemgo_base_list_insert(char *addr, PMEMoid object, size_t n)
{
	struct list_head *head = (struct list_head *)addr;
	PMEMobjpool *pop = pmemobj_pool_by_ptr(head);
	TOID(struct list_node) node = {object};
	for (size_t i = 0; i < n; i++) {
		if (POBJ_LIST_INSERT_HEAD(pop, head, node, link) != 0 ||
				POBJ_LIST_REMOVE(pop, head, node, link) != 0) {
			fprintf(stderr, "baseline: list_insert: %s\n",
				pmemobj_errormsg());
			abort();
		}
		D_RW(node)->value++;
	}
}
