/* SPDX-License-Identifier: BSD-3-Clause */

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpool.h"

#define MAX_OBJECTS 4096

uint64_t
pmemgo_cpool_uuid(PMEMobjpool *pop)
{
	return pmemobj_oid(pop).pool_uuid_lo ? pmemobj_oid(pop).pool_uuid_lo :
		pmemobj_root(pop, 8).pool_uuid_lo;
}

/* oid_at -- the PMEMoid of the object at off */
static PMEMoid
oid_at(PMEMobjpool *pop, uint64_t off)
{
	return pmemobj_oid((char *)pop + off);
}

uint64_t
pmemgo_cpool_alloc(PMEMobjpool *pop, size_t size, uint64_t type, uint64_t flags)
{
	PMEMoid oid;
	if (pmemobj_xalloc(pop, &oid, size, type, flags, NULL, NULL))
		return 0;
	return oid.off;
}

void
pmemgo_cpool_free(PMEMobjpool *pop, uint64_t off)
{
	PMEMoid oid = oid_at(pop, off);
	pmemobj_free(&oid);
}

uint64_t
pmemgo_cpool_usable(PMEMobjpool *pop, uint64_t off)
{
	return pmemobj_alloc_usable_size(oid_at(pop, off));
}

uint64_t
pmemgo_cpool_type_num(PMEMobjpool *pop, uint64_t off)
{
	return pmemobj_type_num(oid_at(pop, off));
}

uint64_t
pmemgo_cpool_first(PMEMobjpool *pop)
{
	return pmemobj_first(pop).off;
}

uint64_t
pmemgo_cpool_next(PMEMobjpool *pop, uint64_t off)
{
	return pmemobj_next(oid_at(pop, off)).off;
}

/*
 * pmemgo_cpool_class -- the id of a new allocation class, or -1
 */
int
pmemgo_cpool_class(PMEMobjpool *pop, size_t unit, size_t align, unsigned units,
	int header)
{
	struct pobj_alloc_class_desc d = {
		.unit_size = unit,
		.alignment = align,
		.units_per_block = units,
		.header_type = (enum pobj_header_type)header,
	};
	if (pmemobj_ctl_set(pop, "heap.alloc_class.new.desc", &d))
		return -1;
	return (int)d.class_id;
}

/* what a pool of mixed contents is filled with */
static const size_t sizes[] = {8, 64, 100, 113, 200, 500, 1000, 2000, 4000,
	10000, 30000, 100000};
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

/*
 * pmemgo_cpool_fill -- fill a pool with objects of many sizes, holes between
 * them, a root object, huge objects, and objects of custom classes
 */
void
pmemgo_cpool_fill(PMEMobjpool *pop, unsigned seed, int rounds, int classes)
{
	static const struct { size_t unit, align; unsigned units; int header; }
	custom[] = {
		{192, 0, 100, POBJ_HEADER_LEGACY},
		{192, 64, 100, POBJ_HEADER_COMPACT},
		{4096, 4096, 10, POBJ_HEADER_COMPACT},
		{100, 0, 100, POBJ_HEADER_NONE},
		{24, 8, 1000, POBJ_HEADER_NONE},
		{65536, 0, 5, POBJ_HEADER_NONE},
		{72, 0, 100, POBJ_HEADER_COMPACT},
	};
	PMEMoid oids[MAX_OBJECTS];
	int n = 0;

	pmemobj_root(pop, 5000);
	for (int i = 0; i < rounds && n < MAX_OBJECTS; i++) {
		/* small ones are the most */
		size_t size = sizes[(size_t)rand_r(&seed) % NSIZES];
		size = sizes[(size_t)rand_r(&seed) % NSIZES] < size ?
			sizes[(size_t)rand_r(&seed) % NSIZES / 2] : size;
		if (pmemobj_alloc(pop, &oids[n], size, (uint64_t)(i % 7), NULL,
				NULL) == 0) {
			memset(pmemobj_direct(oids[n]), i, size);
			n++;
		}
	}
	if (pmemobj_alloc(pop, &oids[n], 600000, 3, NULL, NULL) == 0)
		n++;
	if (pmemobj_alloc(pop, &oids[n], 300000, 3, NULL, NULL) == 0)
		n++;
	for (size_t c = 0; classes && c < sizeof(custom) / sizeof(custom[0]);
			c++) {
		int id = pmemgo_cpool_class(pop, custom[c].unit,
			custom[c].align, custom[c].units, custom[c].header);
		for (int i = 0; id >= 0 && i < 20 && n < MAX_OBJECTS; i++) {
			size_t head = custom[c].header == POBJ_HEADER_LEGACY ?
				64 : custom[c].header == POBJ_HEADER_COMPACT ?
				16 : 0;
			size_t size = custom[c].unit - head;
			if (head != 0 && custom[c].unit < 1000)
				size += custom[c].unit *
					((size_t)rand_r(&seed) % 3);
			if (pmemobj_xalloc(pop, &oids[n], size, 9,
					POBJ_CLASS_ID(id), NULL, NULL) == 0)
				n++;
		}
	}
	for (int i = 0; i < n; i++)
		if (rand_r(&seed) % 3 == 0)
			pmemobj_free(&oids[i]);
}

struct unfinished {
	PMEMobjpool *pop;
	int nth;
	sem_t done;
};

/*
 * leave_open -- be in the middle of a transaction, with enough logged for a log
 * to continue in the heap
 */
static void *
leave_open(void *arg)
{
	struct unfinished *u = arg;
	PMEMobjpool *pop = u->pop;
	PMEMoid root = pmemobj_root(pop, 5000);
	PMEMoid big;
	/* one committed transaction first, for logs that are over */
	if (pmemobj_tx_begin(pop, NULL, TX_PARAM_NONE) == 0) {
		pmemobj_tx_xadd_range(root, 8, 100, POBJ_XADD_NO_ABORT);
		pmemobj_tx_commit();
	}
	(void) pmemobj_tx_end();

	if (pmemobj_tx_begin(pop, NULL, TX_PARAM_NONE) == 0) {
		pmemobj_tx_xadd_range(root, (uint64_t)u->nth * 64, 40,
			POBJ_XADD_NO_ABORT);
		pmemobj_tx_xadd_range(root, 1024 + (uint64_t)u->nth * 64, 64,
			POBJ_XADD_NO_ABORT);
		big = pmemobj_tx_xalloc(3000, 4, POBJ_XALLOC_NO_ABORT);
		if (u->nth % 2 && !OID_IS_NULL(big))
			pmemobj_tx_xadd_range(root, 0, 5000,
				POBJ_XADD_NO_ABORT);
		memset(pmemobj_direct(root), 0x5a, 5000);
		pmemobj_persist(pop, pmemobj_direct(root), 5000);
	}
	sem_post(&u->done);
	for (;;)
		pause();
	return NULL;
}

/*
 * pmemgo_cpool_unfinished -- leave that many transactions open; the process is
 * expected to die without closing the pool
 */
void
pmemgo_cpool_unfinished(PMEMobjpool *pop, int lanes)
{
	for (int i = 0; i < lanes; i++) {
		struct unfinished *u = calloc(1, sizeof(*u));
		pthread_t t;
		if (u == NULL)
			return;
		u->pop = pop;
		u->nth = i;
		sem_init(&u->done, 0, 0);
		if (pthread_create(&t, NULL, leave_open, u) == 0)
			sem_wait(&u->done);
	}
}

#define SLOTS 256

/* churn_tx -- a transaction that saves a range, and fills and empties slots */
static void
churn_tx(PMEMobjpool *pop, PMEMoid root, PMEMoid *slots, unsigned *seed)
{
	PMEMoid was[SLOTS];
	int done = 0;
	memcpy(was, slots, sizeof(was));
	if (pmemobj_tx_begin(pop, NULL, TX_PARAM_NONE) == 0) {
		size_t n = (size_t)rand_r(seed) % 4000 + 1;
		pmemobj_tx_xadd_range(root, (uint64_t)rand_r(seed) % 1000, n,
			POBJ_XADD_NO_ABORT);
		for (int i = rand_r(seed) % 16; i > 0; i--) {
			PMEMoid *oid = &slots[rand_r(seed) % SLOTS];
			if (OID_IS_NULL(*oid)) {
				*oid = pmemobj_tx_xalloc(
					sizes[(size_t)rand_r(seed) % NSIZES],
					5, POBJ_XALLOC_NO_ABORT);
			} else {
				pmemobj_tx_xfree(*oid, POBJ_XFREE_NO_ABORT);
				*oid = OID_NULL;
			}
		}
		if (pmemobj_tx_stage() == TX_STAGE_WORK) {
			if (rand_r(seed) % 3) {
				pmemobj_tx_commit();
				done = 1;
			} else {
				pmemobj_tx_abort(1);
			}
		}
	}
	(void) pmemobj_tx_end();
	if (!done)
		memcpy(slots, was, sizeof(was));
}

/* churn_publish -- one publication of words, and of objects come and gone */
static void
churn_publish(PMEMobjpool *pop, PMEMoid root, PMEMoid *slots, unsigned *seed)
{
	struct pobj_action act[80];
	PMEMoid was[SLOTS];
	size_t n = 0;
	uint64_t *words = pmemobj_direct(root);
	memcpy(was, slots, sizeof(was));
	for (size_t want = (size_t)rand_r(seed) % 60 + 1; n < want; n++)
		pmemobj_set_value(pop, &act[n], &words[n], n);
	for (int i = rand_r(seed) % 6; i > 0; i--) {
		PMEMoid *oid = &slots[rand_r(seed) % SLOTS];
		if (OID_IS_NULL(*oid)) {
			*oid = pmemobj_reserve(pop, &act[n],
				sizes[(size_t)rand_r(seed) % NSIZES], 6);
			if (!OID_IS_NULL(*oid))
				n++;
		} else if (OID_EQUALS(*oid, was[oid - slots])) {
			pmemobj_defer_free(pop, *oid, &act[n++]);
			*oid = OID_NULL;
		}
	}
	if (pmemobj_publish(pop, act, n)) {
		pmemobj_cancel(pop, act, n);
		memcpy(slots, was, sizeof(was));
	}
}

/*
 * pmemgo_cpool_churn -- allocate, free, commit, abort and publish for ever; the
 * process is expected to be killed
 */
void
pmemgo_cpool_churn(PMEMobjpool *pop, unsigned seed)
{
	PMEMoid root = pmemobj_root(pop, 5000);
	PMEMoid slots[SLOTS];
	int n = 0;
	/* take over what an earlier run left, or free it */
	PMEMoid next;
	for (PMEMoid o = pmemobj_first(pop); !OID_IS_NULL(o); o = next) {
		next = pmemobj_next(o);
		if (n < SLOTS)
			slots[n++] = o;
		else
			pmemobj_free(&o);
	}
	while (n < SLOTS)
		slots[n++] = OID_NULL;
	for (;;) {
		PMEMoid *oid = &slots[rand_r(&seed) % SLOTS];
		size_t size = sizes[(size_t)rand_r(&seed) % NSIZES];
		if (rand_r(&seed) % 50 == 0)
			size = 700000;
		switch (rand_r(&seed) % 5) {
		case 0:
			churn_tx(pop, root, slots, &seed);
			break;
		case 1:
			churn_publish(pop, root, slots, &seed);
			break;
		case 2:
			if (pmemobj_realloc(pop, oid, size, 2))
				pmemobj_free(oid);
			break;
		default:
			if (OID_IS_NULL(*oid))
				pmemobj_alloc(pop, oid, size, 1, NULL, NULL);
			else
				pmemobj_free(oid);
		}
	}
}

/* use_objects -- look at each object, and free or resize most */
static void
use_objects(PMEMobjpool *pop)
{
	volatile char sink;
	int n = 0;
	PMEMoid next;
	for (PMEMoid o = pmemobj_first(pop); !OID_IS_NULL(o); o = next) {
		size_t size = pmemobj_alloc_usable_size(o);
		next = pmemobj_next(o);
		(void) pmemobj_type_num(o);
		char *p = pmemobj_direct(o);
		if (size != 0) {
			sink = p[0];
			sink = p[size - 1];
		}
		switch (n++ % 4) {
		case 0:
			pmemobj_free(&o);
			break;
		case 1:
			if (pmemobj_realloc(pop, &o, size / 2 + 1, 2) == 0)
				pmemobj_free(&o);
			break;
		case 2:
			if (pmemobj_tx_begin(pop, NULL, TX_PARAM_NONE) == 0) {
				pmemobj_tx_xadd_range(o, 0, size,
					POBJ_XADD_NO_ABORT);
				pmemobj_tx_xfree(o, POBJ_XFREE_NO_ABORT);
				if (pmemobj_tx_stage() == TX_STAGE_WORK)
					pmemobj_tx_commit();
			}
			(void) pmemobj_tx_end();
			break;
		}
	}
	(void) sink;
}

/* use_allocator -- make the allocator go through its runs and free chunks */
static void
use_allocator(PMEMobjpool *pop)
{
	PMEMoid oids[200];
	for (size_t s = 0; s < NSIZES; s++) {
		int n = 0;
		while (n < 200 && pmemobj_zalloc(pop, &oids[n], sizes[s], 1) == 0)
			n++;
		while (n > 0)
			pmemobj_free(&oids[--n]);
	}
	int n = 0;
	while (n < 200 && pmemobj_alloc(pop, &oids[n], 500000, 1, NULL, NULL) == 0)
		n++;
	while (n > 0)
		pmemobj_free(&oids[--n]);
}

/*
 * pmemgo_cpool_use -- open a pool, use it as programs do, and close it, twice.
 * Returns 0, or -1 and what failed.
 */
int
pmemgo_cpool_use(const char *path, const char **what)
{
	unsigned seed = 1;
	for (int round = 0; round < 2; round++) {
		PMEMobjpool *pop = pmemobj_open(path, NULL);
		if (pop == NULL) {
			*what = pmemobj_errormsg();
			return -1;
		}
		PMEMoid root = pmemobj_root(pop, 5000);
		PMEMoid slots[SLOTS];
		memset(slots, 0, sizeof(slots));
		for (int i = 0; i < 10 && !OID_IS_NULL(root); i++) {
			churn_tx(pop, root, slots, &seed);
			churn_publish(pop, root, slots, &seed);
		}
		use_objects(pop);
		use_allocator(pop);
		pmemobj_close(pop);
	}
	return 0;
}
