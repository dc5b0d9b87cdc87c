/* SPDX-License-Identifier: BSD-3-Clause */
#include "list_shim.h"

/* ListHead and ListEntry, in list.go, have the same layout. */
struct element;
TOID_DECLARE(struct element, 1);
POBJ_LIST_HEAD(head, struct element);
typedef POBJ_LIST_ENTRY(struct element) entry;

_Static_assert(sizeof(struct head) == 80 && offsetof(struct head, pe_first) == 0 &&
	offsetof(struct head, lock) == 16 && sizeof(PMEMmutex) == 64,
	"POBJ_LIST_HEAD has another layout");
_Static_assert(sizeof(entry) == 32 && offsetof(entry, pe_next) == 0 &&
	offsetof(entry, pe_prev) == 16, "POBJ_LIST_ENTRY has another layout");

static void
check(struct pmemgo_list *l, int ret)
{
	if (ret != 0)
		pmemgo_fail(&l->status, errno, pmemobj_errormsg());
}

int32_t
pmemgo_obj_list_insert(void *arg)
{
	struct pmemgo_list *l = arg;
	check(l, pmemobj_list_insert((PMEMobjpool *)l->pool, l->entry,
		(void *)l->head, l->dest, (int)l->before, l->oid));
	return 0;
}

/*
 * fill -- the constructor of insert_new. The log that links the element is
 * written afterwards, and the drain that makes it durable waits for this too.
 */
static int
fill(PMEMobjpool *pop, void *element, void *arg)
{
	const struct pmemgo_list *l = arg;
	pmemobj_memcpy(pop, element, (const void *)l->content, l->size,
		PMEMOBJ_F_MEM_NODRAIN);
	return 0;
}

int32_t
pmemgo_obj_list_insert_new(void *arg)
{
	struct pmemgo_list *l = arg;
	l->oid = pmemobj_list_insert_new((PMEMobjpool *)l->pool, l->entry,
		(void *)l->head, l->dest, (int)l->before, l->size, l->type_num,
		fill, l);
	check(l, OID_IS_NULL(l->oid));
	return 0;
}

static void
list_remove(struct pmemgo_list *l, int free)
{
	check(l, pmemobj_list_remove((PMEMobjpool *)l->pool, l->entry,
		(void *)l->head, l->oid, free));
}

int32_t
pmemgo_obj_list_remove(void *arg)
{
	list_remove(arg, 0);
	return 0;
}

int32_t
pmemgo_obj_list_remove_free(void *arg)
{
	list_remove(arg, 1);
	return 0;
}

int32_t
pmemgo_obj_list_move(void *arg)
{
	struct pmemgo_list *l = arg;
	PMEMobjpool *pop = (PMEMobjpool *)l->pool;
	int ret = pmemobj_list_move(pop, l->entry, (void *)l->head,
		l->new_entry, (void *)l->new_head, l->dest, (int)l->before,
		l->oid);
	check(l, ret);
	/* PMDK leaves the old links where they are. */
	if (ret == 0 && l->entry != l->new_entry)
		pmemobj_memset(pop, (char *)pop + l->oid.off + l->entry, 0,
			sizeof(entry), 0);
	return 0;
}
