/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What reading the containers needs: the pool's memory, by offset.
 *
 * Structures are not used: the layouts are given in bytes, and so they are read.
 */
#ifndef PMEMGO_POOL_H
#define PMEMGO_POOL_H

#include <libpmemobj.h>
#include <stddef.h>
#include <stdint.h>

/* pmemgo_open opens the pool that all other functions read. */
void pmemgo_open(const char *path, const char *layout);
void pmemgo_close(void);

/* pmemgo_at is the memory of an object, which must have so many bytes. */
const unsigned char *pmemgo_at(uint64_t off, uint64_t bytes);

/* pmemgo_type is the type number of the object at an offset. */
uint64_t pmemgo_type(uint64_t off);

/* pmemgo_root is the root object, which must have so many bytes. */
const unsigned char *pmemgo_root(uint64_t bytes);

/* Numbers, little-endian. */
uint32_t pmemgo_u32(const unsigned char *at);
uint64_t pmemgo_u64(const unsigned char *at);

/* pmemgo_zeros ends the program unless all is zero. */
void pmemgo_zeros(const char *what, const unsigned char *at, size_t n);

/* pmemgo_magic ends the program unless the object begins so, with version 1. */
void pmemgo_magic(const unsigned char *at, const char *magic);

/* pmemgo_check ends the program with a message unless ok. */
void pmemgo_check(int ok, const char *what, uint64_t number);

/* pmemgo_hex prints bytes. */
void pmemgo_hex(const unsigned char *at, size_t n);

/* pmemgo_crc32c is the CRC-32C of bytes. */
uint32_t pmemgo_crc32c(const unsigned char *at, size_t n);

#endif
