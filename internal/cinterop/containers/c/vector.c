/* SPDX-License-Identifier: BSD-3-Clause */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>

void
pmemgo_vector(const char *name, uint64_t off)
{
	const unsigned char *at = pmemgo_at(off, 128 + 48 * 8);
	pmemgo_magic(at, "PMGOVEC1");
	uint64_t size = pmemgo_u32(at + 12), first = pmemgo_u64(at + 16), type = pmemgo_u64(at + 24);
	pmemgo_zeros("a vector", at + 32, 4 * 8);
	uint64_t length = pmemgo_u64(at + 64);
	pmemgo_zeros("a vector", at + 72, 7 * 8);
	pmemgo_check(first != 0 && (first & (first - 1)) == 0, "elements in the first segment", first);

	/* begin is the index of a segment's first element. */
	int gap = 0;
	for (uint64_t k = 0, begin = 0; k < 48; k++) {
		uint64_t room = k == 0 ? first : first << (k - 1);
		uint64_t segment = pmemgo_u64(at + 128 + 8 * k);
		if (segment == 0) {
			gap = 1;
			pmemgo_check(begin >= length, "a segment that is missing", k);
			continue;
		}
		pmemgo_check(!gap, "a segment behind one that is missing", k);
		pmemgo_check(pmemgo_type(segment) == type, "the type number of a segment", pmemgo_type(segment));
		const unsigned char *elements = pmemgo_at(segment, room * size);
		for (uint64_t i = begin; i < begin + room && i < length; i++) {
			printf("%s\telement\t%llu\t", name, (unsigned long long)i);
			pmemgo_hex(elements + (i - begin) * size, size);
			printf("\n");
		}
		begin += room;
	}
	printf("%s\tlength\t%llu\n", name, (unsigned long long)length);
}
