/* SPDX-License-Identifier: BSD-3-Clause */

/* One function for each kind of container: it prints what is in the object. */
#ifndef PMEMGO_KINDS_H
#define PMEMGO_KINDS_H

#include <stdint.h>

void pmemgo_map(const char *name, uint64_t off);
void pmemgo_bytes(const char *name, uint64_t off);
void pmemgo_vector(const char *name, uint64_t off);
void pmemgo_log(const char *name, uint64_t off);
void pmemgo_queue(const char *name, uint64_t off);
void pmemgo_counter(const char *name, uint64_t off);
void pmemgo_radix(const char *name, uint64_t off);

#endif
