/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_RANGES_H
#define PMEMGO_RANGES_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sinks.h"

/* How many ranges there are: what wrapped functions look at first. */
extern atomic_int pmemgo_watched;

static inline bool
pmemgo_watching(void)
{
	return atomic_load_explicit(&pmemgo_watched, memory_order_relaxed) != 0;
}

/*
 * pmemgo_tell -- deliver an event to the range that has addr. Returns false if
 * none has: then the real function has to do its work.
 */
bool pmemgo_tell(enum pmemgo_event_kind kind, const void *addr, size_t len);

/* pmemgo_tell_flush -- the same for a flush, and a drain in the same section */
bool pmemgo_tell_flush(const void *addr, size_t len, bool drain);

/* pmemgo_tell_all -- deliver to all ranges */
void pmemgo_tell_all(enum pmemgo_event_kind kind, size_t len);

/* pmemgo_is_watched -- whether some range has addr */
bool pmemgo_is_watched(const void *addr);

/* pmemgo_is_private -- whether addr is in a range whose mappings are private */
bool pmemgo_is_private(const void *addr);

/* pmemgo_range_private -- make all that will be mapped in a range private */
void pmemgo_range_private(int range);

/* pmemgo_unmapped -- remove the range that begins at addr, if there is one */
void pmemgo_unmapped(const void *addr);

#endif
