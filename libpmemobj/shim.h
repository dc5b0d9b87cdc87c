/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * shim.h -- the C that libpmemobj's Go binding owns. Each function does one
 * whole step, so that a step costs one crossing from Go, failures included.
 *
 * Objects travel as offsets into their pool: the pool is known on both sides.
 */
#ifndef PMEMGO_OBJ_SHIM_H
#define PMEMGO_OBJ_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemobj.h>

#include "pmemgo.h"

/*
 * A PMEMobjpool *, as a number: cgo looks up at run time, on every call, what
 * a pointer to an opaque type points at. For the same reason memory is
 * char * here, not void *.
 */
typedef uintptr_t pmemgo_pool;

/*
 * The operations of hot paths are functions of one argument, a struct that
 * carries everything in and out, so that they can be called through cgo and
 * as leaf calls alike. Addresses in it are numbers, of memory that does not
 * move: the pool's, or that of Go's heap, kept alive by the caller.
 */
void pmemgo_obj_run(uintptr_t fn, char *arg);

/* Memory in a mapped pool. Mirrored by Range. */
struct pmemgo_range {
	uint64_t addr;
	uint64_t len;
};

/* An 8-byte store that a publication makes. Mirrored by word. */
struct pmemgo_store {
	uint64_t addr;
	uint64_t value;
};

/* Pools */
PMEMobjpool *pmemgo_obj_create(const char *path, const char *layout, size_t size,
	unsigned mode, int is_pmem, struct pmemgo_status *st);
PMEMobjpool *pmemgo_obj_open(const char *path, const char *layout, int cow,
	int is_pmem, struct pmemgo_status *st);
int pmemgo_obj_check(const char *path, const char *layout,
	struct pmemgo_status *st);
uint64_t pmemgo_obj_uuid(pmemgo_pool pool);
uint64_t pmemgo_obj_root(pmemgo_pool pool, size_t size, struct pmemgo_status *st);

/*
 * Transactions. Each operation begins the transaction if it has not begun; if
 * that fails, begun stays 0. No failure aborts the transaction: Go code may be
 * writing to memory that an abort would already have rolled back.
 */
struct pmemgo_tx {
	uint64_t pool;
	uint64_t begun;

	uint64_t ranges; /* snapshot: const struct pmemgo_range * */
	uint64_t nranges;

	uint64_t uuid; /* free, realloc: the object */
	uint64_t off;
	uint64_t size; /* alloc, realloc */
	uint64_t type_num;
	uint64_t flags;
	uint64_t keep; /* realloc: bytes to copy */
	uint64_t result; /* alloc, realloc: the new object's offset */

	struct pmemgo_status status;
};

/* Begins the transaction if it has not begun, and says whether it has now. */
int pmemgo_obj_begin(struct pmemgo_tx *tx);

int32_t pmemgo_obj_tx_snapshot(void *tx);
int32_t pmemgo_obj_tx_alloc(void *tx);
int32_t pmemgo_obj_tx_realloc(void *tx);
int32_t pmemgo_obj_tx_free(void *tx);
int32_t pmemgo_obj_tx_commit(void *tx);
int32_t pmemgo_obj_tx_abort(void *tx);

/*
 * Publications. acts holds nres reservations and has room for nfree + nstore
 * actions more. publish and publish_tx do the whole publication or, with
 * status filled in, none of it. nres is 0 afterwards if the reservations are
 * used up; else they can be published again, or cancelled.
 */
struct pmemgo_publication {
	uint64_t pool;

	uint64_t act; /* reserve: struct pobj_action * */
	uint64_t size;
	uint64_t type_num;
	uint64_t flags;
	uint64_t result; /* the object's offset */

	uint64_t acts; /* struct pobj_action * */
	uint64_t reserved; /* const struct pmemgo_range *, their memory */
	uint64_t nres;
	uint64_t frees; /* const PMEMoid * */
	uint64_t nfree;
	uint64_t stores; /* const struct pmemgo_store * */
	uint64_t nstore;

	struct pmemgo_status status;
};

int32_t pmemgo_obj_reserve(void *publication);
int32_t pmemgo_obj_store(void *publication); /* one word, without any log */
int32_t pmemgo_obj_publish(void *publication);
int32_t pmemgo_obj_publish_tx(void *publication);
int32_t pmemgo_obj_cancel(void *publication);

/*
 * Atomic allocation. oid is the object; dst is where in the pool it is to be
 * updated as well, or 0.
 */
struct pmemgo_atomic {
	uint64_t pool;
	uint64_t dst; /* PMEMoid * */
	PMEMoid oid;
	uint64_t size;
	uint64_t type_num;
	uint64_t flags;
	struct pmemgo_status status;
};

int32_t pmemgo_obj_alloc(void *atomic);
int32_t pmemgo_obj_realloc(void *atomic);
int32_t pmemgo_obj_free(void *atomic);
uint64_t pmemgo_obj_strdup(pmemgo_pool pool, PMEMoid *oidp, const char *s,
	uint64_t type_num, struct pmemgo_status *st);

/* Flushing and copying */
struct pmemgo_flush {
	uint64_t pool;
	uint64_t addr;
	uint64_t len;
};

int32_t pmemgo_obj_persist(void *flush);
int32_t pmemgo_obj_flush(void *flush);
int32_t pmemgo_obj_drain(void *flush);
void pmemgo_obj_memcpy(pmemgo_pool pool, char *dst, const char *src, size_t len,
	unsigned flags);
void pmemgo_obj_memmove(pmemgo_pool pool, char *dst, const char *src, size_t len,
	unsigned flags);
void pmemgo_obj_memset(pmemgo_pool pool, char *dst, int c, size_t len,
	unsigned flags);

/*
 * Iteration: fills offs with up to n objects, the first one at or after the
 * live object at from (0: the pool's first), of type_num if only is set;
 * returns how many.
 */
size_t pmemgo_obj_objects(pmemgo_pool pool, PMEMoid from, int only,
	uint64_t type_num, uint64_t *offs, size_t n);

#endif
