/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>

#include "ranges.h"

/*
 * Slots are never freed, so that they can be searched without a lock; whoever
 * finds one looks again once it has the lock.
 */
struct range {
	pthread_mutex_t lock;
	_Atomic(const char *) addr;
	atomic_size_t len; /* 0: not in use */
	atomic_uint wants; /* of all sinks */
	atomic_bool private;
	int users; /* how often it was added */
	int times; /* how often the slot was used: makes handles unique */
	uint64_t seq;
	struct pmemgo_sink *sinks[PMEMGO_SINKS];
};

static struct range ranges[PMEMGO_RANGES] = {
	[0 ... PMEMGO_RANGES - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;
static atomic_int used; /* slots that were ever in use */
atomic_int pmemgo_watched;

/* A child process has copies of the mappings, but no say in the files. */
static void
forget_all(void)
{
	atomic_store(&pmemgo_watched, 0);
	atomic_store(&used, 0);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_all);
}

static bool
has(const struct range *r, const char *addr)
{
	const char *base = atomic_load_explicit(&r->addr, memory_order_relaxed);
	size_t len = atomic_load_explicit(&r->len, memory_order_acquire);
	return addr >= base && (size_t)(addr - base) < len;
}

static struct range *
find(const char *addr)
{
	int n = atomic_load_explicit(&used, memory_order_acquire);
	for (int i = 0; i < n; i++)
		if (has(&ranges[i], addr))
			return &ranges[i];
	return NULL;
}

bool
pmemgo_is_watched(const void *addr)
{
	return find(addr) != NULL;
}

bool
pmemgo_is_private(const void *addr)
{
	const struct range *r = find(addr);
	return r != NULL && atomic_load(&r->private);
}

static bool
wanted(const struct range *r, enum pmemgo_event_kind kind)
{
	return atomic_load_explicit(&r->wants, memory_order_relaxed) & PMEMGO_WANTS(kind);
}

/* deliver -- tell the sinks of a range that is locked */
static void
deliver(struct range *r, enum pmemgo_event_kind kind, const char *addr, size_t len)
{
	if (!wanted(r, kind))
		return;
	struct pmemgo_event e = { kind, ++r->seq, addr, len };
	for (int i = 0; i < PMEMGO_SINKS; i++) {
		struct pmemgo_sink *s = r->sinks[i];
		if (s != NULL && (s->wants & PMEMGO_WANTS(kind)))
			s->event(s, &e);
	}
}

/* clamp -- the part of len bytes at addr that lies in the range */
static size_t
clamp(const struct range *r, const char *addr, size_t len)
{
	size_t left = (size_t)(atomic_load(&r->addr) + atomic_load(&r->len) - addr);
	return len < left ? len : left;
}

bool
pmemgo_tell(enum pmemgo_event_kind kind, const void *addr, size_t len)
{
	struct range *r = find(addr);
	if (r == NULL)
		return false;
	if (!wanted(r, kind))
		return true;
	pthread_mutex_lock(&r->lock);
	bool there = has(r, addr);
	if (there)
		deliver(r, kind, addr, clamp(r, addr, len));
	pthread_mutex_unlock(&r->lock);
	return there;
}

bool
pmemgo_tell_flush(const void *addr, size_t len, bool drain)
{
	struct range *r = find(addr);
	if (r == NULL)
		return false;
	pthread_mutex_lock(&r->lock);
	bool there = has(r, addr);
	if (there) {
		deliver(r, PMEMGO_EVENT_FLUSH, addr, clamp(r, addr, len));
		if (drain)
			deliver(r, PMEMGO_EVENT_DRAIN, NULL, 0);
	}
	pthread_mutex_unlock(&r->lock);
	if (!there || !drain)
		return there;

	/* A fence is one for everything that the thread has flushed. */
	int n = atomic_load_explicit(&used, memory_order_acquire);
	for (int i = 0; i < n; i++) {
		struct range *o = &ranges[i];
		if (o == r || atomic_load(&o->len) == 0 || !wanted(o, PMEMGO_EVENT_DRAIN))
			continue;
		pthread_mutex_lock(&o->lock);
		deliver(o, PMEMGO_EVENT_DRAIN, NULL, 0);
		pthread_mutex_unlock(&o->lock);
	}
	return true;
}

void
pmemgo_tell_all(enum pmemgo_event_kind kind, size_t len)
{
	int n = atomic_load_explicit(&used, memory_order_acquire);
	for (int i = 0; i < n; i++) {
		struct range *r = &ranges[i];
		if (atomic_load(&r->len) == 0 || !wanted(r, kind))
			continue;
		pthread_mutex_lock(&r->lock);
		deliver(r, kind, NULL, len);
		pthread_mutex_unlock(&r->lock);
	}
}

/* A handle is a slot and which of its uses it is: the range may be gone. */
#define TIMES (1 << 24)

static int
handle(const struct range *r)
{
	return r->times * PMEMGO_RANGES + (int)(r - ranges);
}

static struct range *
of(int range)
{
	return &ranges[range % PMEMGO_RANGES];
}

/* is_there -- whether the range of a handle, whose slot is locked, still is */
static bool
is_there(const struct range *r, int range)
{
	return atomic_load(&r->len) != 0 && handle(r) == range;
}

/* join -- add to a range that has all of it already; EEXIST if it has some */
static int
join(struct range *r, const char *addr, size_t len, int *range)
{
	int err = ENOENT;
	pthread_mutex_lock(&r->lock);
	const char *base = atomic_load(&r->addr);
	size_t has = atomic_load(&r->len);
	if (has != 0 && addr < base + has && base < addr + len) {
		err = EEXIST;
		if (addr >= base && addr + len <= base + has) {
			r->users++;
			*range = handle(r);
			err = 0;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* begin -- use a slot for a range; ENOSPC if it is in use */
static int
begin(struct range *r, const char *addr, size_t len, int *range)
{
	int err = ENOSPC;
	pthread_mutex_lock(&r->lock);
	if (atomic_load(&r->len) == 0) {
		r->seq = 0;
		r->users = 1;
		r->times = (r->times + 1) % TIMES;
		atomic_store(&r->private, false);
		atomic_store(&r->addr, addr);
		atomic_store(&r->len, len);
		if (r - ranges >= atomic_load(&used))
			atomic_store(&used, (int)(r - ranges) + 1);
		atomic_fetch_add(&pmemgo_watched, 1);
		*range = handle(r);
		err = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return err;
}

int
pmemgo_range_add(const void *addr, size_t len, int *range)
{
	pthread_once(&once, watch_forks);
	int err = ENOENT;
	pthread_mutex_lock(&adding);
	for (int i = 0; i < PMEMGO_RANGES && err == ENOENT; i++)
		err = join(&ranges[i], addr, len, range);
	if (err == ENOENT) {
		err = ENOSPC;
		for (int i = 0; i < PMEMGO_RANGES && err == ENOSPC; i++)
			err = begin(&ranges[i], addr, len, range);
	}
	pthread_mutex_unlock(&adding);
	return err;
}

void
pmemgo_range_private(int range)
{
	struct range *r = of(range);
	pthread_mutex_lock(&r->lock);
	if (is_there(r, range))
		atomic_store(&r->private, true);
	pthread_mutex_unlock(&r->lock);
}

/* count_wants -- after the sinks of a range that is locked have changed */
static void
count_wants(struct range *r)
{
	unsigned wants = 0;
	for (int i = 0; i < PMEMGO_SINKS; i++)
		if (r->sinks[i] != NULL)
			wants |= r->sinks[i]->wants;
	atomic_store(&r->wants, wants);
}

/* replace -- put a sink where another, or none, is */
static int
replace(int range, struct pmemgo_sink *was, struct pmemgo_sink *is)
{
	struct range *r = of(range);
	pthread_mutex_lock(&r->lock);
	int err = is_there(r, range) ? ENOSPC : ENXIO;
	for (int i = 0; i < PMEMGO_SINKS && err == ENOSPC; i++) {
		if (r->sinks[i] == was) {
			r->sinks[i] = is;
			err = 0;
		}
	}
	count_wants(r);
	pthread_mutex_unlock(&r->lock);
	return err;
}

int
pmemgo_range_attach(int range, struct pmemgo_sink *sink)
{
	return replace(range, NULL, sink);
}

void
pmemgo_range_detach(int range, struct pmemgo_sink *sink)
{
	(void) replace(range, sink, NULL);
}

/* end -- free the slot of a range, which is locked */
static void
end(struct range *r)
{
	deliver(r, PMEMGO_EVENT_UNMAP, atomic_load(&r->addr), atomic_load(&r->len));
	atomic_store(&r->len, 0);
	for (int i = 0; i < PMEMGO_SINKS; i++)
		r->sinks[i] = NULL;
	count_wants(r);
	atomic_fetch_sub(&pmemgo_watched, 1);
}

void
pmemgo_range_remove(int range)
{
	struct range *r = of(range);
	pthread_mutex_lock(&r->lock);
	if (is_there(r, range) && --r->users == 0)
		end(r);
	pthread_mutex_unlock(&r->lock);
}

void
pmemgo_unmapped(const void *addr)
{
	struct range *r = find(addr);
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	if (has(r, addr) && atomic_load(&r->addr) == addr)
		end(r);
	pthread_mutex_unlock(&r->lock);
}

void
pmemgo_range_lock(int range)
{
	pthread_mutex_lock(&of(range)->lock);
}

uint64_t
pmemgo_range_next(int range)
{
	return ++of(range)->seq;
}

void
pmemgo_range_unlock(int range)
{
	pthread_mutex_unlock(&of(range)->lock);
}
