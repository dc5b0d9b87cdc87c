/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture.h"

/* The pool's header is not PMDK's to change while there is a journal. */
#define HEADER 4096

struct pmemgo_capture {
	struct pmemgo_sink sink; /* first */
	uint64_t appended; /* atomic */
	atomic_bool poisoned;
	int event_fd;
	int range; /* -1: none */
	const char *base;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t room;
	bool waiting; /* for room: one thread at most, it has the range's lock */
	bool taken;   /* the batch that is not active */
	bool told;    /* that the active one is half full */
	struct pmemgo_batch *active;
	struct pmemgo_batch batches[2];
	uint64_t capacity; /* lines of a batch */

	/*
	 * Where the active batch has a line: the number of the batch, and the
	 * index. Slots of batches before are free.
	 */
	uint64_t *slots;
	unsigned shift; /* there are 2^(64 - shift) */
	uint32_t number;
};

static void
tell(struct pmemgo_capture *c)
{
	int saved = errno; /* PMDK's caller may be looking at it */
	uint64_t one = 1;
	/* It fails if nobody has looked for very long: then it is readable. */
	ssize_t n = write(c->event_fd, &one, sizeof(one));
	(void) n;
	errno = saved;
}

/* slot_of -- the slot that has a line, or is to have it */
static uint64_t *
slot_of(struct pmemgo_capture *c, uint64_t line)
{
	uint64_t mask = UINT64_MAX >> c->shift;
	uint64_t i = line * 0x9E3779B97F4A7C15u >> c->shift;
	for (;; i = (i + 1) & mask) {
		uint64_t s = c->slots[i];
		if (s >> 32 != c->number || c->active->keys[(uint32_t)s] >> 8 == line)
			return &c->slots[i];
	}
}

/*
 * index_of -- where the active batch has a line. It may have to wait for room,
 * which needs nothing that this thread's caller may hold but the range's lock.
 * -1 if poisoned.
 */
static int64_t
index_of(struct pmemgo_capture *c, uint64_t line)
{
	uint64_t *s = slot_of(c, line);
	if (*s >> 32 == c->number)
		return (uint32_t)*s;
	while (c->active->count == c->capacity) {
		tell(c);
		c->waiting = true;
		pthread_cond_wait(&c->room, &c->lock);
		c->waiting = false;
		if (atomic_load_explicit(&c->poisoned, memory_order_relaxed))
			return -1;
		s = slot_of(c, line);
	}
	uint64_t i = c->active->count++;
	c->active->keys[i] = line << 8 | 0xff;
	*s = (uint64_t)c->number << 32 | i;
	if (c->active->count >= c->capacity / 2 && !c->told) {
		c->told = true;
		tell(c);
	}
	return (int64_t)i;
}

/* copy -- a line, each word at once: others may be storing */
static void
copy(unsigned char *to, const char *from)
{
	uint64_t *t = (uint64_t *)(void *)to;
	const uint64_t *f = (const uint64_t *)(const void *)from;
	for (size_t i = 0; i < PMEMGO_LINE / sizeof(*t); i++)
		t[i] = __atomic_load_n(&f[i], __ATOMIC_RELAXED);
}

/* put -- put the lines from off to end into batches */
static bool
put(struct pmemgo_capture *c, uint64_t off, uint64_t end)
{
	for (; off < end; off += PMEMGO_LINE) {
		int64_t i = index_of(c, off / PMEMGO_LINE);
		if (i < 0)
			return false;
		copy(c->active->data + i * PMEMGO_LINE, c->base + off);
	}
	return true;
}

/*
 * own_header -- begin with a mapping. The file's header will be marked; this
 * process is not to see that, and so has a copy of it from now on.
 */
static void
own_header(struct pmemgo_capture *c, const char *base)
{
	c->base = base;
	(void) __atomic_fetch_or((char *)(uintptr_t)base, 0, __ATOMIC_RELAXED);
}

static void
on_event(struct pmemgo_sink *self, const struct pmemgo_event *e)
{
	struct pmemgo_capture *c = (struct pmemgo_capture *)self;
	if (e->kind == PMEMGO_EVENT_IS_PMEM) { /* before there is anything to flush */
		if (c->base == NULL)
			own_header(c, e->addr);
		return;
	}
	if (atomic_load_explicit(&c->poisoned, memory_order_relaxed))
		return;
	/*
	 * Whole lines, because that is what a processor flushes, and what
	 * programs rely on: what they stored to a line before is durable with it.
	 */
	uint64_t off = (uint64_t)(e->addr - c->base);
	uint64_t end = (off + e->len + PMEMGO_LINE - 1) & ~(uint64_t)(PMEMGO_LINE - 1);
	off &= ~(uint64_t)(PMEMGO_LINE - 1);
	if (off < HEADER)
		off = HEADER;
	if (e->len == 0 || off >= end)
		return;
	pthread_mutex_lock(&c->lock);
	/* Counted while its last line is in the active batch for certain. */
	if (put(c, off, end))
		__atomic_store_n(&c->appended, c->appended + 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&c->lock);
}

static bool
allocate(struct pmemgo_capture *c, uint32_t lines)
{
	unsigned bits = 1; /* twice as many slots as lines, or more */
	while ((uint64_t)1 << bits < (uint64_t)lines * 2)
		bits++;
	c->shift = 64 - bits;
	c->slots = calloc((size_t)1 << bits, sizeof(*c->slots));
	bool ok = c->slots != NULL;
	for (int i = 0; i < 2; i++) {
		void *data = NULL;
		c->batches[i].keys = malloc(lines * sizeof(uint64_t));
		if (posix_memalign(&data, PMEMGO_LINE, (size_t)lines * PMEMGO_LINE) != 0)
			data = NULL;
		c->batches[i].data = data;
		ok = ok && c->batches[i].keys != NULL && data != NULL;
	}
	return ok;
}

struct pmemgo_capture *
pmemgo_capture_new(uint32_t lines, int event_fd)
{
	struct pmemgo_capture *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->sink.wants = PMEMGO_WANTS(PMEMGO_EVENT_IS_PMEM) |
		PMEMGO_WANTS(PMEMGO_EVENT_FLUSH) | PMEMGO_WANTS(PMEMGO_EVENT_SYNC);
	c->sink.event = on_event;
	c->event_fd = event_fd;
	c->range = -1;
	c->capacity = lines;
	c->number = 1;
	c->active = &c->batches[0];
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->room, NULL);
	if (!allocate(c, lines)) {
		pmemgo_capture_free(c);
		return NULL;
	}
	return c;
}

void
pmemgo_capture_free(struct pmemgo_capture *c)
{
	/* Whoever waits has the range's lock, which detaching waits for. */
	pmemgo_capture_poison(c);
	if (c->range >= 0) {
		pmemgo_range_detach(c->range, &c->sink);
		pmemgo_range_remove(c->range);
	}
	for (int i = 0; i < 2; i++) {
		free(c->batches[i].keys);
		free(c->batches[i].data);
	}
	free(c->slots);
	pthread_cond_destroy(&c->room);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

uint64_t *
pmemgo_capture_appended(struct pmemgo_capture *c)
{
	return &c->appended;
}

void
pmemgo_capture_arm(struct pmemgo_capture *c, uint64_t span)
{
	pmemgo_arm_sink(&c->sink, span);
}

int
pmemgo_capture_disarm(struct pmemgo_capture *c, const char **addr)
{
	struct pmemgo_captured got = pmemgo_disarm_sink();
	*addr = got.addr;
	if (got.addr != NULL && got.err == 0)
		c->range = got.range;
	return got.err;
}

int
pmemgo_capture_take(struct pmemgo_capture *c, struct pmemgo_batch *taken)
{
	int err = 0;
	pthread_mutex_lock(&c->lock);
	if (c->taken)
		err = EBUSY;
	else if (c->active->count == 0 || atomic_load(&c->poisoned))
		err = EAGAIN;
	if (err == 0) {
		c->active->lsn = c->appended;
		*taken = *c->active;
		c->active = &c->batches[c->active == &c->batches[0]];
		c->taken = true;
		c->told = false;
		if (++c->number == 0) { /* slots of the batch with that number may be left */
			memset(c->slots, 0, sizeof(*c->slots) << (64 - c->shift));
			c->number = 1;
		}
		if (c->waiting)
			pthread_cond_signal(&c->room);
	}
	pthread_mutex_unlock(&c->lock);
	return err;
}

void
pmemgo_capture_give(struct pmemgo_capture *c)
{
	pthread_mutex_lock(&c->lock);
	c->batches[c->active == &c->batches[0]].count = 0;
	c->taken = false;
	pthread_mutex_unlock(&c->lock);
}

void
pmemgo_capture_poison(struct pmemgo_capture *c)
{
	pthread_mutex_lock(&c->lock);
	atomic_store(&c->poisoned, true);
	if (c->waiting)
		pthread_cond_signal(&c->room);
	pthread_mutex_unlock(&c->lock);
}
