/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PMEMGO_STACK_H
#define PMEMGO_STACK_H

#include "recorder.h"

/* pmemgo_stack_here -- the Go functions that led into C on this thread */
void pmemgo_stack_here(struct pmemgo_stack *s);

/* pmemgo_stack_at -- the same for the place where a signal struck */
void pmemgo_stack_at(struct pmemgo_stack *s, void *ucontext);

#endif
