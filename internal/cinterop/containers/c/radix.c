/* SPDX-License-Identifier: BSD-3-Clause */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE 0x584441524f474d50ull
#define SLOTS 48
#define ANY 0xffffffffu

struct tree {
	const char *name;
	uint32_t slot_size, value_size;
};

/* text is a key, or a separator. */
struct text {
	const unsigned char *at;
	uint64_t len;
};

static uint64_t
up8(uint64_t n)
{
	return (n + 7) / 8 * 8;
}

static uint32_t
u16(const unsigned char *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static int
compare(struct text a, struct text b)
{
	uint64_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.at, b.at, n);
	if (c != 0)
		return c;
	return (a.len > b.len) - (a.len < b.len);
}

static unsigned char
fingerprint(struct text key)
{
	uint64_t h = key.len;
	for (uint64_t i = 0; i < key.len; i += 8) {
		uint64_t w = 0;
		for (uint64_t j = i; j < key.len && j < i + 8; j++)
			w |= (uint64_t)key.at[j] << 8 * (j - i);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return h >> 56;
}

/* within ends the program unless a key is between bounds; one without a place is none. */
static void
within(struct text key, struct text low, struct text end)
{
	pmemgo_check(low.at == NULL || compare(key, low) >= 0, "a key below its separator", key.len);
	pmemgo_check(end.at == NULL || compare(key, end) < 0, "a key above its separator", key.len);
}

struct entry {
	struct text key, value;
};

static int
by_key(const void *a, const void *b)
{
	return compare(((const struct entry *)a)->key, ((const struct entry *)b)->key);
}

static struct entry
read_slot(const struct tree *t, const unsigned char *slot)
{
	struct entry e;
	uint32_t key_len = u16(slot), outside = u16(slot + 2), value_len = pmemgo_u32(slot + 4);
	pmemgo_check(outside <= 1, "the kind of a slot", outside);
	pmemgo_check(t->value_size == ANY || t->value_size == value_len, "the size of a value", value_len);
	const unsigned char *at = slot + 8;
	if (outside) {
		uint64_t off = pmemgo_u64(at);
		const unsigned char *record = pmemgo_at(off, 16 + up8(key_len) + value_len);
		pmemgo_check(pmemgo_type(off) == TYPE + 2, "the type number of a record", pmemgo_type(off));
		pmemgo_check(pmemgo_u64(record + 8) == ((uint64_t)value_len << 32 | key_len), "the lengths in a record", pmemgo_u64(record + 8));
		at = record + 16;
	} else {
		pmemgo_check(8 + up8(key_len) + up8(value_len) <= t->slot_size, "the lengths in a slot", pmemgo_u64(slot));
		pmemgo_zeros("what follows a value", at + up8(key_len) + value_len, up8(value_len) - value_len);
	}
	pmemgo_zeros("what follows a key", at + key_len, up8(key_len) - key_len);
	e.key = (struct text){at, key_len};
	e.value = (struct text){at + up8(key_len), value_len};
	return e;
}

static void
leaf(const struct tree *t, uint64_t off, struct text low, struct text end)
{
	struct entry all[SLOTS];
	size_t n = 0;
	const unsigned char *at = pmemgo_at(off, 64 + SLOTS * (uint64_t)t->slot_size);
	pmemgo_check(off % 64 == 0, "the place of a leaf", off);
	uint64_t used = pmemgo_u64(at + 8);
	pmemgo_check(used >> SLOTS == 0, "the bitmap of a leaf", used);
	for (int i = 0; i < SLOTS; i++) {
		if ((used >> i & 1) == 0)
			continue;
		struct entry e = read_slot(t, at + 64 + (uint64_t)i * t->slot_size);
		pmemgo_check(at[16 + i] == fingerprint(e.key), "a fingerprint", at[16 + i]);
		within(e.key, low, end);
		all[n++] = e;
	}
	qsort(all, n, sizeof(all[0]), by_key);
	for (size_t i = 0; i < n; i++) {
		pmemgo_check(i == 0 || compare(all[i - 1].key, all[i].key) != 0, "a key that is there twice", off);
		printf("%s\tkey\t", t->name);
		pmemgo_hex(all[i].key.at, all[i].key.len);
		printf("\t");
		pmemgo_hex(all[i].value.at, all[i].value.len);
		printf("\n");
	}
}

static void node(const struct tree *t, uint64_t off, unsigned height, struct text low, struct text end);

/* inner prints what is below an inner node: its keys are from low on and below end. */
static void
inner(const struct tree *t, uint64_t off, unsigned height, struct text low, struct text end)
{
	const unsigned char *at = pmemgo_at(off, 16);
	pmemgo_check(pmemgo_type(off) == TYPE + 1, "the type number of an inner node", pmemgo_type(off));
	uint64_t n = u16(at + 8), prefix = u16(at + 10), bytes = pmemgo_u32(at + 12);
	pmemgo_check(n > 0, "children", n);
	at = pmemgo_at(off, bytes);
	const unsigned char *heads = at + 16, *kids = heads + 8 * (n - 1), *ends = kids + 8 * n;
	const unsigned char *common = ends + 4 * (n - 1), *rests = common + prefix;
	uint64_t last = n == 1 ? 0 : pmemgo_u32(ends + 4 * (n - 2));
	pmemgo_check((uint64_t)(rests - at) + last == bytes, "the bytes in use of an inner node", bytes);

	struct text before = low;
	unsigned char *separator = NULL;
	for (uint64_t i = 0, from = 0; i < n; i++) {
		struct text next = end;
		unsigned char *here = NULL;
		if (i < n - 1) {
			uint64_t to = pmemgo_u32(ends + 4 * i);
			pmemgo_check(from <= to && to <= last, "the end of a separator", to);
			uint64_t head = 0;
			for (uint64_t j = 0; j < 8; j++)
				head = head << 8 | (from + j < to ? rests[from + j] : 0);
			pmemgo_check(pmemgo_u64(heads + 8 * i) == head, "the first bytes of a separator", pmemgo_u64(heads + 8 * i));
			here = malloc(prefix + to - from + 1);
			pmemgo_check(here != NULL, "memory", to);
			memcpy(here, common, prefix);
			memcpy(here + prefix, rests + from, to - from);
			next = (struct text){here, prefix + to - from};
			within(next, before, end);
			from = to;
		}
		node(t, pmemgo_u64(kids + 8 * i), height - 1, before, next);
		free(separator);
		separator = here;
		before = next;
	}
}

static void
node(const struct tree *t, uint64_t off, unsigned height, struct text low, struct text end)
{
	if (height == 0)
		leaf(t, off, low, end);
	else
		inner(t, off, height, low, end);
}

/* chain sees to it that the objects in a chain are some. */
static void
chain(uint64_t off)
{
	while (off != 0)
		off = pmemgo_u64(pmemgo_at(off, 8));
}

void
pmemgo_radix(const char *name, uint64_t off)
{
	const struct text none = {NULL, 0};
	struct tree t;
	const unsigned char *at = pmemgo_at(off, 128 + 5 * 2 * 8);
	pmemgo_magic(at, "PMGORADX");
	pmemgo_check(pmemgo_type(off) == TYPE, "the type number of a map", pmemgo_type(off));
	t.name = name;
	t.slot_size = pmemgo_u32(at + 12);
	pmemgo_check(t.slot_size % 8 == 0, "the size of a slot", t.slot_size);
	pmemgo_check(pmemgo_u32(at + 16) == SLOTS, "slots", pmemgo_u32(at + 16));
	t.value_size = pmemgo_u32(at + 20);
	pmemgo_zeros("a map", at + 24, 5 * 8);
	uint64_t top = pmemgo_u64(at + 64);
	if (top != 0)
		node(&t, top & ~15ull, top & 15, none, none);
	pmemgo_check(pmemgo_u64(at + 72) == 0, "a tree that is not freed yet", pmemgo_u64(at + 72));
	pmemgo_zeros("a map", at + 80, 6 * 8);
	for (int i = 0; i < 5 * 2; i++)
		chain(pmemgo_u64(at + 128 + 8 * i));
}
