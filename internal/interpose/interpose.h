/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_INTERPOSE_H
#define PMEMGO_INTERPOSE_H

/*
 * What pmem_is_pmem answers on the calling thread: ASK lets libpmem decide,
 * the others decide for it. libpmemobj asks once for each replica while it
 * maps a pool, on the thread that opens it.
 */
enum pmemgo_is_pmem {
	PMEMGO_IS_PMEM_ASK,
	PMEMGO_IS_PMEM_NO,
	PMEMGO_IS_PMEM_YES,
};

void pmemgo_answer_is_pmem(enum pmemgo_is_pmem answer);

#endif
