/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * driver.c -- times PMDK's example maps, which it is built together with
 *
 * It makes a pool with an empty map, prints "ready", and then carries out the
 * commands that it reads, one a line, answering each with the nanoseconds that
 * it took, those that it had the processor, and a sum over what it has read:
 *
 *	insert FIRST COUNT		keys and values FIRST, FIRST + 1, ...
 *	get FIRST COUNT STEP TOTAL	those at (FIRST * STEP) % TOTAL, ...
 *	remove FIRST COUNT STEP TOTAL	likewise
 *	used				the sum is the bytes allocated in the pool
 *
 * A value is an object of its own, as the maps want it. It is allocated, or
 * freed, in the transaction that inserts or removes its key: there is no cheaper
 * way in C that leaks nothing if the process dies in between.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "map.h"
#include "map_btree.h"
#include "map_hashmap_tx.h"

#define LAYOUT "cmap"
#define VALUE_TYPE 2000
#define WORDS 8 /* of a value */

struct root {
	TOID(struct map) map;
};

static PMEMobjpool *pop;
static struct map_ctx *ctx;
static TOID(struct map) map;

static void
die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, pmemobj_errormsg());
	exit(1);
}

/* key is the key with this number: splitmix64 */
static uint64_t
key(uint64_t number)
{
	uint64_t z = (number + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void
insert(uint64_t k)
{
	TX_BEGIN(pop) {
		PMEMoid oid = pmemobj_tx_alloc(WORDS * sizeof(uint64_t),
				VALUE_TYPE);
		uint64_t *value = pmemobj_direct(oid);
		for (uint64_t i = 0; i < WORDS; i++)
			value[i] = k + i;
		if (map_insert(ctx, map, k, oid) != 0)
			pmemobj_tx_abort(1);
	} TX_ONABORT {
		die("insert");
	} TX_END
}

static uint64_t
get(uint64_t k)
{
	PMEMoid oid = map_get(ctx, map, k);
	if (OID_IS_NULL(oid))
		die("get");

	uint64_t value[WORDS]; /* a copy, as the caller gets it in Go */
	memcpy(value, pmemobj_direct(oid), sizeof(value));
	uint64_t sum = 0;
	for (uint64_t i = 0; i < WORDS; i++)
		sum += value[i];
	return sum;
}

static void
remove_key(uint64_t k)
{
	TX_BEGIN(pop) {
		PMEMoid oid = map_remove(ctx, map, k);
		if (OID_IS_NULL(oid))
			pmemobj_tx_abort(1);
		pmemobj_tx_free(oid);
	} TX_ONABORT {
		die("remove");
	} TX_END
}

static uint64_t
now(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
obey(const char *line)
{
	char name[16];
	uint64_t first = 0, count = 0, step = 1, total = 1, sum = 0;

	int fields = sscanf(line, "%15s %" SCNu64 " %" SCNu64 " %" SCNu64
			" %" SCNu64, name, &first, &count, &step, &total);
	uint64_t start = now(CLOCK_MONOTONIC);
	uint64_t cpu_start = now(CLOCK_THREAD_CPUTIME_ID);
	if (fields == 3 && strcmp(name, "insert") == 0) {
		for (uint64_t i = first; i < first + count; i++)
			insert(key(i));
	} else if (fields == 5 && total != 0 && strcmp(name, "get") == 0) {
		for (uint64_t i = first; i < first + count; i++)
			sum += get(key(i * step % total));
	} else if (fields == 5 && total != 0 && strcmp(name, "remove") == 0) {
		for (uint64_t i = first; i < first + count; i++)
			remove_key(key(i * step % total));
	} else if (fields == 1 && strcmp(name, "used") == 0) {
		if (pmemobj_ctl_get(pop, "stats.heap.curr_allocated", &sum))
			die("used");
	} else {
		fprintf(stderr, "unknown command: %s", line);
		exit(1);
	}
	uint64_t cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			now(CLOCK_MONOTONIC) - start, cpu, sum);
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	if (argc != 4) {
		fprintf(stderr, "usage: %s hashmap_tx|btree FILE BYTES\n",
				argv[0]);
		return 1;
	}
	const struct map_ops *ops = NULL;
	if (strcmp(argv[1], "hashmap_tx") == 0)
		ops = MAP_HASHMAP_TX;
	else if (strcmp(argv[1], "btree") == 0)
		ops = MAP_BTREE;
	if (ops == NULL) {
		fprintf(stderr, "unknown kind of map: %s\n", argv[1]);
		return 1;
	}
	pop = pmemobj_create(argv[2], LAYOUT, strtoull(argv[3], NULL, 10), 0600);
	if (pop == NULL)
		die(argv[2]);
	int enabled = 1;
	if (pmemobj_ctl_set(pop, "stats.enabled", &enabled))
		die("statistics");
	PMEMoid oid = pmemobj_root(pop, sizeof(struct root));
	if (OID_IS_NULL(oid))
		die("root");
	struct root *root = pmemobj_direct(oid);
	ctx = map_ctx_init(ops, pop);
	if (ctx == NULL || map_create(ctx, &root->map, NULL) != 0)
		die("map");
	map = root->map;
	puts("ready");
	fflush(stdout);

	char line[128];
	while (fgets(line, sizeof(line), stdin) != NULL)
		obey(line);
	map_ctx_free(ctx);
	pmemobj_close(pop);
	return 0;
}
