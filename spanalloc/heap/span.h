/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spans: their descriptors, from allocation to free.
 */
#ifndef SPANALLOC_SPAN_H
#define SPANALLOC_SPAN_H

#include <linux/jiffies.h>
#include <linux/rcupdate.h>

#include <spanalloc/spanalloc.h>

#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/prefetch.h"

/**
 * struct span_origin - where a span comes from
 * @caller: return address of the call that allocated the span
 * @age_ms: how long ago, in milliseconds
 */
struct span_origin {
	unsigned long caller;
	u64 age_ms;
};

/* struct span::born counts units of 2^6 jiffies: at HZ=1000, 32 bits last 8 years. */
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

/* The state of a descriptor once the span in @state is dead. */
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
 * span_publish() - make a dead descriptor live
 * @span: a dead descriptor, filled in; entered, but a split enters its second part later
 * @kind: what its pages are for
 */
static inline void span_publish(struct span *span, enum span_kind kind)
{
	unsigned long count = span->state & ~(SPAN_STATE_STEP - 1);

	/* Fields before state. Pairs with the first smp_rmb() in span_view_get(). */
	smp_wmb();
	WRITE_ONCE(span->state, count + SPAN_STATE_STEP + kind + 1);
}

/* The descriptor in the map at an address. May be dead, or of a span that begins elsewhere. */
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
 * span_end_at() - find the live span that begins at an address, and make it dead
 * @addr: the address
 * @kind: what its pages were for, on success
 *
 * Combines lookup and free. Needs no consistent copy of the descriptor: cmpxchg() gives the
 * descriptor to the caller, and its base is compared once more afterwards. Disabled
 * preemption delays RCU grace periods as rcu_read_lock() does.
 *
 * Context: Any but NMI.
 *
 * Return: the span, which is dead and belongs to the caller, or NULL if no live span begins
 * at @addr or another CPU has locked it
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
	/* The descriptor was reused: it now describes a newer span. Revive it; fail the call. */
	span_publish(span, *kind);
	return NULL;
}

#endif /* SPANALLOC_SPAN_H */
