/* SPDX-License-Identifier: BSD-3-Clause */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>

struct ring {
	const unsigned char *at;
	uint64_t capacity;
	uint64_t epoch, cut, position, sequence; /* of the slot that counts */
};

/* record is one of the ring. */
struct record {
	uint32_t state, size, follow;
	uint64_t epoch, sequence;
	const unsigned char *data;
};

#define HEADER 32u
#define NO_DATA 0xffffffffu

static struct ring
open_ring(uint64_t off, const char *magic)
{
	struct ring r = {0};
	uint64_t generation = 0;
	const unsigned char *at = pmemgo_at(off, 192);
	pmemgo_magic(at, magic);
	pmemgo_zeros("a ring", at + 12, 4);
	r.capacity = pmemgo_u64(at + 16);
	pmemgo_check(r.capacity % 8 == 0, "a capacity", r.capacity);
	pmemgo_zeros("a ring", at + 24, 5 * 8);
	r.at = pmemgo_at(off, 192 + r.capacity) + 192;
	int found = 0;
	for (const unsigned char *slot = at + 64; slot < at + 192; slot += 64) {
		if (pmemgo_u64(slot + 40) != (1ull << 32) + pmemgo_crc32c(slot, 40))
			continue;
		pmemgo_zeros("a slot", slot + 48, 16);
		if (found && pmemgo_u64(slot) < generation)
			continue;
		found = 1;
		generation = pmemgo_u64(slot);
		r.epoch = pmemgo_u64(slot + 8);
		r.cut = pmemgo_u64(slot + 16);
		r.position = pmemgo_u64(slot + 24);
		r.sequence = pmemgo_u64(slot + 32);
	}
	pmemgo_check(found, "the slots of a ring", off);
	return r;
}

/* read_record reads what lies at a position, if it is a record. */
static int
read_record(const struct ring *r, uint64_t position, struct record *rec)
{
	uint64_t in = position % r->capacity;
	const unsigned char *at = r->at + in;
	rec->state = pmemgo_u32(at + 4);
	rec->size = pmemgo_u32(at + 8);
	rec->follow = pmemgo_u32(at + 12);
	rec->epoch = pmemgo_u64(at + 16);
	rec->sequence = pmemgo_u64(at + 24);
	rec->data = at + HEADER;
	uint64_t data = rec->size == NO_DATA ? 0 : rec->size;
	if (data > r->capacity - in - HEADER)
		return 0;
	return pmemgo_u32(at) == pmemgo_crc32c(at + 8, HEADER - 8 + data);
}

/* next reads the record that has the sequence number, at or behind a position. */
static int
next(const struct ring *r, uint64_t *position, uint64_t sequence, uint64_t before, struct record *rec)
{
	for (;;) {
		uint64_t left = r->capacity - *position % r->capacity;
		if (left < HEADER) {
			*position += left;
			continue;
		}
		if (!read_record(r, *position, rec) || rec->sequence != sequence)
			return 0;
		if (rec->epoch < before || rec->epoch > r->epoch)
			return 0;
		if (sequence >= r->cut && rec->epoch != r->epoch)
			return 0;
		if (rec->size != NO_DATA) {
			*position += HEADER + ((uint64_t)rec->size + 7) / 8 * 8;
			return 1;
		}
		*position += left;
		before = rec->epoch;
	}
}

/* whole says whether the rest of a batch follows at a position. */
static int
whole(const struct ring *r, uint64_t position, struct record rec)
{
	while (rec.follow > 0) {
		uint32_t follow = rec.follow;
		if (!next(r, &position, rec.sequence + 1, rec.epoch, &rec) || rec.follow != follow - 1)
			return 0;
	}
	return 1;
}

static void
print(const char *name, const struct ring *r, const char *what)
{
	uint64_t position = r->position, sequence = r->sequence, epoch = 0;
	struct record rec;
	for (; next(r, &position, sequence, epoch, &rec); sequence++) {
		if (sequence >= r->cut && !whole(r, position, rec))
			break;
		epoch = rec.epoch;
		if (rec.state == 1)
			continue;
		printf("%s\t%s\t%llu\t", name, what, (unsigned long long)sequence);
		pmemgo_hex(rec.data, rec.size);
		printf("\n");
	}
	printf("%s\tnext\t%llu\n", name, (unsigned long long)sequence);
}

void
pmemgo_log(const char *name, uint64_t off)
{
	struct ring r = open_ring(off, "PMGOLOG1");
	print(name, &r, "record");
}

void
pmemgo_queue(const char *name, uint64_t off)
{
	struct ring r = open_ring(off, "PMGOQUE1");
	print(name, &r, "message");
}
