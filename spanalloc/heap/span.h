/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spans: their descriptors, and the ends of their lives.
 */
#ifndef SPANALLOC_SPAN_H
#define SPANALLOC_SPAN_H

#include <linux/jiffies.h>
#include <linux/prefetch.h>
#include <linux/rcupdate.h>

#include <spanalloc/spanalloc.h>

#include "heap/arena.h"
#include "index/lookup.h"

/**
 * struct span_origin - where a span comes from
 * @caller: return address of whoever allocated it
 * @age_ms: how long ago, in milliseconds
 */
struct span_origin {
	unsigned long caller;
	u64 age_ms;
};

/* 2^6 jiffies: at 1000 in a second, 32 bits of them are 8 years. */
#define SPAN_BORN_SHIFT	6

/* The time, for the ages of spans; wraps around. */
static inline u32 span_clock(void)
{
	unsigned long now = jiffies;

	return now >> SPAN_BORN_SHIFT;
}

static inline enum span_kind span_state_kind(unsigned long state)
{
	return (state & SPAN_STATE_KIND) - 1;
}

/* The state after the end of a life. */
static inline unsigned long span_state_dead(unsigned long state)
{
	return (state & ~(SPAN_STATE_STEP - 1)) + SPAN_STATE_STEP;
}

int span_init(void);
void span_exit(void);
size_t span_bytes(void);
struct span *span_new(gfp_t gfp);
void span_delete(struct span *span);
void span_enter(struct span *span, unsigned long base, unsigned long npages);
void span_leave(const struct span *span);
bool span_retire(const struct span_view *view);
struct span *span_end_slowly(unsigned long base, enum span_kind *kind);
bool span_trylock(const struct span_view *view);
void span_unlock(struct span *span);
void span_cut(struct span *span, unsigned long npages);
bool span_at(const void *addr, struct span_view *view);
bool span_origin(const struct span_view *view, struct span_origin *origin);

/**
 * span_publish() - bring a descriptor to life
 * @span: a dead descriptor, filled in and entered
 * @kind: what its pages are for
 */
static inline void span_publish(struct span *span, enum span_kind kind)
{
	unsigned long count = span->state & ~(SPAN_STATE_STEP - 1);

	/* Fields before state. Pairs with the first smp_rmb() in span_view_get(). */
	smp_wmb();
	WRITE_ONCE(span->state, count + SPAN_STATE_STEP + kind + 1);
}

/* The descriptor entered at an address, which may be dead, or begin elsewhere. */
static inline struct span *span_entered_at(unsigned long addr)
{
	struct arena *arena = arena_of(addr);
	struct span *span;
	unsigned long page;

	if (unlikely(!arena))
		return NULL;
	page = (addr >> PAGE_SHIFT) % ARENA_PAGES;
	/* Both loads pair with smp_wmb() in span_enter(). */
	span = READ_ONCE(arena->slot[page]);
	return span ?: READ_ONCE(arena->whole[page >> PAGEINDEX_CHUNK_SHIFT]);
}

/**
 * span_set_ahead() - note which descriptor will be wanted a little after another one
 * @span: the one
 * @ahead: the other; if it is more than 128 GiB away the hint is wrong
 */
static inline void span_set_ahead(struct span *span, const struct span *ahead)
{
	/* Whoever frees the span once more than he may reads it at the same time. */
	WRITE_ONCE(span->ahead, ((long)ahead - (long)span) >> SPAN_AHEAD_SHIFT);
}

/**
 * span_fetch_ahead() - fetch the descriptor that has been noted, to be written
 * @span: the descriptor that it was noted with
 */
static inline void span_fetch_ahead(const struct span *span)
{
	prefetchw((const char *)span + ((long)READ_ONCE(span->ahead) << SPAN_AHEAD_SHIFT));
}

/**
 * span_end_at() - end the life of the span that begins at an address
 * @addr: the address
 * @kind: what its pages were for, on success
 *
 * A lookup and the end of a life in one, for which no copy has to be consistent: the
 * exchange makes the descriptor the caller's, and then there is time to look. Grace
 * periods wait for sections with preemption off as for other readers.
 *
 * Context: Any but NMI.
 *
 * Return: the span, which is dead and the caller's, or NULL if no live span that
 * nobody holds begins at @addr
 */
static __always_inline struct span *span_end_at(const void *addr, enum span_kind *kind)
{
	unsigned long base = (unsigned long)addr;
	struct span *span;
	unsigned long state;

	rcu_read_lock_sched();
	span = span_entered_at(base);
	state = span ? READ_ONCE(span->state) : 0;
	if (likely(span))
		span_fetch_ahead(span);
	if (unlikely(!(state & SPAN_STATE_KIND) ||
		     state & (SPAN_STATE_LOCKED | SPAN_STATE_PINNED) ||
		     READ_ONCE(span->base) != base ||
		     cmpxchg(&span->state, state, span_state_dead(state)) != state))
		span = NULL;
	rcu_read_unlock_sched();
	if (unlikely(!span))
		return span_end_slowly(base, kind);
	*kind = span_state_kind(state);
	if (likely(span->base == base))
		return span;
	/* The base above was of an earlier life: who is alive now did not ask for this. */
	span_publish(span, *kind);
	return NULL;
}

#endif /* SPANALLOC_SPAN_H */
