/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * baseline.h -- the same work as in internal/benchratio, in C. Every function
 * repeats its operation n times. Addresses point into open pools, from which
 * the pool is found once.
 */
#ifndef PMEMGO_BASELINE_H
#define PMEMGO_BASELINE_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemobj.h>

/* Transactions */
void pmemgo_base_tx_word(uint64_t *word, size_t n);
void pmemgo_base_tx_block(uint64_t *block, size_t n);
void pmemgo_base_tx_blocks(uint64_t *blocks, size_t stride, size_t count,
	size_t n);
void pmemgo_base_tx_words(uint64_t *const *words, size_t count, size_t n);

/* A new node of 64 bytes at the head of a list of PMEMoids, or of offsets */
void pmemgo_base_tx_push(PMEMoid *head, size_t n);
void pmemgo_base_tx_push_off(uint64_t *head, size_t n);

/* An object allocated into and freed from *slot, which lies in a pool */
void pmemgo_base_alloc_free(PMEMoid *slot, size_t size, size_t n);

/* libpmem: a store to the first word, and 64 bytes made durable */
void pmemgo_base_persist(uint64_t *words, size_t n);
void pmemgo_base_memcpy_persist(char *dst, uint64_t *src, size_t len,
	size_t n);

/* The sum of the values of a list, once for every round */
uint64_t pmemgo_base_walk(PMEMoid head, size_t n);

#endif
