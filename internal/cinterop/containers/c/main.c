/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * containers FILE LAYOUT prints all that is in the containers of a pool, as
 * the documentation of the packages says that it lies there.
 */
#include "kinds.h"
#include "pool.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	void (*print)(const char *name, uint64_t off);
} kinds[] = {
	{"hashmap.Map", pmemgo_map},
	{"hashmap.Bytes", pmemgo_bytes},
	{"vector.Vector", pmemgo_vector},
	{"ring.Log", pmemgo_log},
	{"ring.Queue", pmemgo_queue},
	{"counter.Sharded", pmemgo_counter},
	{"radix.Map", pmemgo_radix},
	{"radix.Of", pmemgo_radix},
};

/* text copies a name, which is followed by zeros. */
static void
text(char *dst, const unsigned char *at, size_t n, size_t room)
{
	pmemgo_check(n <= room, "the length of a name", n);
	memcpy(dst, at, n);
	dst[n] = 0;
	pmemgo_zeros("what follows a name", at + n, room - n);
}

/* entry prints an entry of the directory and its container. */
static void
entry(const unsigned char *at)
{
	char name[65], kind[33], types[65];
	uint64_t off = pmemgo_u64(at);
	if (off == 0)
		return;
	text(name, at + 32, at[20], 64);
	text(kind, at + 96, at[21], 32);
	text(types, at + 128, at[22], 64);
	pmemgo_zeros("an entry", at + 23, 9);
	printf("%s\tis\t%s\t%u\t%llx\t%s\n", name, kind, pmemgo_u32(at + 16), (unsigned long long)pmemgo_u64(at + 8), types);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, kind) == 0)
			kinds[i].print(name, off);
}

int
main(int argc, char *argv[])
{
	if (argc != 3) {
		fprintf(stderr, "usage: %s FILE LAYOUT\n", argv[0]);
		return 1;
	}
	pmemgo_open(argv[1], argv[2]);
	const unsigned char *root = pmemgo_root(64);
	pmemgo_magic(root, "PMGODIR1");
	pmemgo_zeros("the root", root + 12, 4);
	pmemgo_zeros("the root", root + 24, 5 * 8);
	for (uint64_t next = pmemgo_u64(root + 16); next != 0;) {
		const unsigned char *chunk = pmemgo_at(next, 64 + 20 * 192);
		pmemgo_check(memcmp(chunk, "PMGODIRC", 8) == 0, "a chunk", next);
		pmemgo_zeros("a chunk", chunk + 16, 6 * 8);
		for (int i = 0; i < 20; i++)
			entry(chunk + 64 + i * 192);
		next = pmemgo_u64(chunk + 8);
	}
	pmemgo_close();
	return 0;
}
