/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_INTERPOSE_H
#define PMEMGO_INTERPOSE_H

#include <stddef.h>

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

/*
 * Told of each question, if there is somebody who wants to know: a symbol can
 * be wrapped but once. To be set before there is a second thread.
 */
extern void (*pmemgo_is_pmem_hook)(const void *addr, size_t len);

#endif
