/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "baseline.h"

#define BLOCK_WORDS (64 / sizeof(uint64_t))

struct node;
struct off_node;
TOID_DECLARE(struct node, 1);
TOID_DECLARE(struct off_node, 2);

/* Mirrored by the node types of internal/benchratio. */
struct node {
	TOID(struct node) next;
	uint64_t value;
	uint64_t rest[5];
};

struct off_node {
	uint64_t next;
	uint64_t value;
	uint64_t rest[6];
};

static void
failed(const char *what)
{
	fprintf(stderr, "baseline: %s: %s\n", what, pmemobj_errormsg());
	abort();
}

static void
tx_word(PMEMobjpool *pop, uint64_t *word)
{
	TX_BEGIN(pop) {
		TX_ADD_DIRECT(word);
		(*word)++;
	} TX_ONABORT {
		failed("tx_word");
	} TX_END
}

void
pmemgo_base_tx_word(uint64_t *word, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(word);
	for (size_t i = 0; i < n; i++)
		tx_word(pop, word);
}

static void
tx_block(PMEMobjpool *pop, uint64_t *block)
{
	TX_BEGIN(pop) {
		pmemobj_tx_add_range_direct(block, 64);
		for (size_t i = 0; i < BLOCK_WORDS; i++)
			block[i]++;
	} TX_ONABORT {
		failed("tx_block");
	} TX_END
}

void
pmemgo_base_tx_block(uint64_t *block, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(block);
	for (size_t i = 0; i < n; i++)
		tx_block(pop, block);
}

static void
tx_blocks(PMEMobjpool *pop, uint64_t *blocks, size_t stride, size_t count)
{
	TX_BEGIN(pop) {
		for (size_t b = 0; b < count; b++) {
			uint64_t *block = blocks + b * stride;
			pmemobj_tx_add_range_direct(block, 64);
			for (size_t i = 0; i < BLOCK_WORDS; i++)
				block[i]++;
		}
	} TX_ONABORT {
		failed("tx_blocks");
	} TX_END
}

void
pmemgo_base_tx_blocks(uint64_t *blocks, size_t stride, size_t count, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(blocks);
	for (size_t i = 0; i < n; i++)
		tx_blocks(pop, blocks, stride, count);
}

static void
tx_words(PMEMobjpool *pop, uint64_t *const *words, size_t count)
{
	TX_BEGIN(pop) {
		for (size_t i = 0; i < count; i++) {
			TX_ADD_DIRECT(words[i]);
			(*words[i])++;
		}
	} TX_ONABORT {
		failed("tx_words");
	} TX_END
}

void
pmemgo_base_tx_words(uint64_t *const *words, size_t count, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(words[0]);
	for (size_t i = 0; i < n; i++)
		tx_words(pop, words, count);
}

static void
tx_push(PMEMobjpool *pop, PMEMoid *head, uint64_t value)
{
	TX_BEGIN(pop) {
		TOID(struct node) node = TX_NEW(struct node);
		*D_RW(node) = (struct node){.next = {*head}, .value = value};
		TX_ADD_DIRECT(head);
		*head = node.oid;
	} TX_ONABORT {
		failed("tx_push");
	} TX_END
}

void
pmemgo_base_tx_push(PMEMoid *head, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(head);
	for (size_t i = 0; i < n; i++)
		tx_push(pop, head, i);
}

static void
tx_push_off(PMEMobjpool *pop, uint64_t *head, uint64_t value)
{
	TX_BEGIN(pop) {
		TOID(struct off_node) node = TX_NEW(struct off_node);
		*D_RW(node) = (struct off_node){.next = *head, .value = value};
		TX_ADD_DIRECT(head);
		*head = node.oid.off;
	} TX_ONABORT {
		failed("tx_push_off");
	} TX_END
}

void
pmemgo_base_tx_push_off(uint64_t *head, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(head);
	for (size_t i = 0; i < n; i++)
		tx_push_off(pop, head, i);
}

void
pmemgo_base_alloc_free(PMEMoid *slot, size_t size, size_t n)
{
	PMEMobjpool *pop = pmemobj_pool_by_ptr(slot);
	for (size_t i = 0; i < n; i++) {
		if (pmemobj_alloc(pop, slot, size, 1, NULL, NULL) != 0)
			failed("alloc_free");
		pmemobj_free(slot);
	}
}

uint64_t
pmemgo_base_walk(PMEMoid head, size_t n)
{
	TOID(struct node) first = {head};
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		for (TOID(struct node) p = first; !TOID_IS_NULL(p);
				p = D_RO(p)->next)
			sum += D_RO(p)->value;
	}
	return sum;
}
