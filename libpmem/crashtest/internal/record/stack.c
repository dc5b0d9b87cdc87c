/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * stack.c -- which Go code led here. C has unwind tables but, as compiled, no
 * frame pointers; Go has frame pointers but no unwind tables. Where C begins,
 * the tables end and the frame pointer is that of the Go caller.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>
#include <unwind.h>

#include "stack.h"

#if defined(__x86_64__)

#define FRAME_POINTER 6 /* the number of rbp in unwind tables */

/* No C stack is that deep inside PMDK. */
#define C_FRAMES 64

/*
 * Goroutines have their stacks in Go's heap, threads further up: the first
 * begins at 0xc000000000, the second lie below the top of the address space.
 */
static bool
on_goroutine(uintptr_t sp)
{
	return sp >= 0xc000000000 && sp < 0x7e0000000000 && sp % sizeof(void *) == 0;
}

static void
push(struct pmemgo_stack *s, uintptr_t pc)
{
	if (s->n < PMEMGO_FRAMES)
		s->pc[s->n++] = pc;
}

/* walk_go -- follow the frame pointers of a goroutine that is standing still */
static void
walk_go(struct pmemgo_stack *s, uintptr_t fp)
{
	while (on_goroutine(fp) && s->n < PMEMGO_FRAMES) {
		const uintptr_t *frame = (const uintptr_t *)fp;
		if (frame[1] == 0)
			return;
		push(s, frame[1]);
		if (frame[0] <= fp)
			return;
		fp = frame[0];
	}
}

struct walk {
	uintptr_t fp;
	int n;
};

static _Unwind_Reason_Code
step(struct _Unwind_Context *c, void *arg)
{
	struct walk *w = arg;
	w->fp = _Unwind_GetGR(c, FRAME_POINTER);
	return ++w->n < C_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static void
walk_c(struct pmemgo_stack *s)
{
	struct walk w = { 0 };
	(void) _Unwind_Backtrace(step, &w);
	walk_go(s, w.fp);
}

void
pmemgo_stack_here(struct pmemgo_stack *s)
{
	s->n = 0;
	walk_c(s);
}

void
pmemgo_stack_at(struct pmemgo_stack *s, void *ucontext)
{
	const greg_t *reg = ((const ucontext_t *)ucontext)->uc_mcontext.gregs;
	s->n = 0;
	push(s, (uintptr_t)reg[REG_RIP]);
	uintptr_t sp = (uintptr_t)reg[REG_RSP];
	if (!on_goroutine(sp)) {
		push(s, 0);
		walk_c(s);
		return;
	}
	/*
	 * A function without a frame has its return address on top of the stack;
	 * with one it is some value. Go knows which.
	 */
	push(s, *(const uintptr_t *)sp);
	walk_go(s, (uintptr_t)reg[REG_RBP]);
}

#else

void
pmemgo_stack_here(struct pmemgo_stack *s)
{
	s->n = 0;
}

void
pmemgo_stack_at(struct pmemgo_stack *s, void *ucontext)
{
	(void) ucontext;
	s->n = 0;
}

#endif
