/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * recorder.c -- a sink that also sees stores. The watched mapping is read-only
 * to the processor. A store faults; the handler opens the page and lets the
 * thread make this one step; then the page is closed and compared with a copy.
 * A row of stores by one instruction, a copy, is not followed that closely:
 * its page stays open until the next event.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "recorder.h"
#include "stack.h"

#define PAGE 4096
#define LINES_PER_PAGE (PAGE / PMEMGO_LINE)

/* Address space, not memory: what is not written is not there. */
#define LOG_SIZE ((size_t)4 << 30)
#define STACKS (1 << 16)

/* So many steps of one instruction in one page are followed. */
#define STEPS 4

struct writer {
	int32_t thread; /* 0: the page is closed */
	int32_t stack;
	bool listed; /* in rec.open */
};

static struct recorder {
	struct pmemgo_sink sink;
	int range;
	char *base; /* of the watched mapping */
	size_t len; /* whole pages */
	const char *file; /* the same, never protected; if it is private, the mapping */
	char *first;      /* the file at the start */
	char *copy;       /* the file at the last event */

	struct writer *pages; /* one for each */
	uint32_t *open;       /* the pages that were opened since the last event */
	size_t nopen;

	char *log;
	size_t log_len;
	struct pmemgo_stack *stacks;
	uint32_t nstacks;
	uint32_t *interned; /* hash table of numbers of stacks; 0 is free */
	bool full;

	struct sigaction fault_before, step_before; /* signal handlers */
} rec;

/* The page that is open for the thread's next instruction, plus 1. */
static __thread size_t stepping;

/* What the thread stores with, where, and how many steps it made so. */
static __thread struct {
	uintptr_t pc;
	size_t page;
	int steps;
} row;

/* Set while there is a recording: what the handler and notes look at. */
static atomic_bool recording;

static int32_t
thread_id(void)
{
	static __thread int32_t id;
	if (id == 0)
		id = (int32_t)syscall(SYS_gettid);
	return id;
}

/* intern -- the number of a stack */
static int32_t
intern(const struct pmemgo_stack *s)
{
	if (s->n == 0)
		return 0;
	uint64_t h = s->n;
	for (uint32_t i = 0; i < s->n; i++)
		h = (h ^ s->pc[i]) * 0x9E3779B97F4A7C15u;
	for (uint32_t i = (uint32_t)(h >> 40);; i++) {
		uint32_t *slot = &rec.interned[i % (2 * STACKS)];
		if (*slot == 0) {
			if (rec.nstacks == STACKS)
				return 0;
			*slot = rec.nstacks;
			rec.stacks[rec.nstacks] = *s;
			return (int32_t)rec.nstacks++;
		}
		const struct pmemgo_stack *o = &rec.stacks[*slot];
		if (o->n == s->n && memcmp(o->pc, s->pc, s->n * sizeof(s->pc[0])) == 0)
			return (int32_t)*slot;
	}
}

static void
append(const struct pmemgo_record *r, const void *line)
{
	size_t n = sizeof(*r) + (line != NULL ? PMEMGO_LINE : 0);
	if (rec.log_len + n > LOG_SIZE) {
		rec.full = true;
		return;
	}
	memcpy(rec.log + rec.log_len, r, sizeof(*r));
	if (line != NULL)
		memcpy(rec.log + rec.log_len + sizeof(*r), line, PMEMGO_LINE);
	rec.log_len += n;
}

/* compare_line -- record what was stored to the line at off */
static void
compare_line(size_t off, const struct writer *w)
{
	const uint64_t *is = (const uint64_t *)(rec.file + off);
	uint64_t *was = (uint64_t *)(rec.copy + off);
	unsigned words = 0;
	for (unsigned i = 0; i < PMEMGO_LINE / sizeof(*is); i++) {
		/* one load: somebody may be storing to it */
		uint64_t v = __atomic_load_n(&is[i], __ATOMIC_RELAXED);
		if (v != was[i]) {
			was[i] = v;
			words |= 1U << i;
		}
	}
	if (words == 0)
		return;
	struct pmemgo_record r = {
		.kind = PMEMGO_RECORD_STORE,
		.words = (uint8_t)words,
		.thread = w->thread,
		.stack = w->stack,
		.off = off,
		.len = PMEMGO_LINE,
	};
	append(&r, was);
}

/*
 * compare_page -- record what was stored to a page. It is closed first: a
 * store that comes later faults, and waits in the handler.
 */
static void
compare_page(size_t page)
{
	struct writer w = rec.pages[page];
	mprotect(rec.base + page * PAGE, PAGE, PROT_READ);
	rec.pages[page].thread = 0;
	for (size_t l = 0; l < LINES_PER_PAGE; l++)
		compare_line(page * PAGE + l * PMEMGO_LINE, &w);
}

/* look -- record all stores that were not yet */
static void
look(void)
{
	for (size_t i = 0; i < rec.nopen; i++) {
		size_t page = rec.open[i];
		rec.pages[page].listed = false;
		if (rec.pages[page].thread != 0)
			compare_page(page);
	}
	rec.nopen = 0;
}

/* record -- an event other than a store, in the range's critical section */
static void
record(int kind, uint64_t off, uint64_t len, int32_t worker, int64_t n)
{
	look();
	struct pmemgo_stack s;
	pmemgo_stack_here(&s);
	struct pmemgo_record r = {
		.kind = (uint8_t)kind,
		.thread = thread_id(),
		.stack = intern(&s),
		.worker = worker,
		.off = off,
		.len = len,
		.n = n,
	};
	append(&r, NULL);
}

static void
on_event(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	static const uint8_t kinds[] = {
		[PMEMGO_EVENT_FLUSH] = PMEMGO_RECORD_FLUSH,
		[PMEMGO_EVENT_DRAIN] = PMEMGO_RECORD_FENCE,
		[PMEMGO_EVENT_SYNC] = PMEMGO_RECORD_SYNC,
		[PMEMGO_EVENT_TX_BEGIN] = PMEMGO_RECORD_TX_BEGIN,
		[PMEMGO_EVENT_TX_END] = PMEMGO_RECORD_TX_END,
		[PMEMGO_EVENT_SNAPSHOT] = PMEMGO_RECORD_SNAPSHOT,
		[PMEMGO_EVENT_ALLOC] = PMEMGO_RECORD_ALLOC,
	};
	(void) self;
	if (e->kind == PMEMGO_EVENT_TX_END) {
		record(kinds[e->kind], 0, 0, 0, (int64_t)e->len);
		return;
	}
	record(kinds[e->kind], e->addr ? (uint64_t)(e->addr - rec.base) : 0, e->len, 0, 0);
}

#if defined(__x86_64__)
#define TRAP_FLAG 0x100

/*
 * step -- have a trap after the next instruction, unless that is one of a row.
 * Steps are counted when they are done: a fault may come again, after a signal.
 */
static bool
step(size_t page, ucontext_t *u)
{
	uintptr_t pc = (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
	if (row.pc != pc || row.page != page)
		row.steps = 0;
	row.pc = pc;
	row.page = page;
	if (row.steps >= STEPS)
		return false;
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	return true;
}

static void
stepped(ucontext_t *u)
{
	u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}
#else
static bool
step(size_t page, ucontext_t *u)
{
	(void) page;
	(void) u;
	return false;
}

static void
stepped(ucontext_t *u)
{
	(void) u;
}
#endif

/* open_page -- let the page at addr be written; whose fault it was is noted */
static void
open_page(const char *addr, ucontext_t *u)
{
	size_t page = (size_t)(addr - rec.base) / PAGE;
	struct pmemgo_stack s;
	pmemgo_stack_at(&s, u);
	pmemgo_range_lock(rec.range);
	stepped(u); /* it may have faulted in a step: a store to two pages, or one that look() was in the way of */
	stepping = 0;
	if (atomic_load(&recording)) {
		/* Open already: another thread was quicker, which is the writer then. */
		if (rec.pages[page].thread == 0) {
			rec.pages[page].thread = thread_id();
			rec.pages[page].stack = intern(&s);
			mprotect(rec.base + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
			/*
			 * Other threads may store to it as well, and flush that, before
			 * the step is over: the next event looks at it too.
			 */
			if (!rec.pages[page].listed) {
				rec.pages[page].listed = true;
				rec.open[rec.nopen++] = (uint32_t)page;
			}
			if (step(page, u))
				stepping = page + 1;
		}
	} /* else it is over: try again */
	pmemgo_range_unlock(rec.range);
}

static void
forward(const struct sigaction *to, int sig, siginfo_t *info, void *ucontext)
{
	if (to->sa_flags & SA_SIGINFO)
		to->sa_sigaction(sig, info, ucontext);
	else
		signal(sig, SIG_DFL); /* strikes again */
}

static void
on_fault(int sig, siginfo_t *info, void *ucontext)
{
	const char *addr = info->si_addr;
	if (!atomic_load(&recording) || info->si_code != SEGV_ACCERR ||
		addr < rec.base || addr >= rec.base + rec.len) {
		forward(&rec.fault_before, sig, info, ucontext);
		return;
	}
	int saved = errno;
	open_page(addr, ucontext);
	errno = saved;
}

static void
on_step(int sig, siginfo_t *info, void *ucontext)
{
	if (stepping == 0) {
		forward(&rec.step_before, sig, info, ucontext);
		return;
	}
	int saved = errno;
	size_t page = stepping - 1;
	stepping = 0;
	row.steps++;
	stepped(ucontext);
	pmemgo_range_lock(rec.range);
	if (atomic_load(&recording) && rec.pages[page].thread == thread_id())
		compare_page(page);
	pmemgo_range_unlock(rec.range);
	errno = saved;
}

/* catch -- handle a signal on the stack that Go has for signals */
static void
catch(int sig, void (*handler)(int, siginfo_t *, void *), struct sigaction *before)
{
	struct sigaction sa = { .sa_sigaction = handler };
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigfillset(&sa.sa_mask);
	sigaction(sig, &sa, before);
}

static void *
reserve(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void
release(const void *p, size_t len)
{
	if (p != NULL)
		munmap((void *)p, len);
}

void
pmemgo_record_free(void)
{
	size_t pages = rec.len / PAGE;
	if (rec.file != rec.base)
		release(rec.file, rec.len);
	release(rec.first, rec.len);
	release(rec.copy, rec.len);
	release(rec.pages, pages * sizeof(*rec.pages));
	release(rec.open, pages * sizeof(*rec.open));
	release(rec.log, LOG_SIZE);
	release(rec.stacks, STACKS * sizeof(*rec.stacks));
	release(rec.interned, 2 * STACKS * sizeof(*rec.interned));
	memset(&rec, 0, sizeof(rec));
}

static int
allocate(struct pmemgo_mapped m)
{
	rec.base = m.addr;
	size_t pages = (m.len + PAGE - 1) / PAGE;
	rec.len = pages * PAGE;
	void *file = m.addr; /* while it is recorded it can be read */
	if (m.fd >= 0) {
		file = mmap(NULL, rec.len, PROT_READ, MAP_SHARED, m.fd, 0);
		close(m.fd);
	}
	rec.file = file == MAP_FAILED ? NULL : file;
	rec.first = reserve(rec.len);
	rec.copy = reserve(rec.len);
	rec.pages = reserve(pages * sizeof(*rec.pages));
	rec.open = reserve(pages * sizeof(*rec.open));
	rec.log = reserve(LOG_SIZE);
	rec.stacks = reserve(STACKS * sizeof(*rec.stacks));
	rec.interned = reserve(2 * STACKS * sizeof(*rec.interned));
	rec.nstacks = 1; /* 0 is none */
	if (rec.file == NULL || rec.first == NULL || rec.copy == NULL ||
		rec.pages == NULL || rec.open == NULL || rec.log == NULL ||
		rec.stacks == NULL || rec.interned == NULL)
		return ENOMEM;
	return 0;
}

/* watch -- from now on faults are ours and events come in */
static int
watch(void)
{
	rec.sink.event = on_event;
	rec.sink.wants = PMEMGO_WANTS(PMEMGO_EVENT_FLUSH) | PMEMGO_WANTS(PMEMGO_EVENT_DRAIN) |
		PMEMGO_WANTS(PMEMGO_EVENT_SYNC) | PMEMGO_WANTS(PMEMGO_EVENT_TX_BEGIN) |
		PMEMGO_WANTS(PMEMGO_EVENT_TX_END) | PMEMGO_WANTS(PMEMGO_EVENT_SNAPSHOT) |
		PMEMGO_WANTS(PMEMGO_EVENT_ALLOC);
	int err = pmemgo_range_add(rec.base, rec.len, &rec.range);
	if (err != 0)
		return err;
	catch(SIGSEGV, on_fault, &rec.fault_before);
	catch(SIGTRAP, on_step, &rec.step_before);
	atomic_store(&recording, true);

	pmemgo_range_lock(rec.range);
	if (mprotect(rec.base, rec.len, PROT_READ) != 0)
		err = errno;
	memcpy(rec.copy, rec.file, rec.len);
	memcpy(rec.first, rec.copy, rec.len);
	pmemgo_range_unlock(rec.range);
	return err != 0 ? err : pmemgo_range_attach(rec.range, &rec.sink);
}

static void
unwatch(void)
{
	pmemgo_range_detach(rec.range, &rec.sink);
	pmemgo_range_lock(rec.range);
	look();
	mprotect(rec.base, rec.len, PROT_READ | PROT_WRITE);
	atomic_store(&recording, false);
	pmemgo_range_unlock(rec.range);
	sigaction(SIGSEGV, &rec.fault_before, NULL);
	sigaction(SIGTRAP, &rec.step_before, NULL);
	pmemgo_range_remove(rec.range);
}

int
pmemgo_record_start(struct pmemgo_mapped m)
{
	int err = allocate(m);
	if (err == 0 && (err = watch()) != 0)
		unwatch();
	if (err != 0)
		pmemgo_record_free();
	return err;
}

int
pmemgo_record_stop(struct pmemgo_recording *got)
{
	unwatch();
	*got = (struct pmemgo_recording){
		.base = rec.first,
		.log = rec.log,
		.log_len = rec.log_len,
		.stacks = rec.stacks,
		.nstacks = rec.nstacks,
	};
	return rec.full ? ENOSPC : 0;
}

void
pmemgo_record_note(int kind, int32_t worker, int64_t n)
{
	if (!atomic_load(&recording))
		return;
	pmemgo_range_lock(rec.range);
	if (atomic_load(&recording))
		record(kind, 0, 0, worker, n);
	pmemgo_range_unlock(rec.range);
}
