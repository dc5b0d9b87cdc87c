/* SPDX-License-Identifier: BSD-3-Clause */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>
#include <string.h>

struct map {
	uint32_t kind;
	uint64_t seed[2];
	uint32_t key_size, value_size; /* of kind 1 */
	uint32_t slot_size, slots;
	uint64_t depth;
	const unsigned char *entries;
};

/* item is a key and its value. */
struct item {
	const unsigned char *key, *value;
	uint64_t key_len, value_len;
	uint64_t hash;
};

static uint64_t
up8(uint64_t n)
{
	return (n + 7) / 8 * 8;
}

static uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static uint64_t
hash_of(const struct map *m, const unsigned char *key, uint64_t n)
{
	uint64_t s0 = m->seed[0], s1 = m->seed[1];
	uint64_t x = n * 0xa0761d6478bd642f;
	for (; n > 8; n -= 8, key += 8) {
		unsigned __int128 product = (unsigned __int128)(x ^ s1 ^ 0xa0761d6478bd642f) * (pmemgo_u64(key) ^ s0);
		uint64_t hi = product >> 64, lo = (uint64_t)product;
		x = x ^ hi ^ rotl(lo, 32);
	}
	uint64_t last = 0;
	for (uint64_t i = 0; i < n; i++)
		last |= (uint64_t)key[i] << 8 * i;
	x = x ^ last ^ s0;
	x = x ^ rotl(x, 49) ^ rotl(x, 24);
	x = (x * 0x9fb21c651e98df25) ^ s1;
	x = x ^ ((x >> 35) + 8);
	x = x * 0x9fb21c651e98df25;
	return x ^ (x >> 28);
}

static struct map
open_map(uint64_t off, uint32_t kind)
{
	struct map m;
	const unsigned char *at = pmemgo_at(off, 128);
	pmemgo_magic(at, "PMGOHMAP");
	m.kind = pmemgo_u32(at + 12);
	pmemgo_check(m.kind == kind, "the kind of a map", m.kind);
	m.seed[0] = pmemgo_u64(at + 16);
	m.seed[1] = pmemgo_u64(at + 24);
	m.key_size = pmemgo_u32(at + 32);
	m.value_size = pmemgo_u32(at + 36);
	m.slot_size = pmemgo_u32(at + 40);
	m.slots = pmemgo_u32(at + 44);
	pmemgo_zeros("a map", at + 64, 64);
	pmemgo_check(m.slot_size % 8 == 0, "the size of a slot", m.slot_size);
	pmemgo_check(m.slots <= 56, "slots", m.slots);
	uint64_t dir = pmemgo_u64(at + 48);
	m.depth = pmemgo_u64(pmemgo_at(dir, 8));
	m.entries = pmemgo_at(dir, 8 + (8ull << m.depth)) + 8;
	return m;
}

/* page_of is the page that an entry of the directory names. */
static const unsigned char *
page_of(const struct map *m, uint64_t entry)
{
	uint64_t off = entry & ~63ull;
	const unsigned char *page = pmemgo_at(off, 64 + (uint64_t)m->slots * m->slot_size);
	pmemgo_check(off % 64 == 0, "the place of a page", off);
	pmemgo_check(pmemgo_u64(page) >> 56 == 0, "the bits of a page", pmemgo_u64(page));
	return page;
}

static const unsigned char *
slot_of(const struct map *m, const unsigned char *page, uint32_t i)
{
	return page + 64 + (uint64_t)i * m->slot_size;
}

/* read_slot reads a slot in use. */
static struct item
read_slot(const struct map *m, const unsigned char *slot)
{
	struct item it;
	int outside = 0;
	if (m->kind == 1) {
		it.key = slot;
		it.key_len = m->key_size;
		it.value = slot + up8(it.key_len);
		it.value_len = m->value_size;
		it.hash = hash_of(m, it.key, it.key_len);
	} else {
		uint64_t lengths = pmemgo_u64(slot + 8);
		it.hash = pmemgo_u64(slot);
		it.key_len = lengths & 0x7fffffff;
		it.value_len = lengths >> 31 & 0x7fffffff;
		outside = lengths >> 63 != 0;
		if (outside)
			it.key = pmemgo_at(pmemgo_u64(slot + 16), up8(it.key_len) + it.value_len);
		else
			it.key = slot + 16;
		it.value = it.key + up8(it.key_len);
		pmemgo_check(it.hash == hash_of(m, it.key, it.key_len), "the hash of a key", it.hash);
	}
	pmemgo_zeros("what follows a key", it.key + it.key_len, up8(it.key_len) - it.key_len);
	if (!outside)
		pmemgo_zeros("what follows a value", it.value + it.value_len, up8(it.value_len) - it.value_len);
	return it;
}

/* find looks for a key the way that leads to it. */
static const unsigned char *
find(const struct map *m, const struct item *it)
{
	uint64_t hash = hash_of(m, it->key, it->key_len);
	uint64_t i = m->depth == 0 ? 0 : hash >> (64 - m->depth);
	const unsigned char *page = page_of(m, pmemgo_u64(m->entries + 8 * i));
	for (uint32_t s = 0; s < m->slots; s++) {
		if ((pmemgo_u64(page) >> s & 1) == 0 || page[8 + s] != (hash & 0xff))
			continue;
		struct item other = read_slot(m, slot_of(m, page, s));
		if (other.key_len == it->key_len && memcmp(other.key, it->key, it->key_len) == 0)
			return slot_of(m, page, s);
	}
	return NULL;
}

static void
print(const char *name, uint64_t off, uint32_t kind)
{
	struct map m = open_map(off, kind);
	for (uint64_t i = 0; i < 1ull << m.depth;) {
		uint64_t entry = pmemgo_u64(m.entries + 8 * i);
		uint64_t depth = entry & 63;
		pmemgo_check(depth <= m.depth, "the depth of a page", depth);
		const unsigned char *page = page_of(&m, entry);
		for (uint32_t s = 0; s < m.slots; s++) {
			if ((pmemgo_u64(page) >> s & 1) == 0)
				continue;
			const unsigned char *slot = slot_of(&m, page, s);
			struct item it = read_slot(&m, slot);
			pmemgo_check(find(&m, &it) == slot, "the way to a slot", it.hash);
			printf("%s\tkey\t", name);
			pmemgo_hex(it.key, it.key_len);
			printf("\t");
			pmemgo_hex(it.value, it.value_len);
			printf("\n");
		}
		/* All entries with the same first bits name the page. */
		uint64_t same = 1ull << (m.depth - depth);
		pmemgo_check(i % same == 0, "the first entry of a page", i);
		for (uint64_t end = i + same; i < end; i++)
			pmemgo_check(pmemgo_u64(m.entries + 8 * i) == entry, "an entry", i);
	}
}

void
pmemgo_map(const char *name, uint64_t off)
{
	print(name, off, 1);
}

void
pmemgo_bytes(const char *name, uint64_t off)
{
	print(name, off, 2);
}
