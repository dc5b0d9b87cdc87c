/* SPDX-License-Identifier: BSD-3-Clause */

/* list.h -- libpmemobj's atomic lists; see baseline.h. */
#ifndef PMEMGO_BASELINE_LIST_H
#define PMEMGO_BASELINE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include <libpmemobj.h>

/*
 * The object is made the first element of the list at head, a POBJ_LIST_HEAD,
 * and removed again. head lies in a pool.
 */
void pmemgo_base_list_insert(char *head, PMEMoid object, size_t n);

#endif
