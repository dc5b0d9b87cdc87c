/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PMEMobjpool *pool;

void
pmemgo_open(const char *path, const char *layout)
{
	pool = pmemobj_open(path, layout);
	if (pool == NULL) {
		fprintf(stderr, "%s: %s\n", path, pmemobj_errormsg());
		exit(1);
	}
}

void
pmemgo_close(void)
{
	pmemobj_close(pool);
}

static PMEMoid
oid_of(uint64_t off)
{
	PMEMoid oid = pmemobj_oid(pool);
	oid.off = off;
	return oid;
}

const unsigned char *
pmemgo_at(uint64_t off, uint64_t bytes)
{
	PMEMoid oid = oid_of(off);
	pmemgo_check(off != 0, "an offset", off);
	pmemgo_check(pmemobj_alloc_usable_size(oid) >= bytes, "the size of the object at", off);
	return pmemobj_direct(oid);
}

uint64_t
pmemgo_type(uint64_t off)
{
	return pmemobj_type_num(oid_of(off));
}

const unsigned char *
pmemgo_root(uint64_t bytes)
{
	pmemgo_check(pmemobj_root_size(pool) >= bytes, "the size of the root", pmemobj_root_size(pool));
	return pmemobj_direct(pmemobj_root(pool, 0));
}

uint32_t
pmemgo_u32(const unsigned char *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t
pmemgo_u64(const unsigned char *at)
{
	return pmemgo_u32(at) | (uint64_t)pmemgo_u32(at + 4) << 32;
}

void
pmemgo_zeros(const char *what, const unsigned char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pmemgo_check(at[i] == 0, what, i);
}

void
pmemgo_magic(const unsigned char *at, const char *magic)
{
	pmemgo_check(memcmp(at, magic, 8) == 0, magic, pmemgo_u64(at));
	pmemgo_check(pmemgo_u32(at + 8) == 1, "a version", pmemgo_u32(at + 8));
}

void
pmemgo_check(int ok, const char *what, uint64_t number)
{
	if (ok)
		return;
	fprintf(stderr, "not as documented: %s: %#llx\n", what, (unsigned long long)number);
	exit(2);
}

void
pmemgo_hex(const unsigned char *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", at[i]);
}

uint32_t
pmemgo_crc32c(const unsigned char *at, size_t n)
{
	uint32_t crc = ~0u;
	for (size_t i = 0; i < n; i++) {
		crc ^= at[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}
