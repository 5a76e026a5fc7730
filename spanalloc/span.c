// SPDX-License-Identifier: GPL-2.0-only
/*
 * Span descriptors: their lives, and their places in the map. span.h draws the
 * states and holds the reader's side.
 *
 * A descriptor belongs to one writer at a time. While it is dead that is
 * whoever took it from span_new(); while it is live, whoever moves its state by
 * cmpxchg from the value seen at lookup. Of two that free the same span one
 * loses, and is told so.
 */
#include <linux/kmemleak.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

static struct kmem_cache *span_slab;

/* Runs once for each piece of slab memory, not for each descriptor's life. */
static void span_construct(void *mem)
{
	memset(mem, 0, sizeof(struct span));
}

/**
 * span_init() - make descriptors available
 *
 * Return: 0 or %-ENOMEM
 */
int __init span_init(void)
{
	span_slab = kmem_cache_create("spanalloc_span", sizeof(struct span), 0,
				      SLAB_TYPESAFE_BY_RCU | SLAB_HWCACHE_ALIGN, span_construct);
	return span_slab ? 0 : -ENOMEM;
}

/**
 * span_exit() - the reverse of span_init()
 */
void span_exit(void)
{
	/* Frees that wait for a grace period hold on to the cache. */
	rcu_barrier();
	kmem_cache_destroy(span_slab);
}

/**
 * span_new() - get a dead descriptor
 * @gfp: how to allocate it
 *
 * Context: Any that @gfp allows.
 *
 * Return: the descriptor or NULL
 */
struct span *span_new(gfp_t gfp)
{
	return kmem_cache_alloc(span_slab, metadata_gfp(gfp));
}

/**
 * span_delete() - give a dead descriptor back
 * @span: the descriptor
 */
void span_delete(struct span *span)
{
	kmem_cache_free(span_slab, span);
}

/* Put @span into the slots of pages, which belong to the caller. */
static void fill_slots(struct span *span, unsigned long base, unsigned long npages)
{
	unsigned long end = base + (npages << PAGE_SHIFT);
	unsigned long addr, next;

	for (addr = base; addr < end; addr = next) {
		struct arena *arena = arena_of(addr);
		unsigned long page = (addr - arena->base) >> PAGE_SHIFT;
		unsigned long last;

		next = min(end, round_down(addr, CHUNK_BYTES) + CHUNK_BYTES);
		if (next - addr == CHUNK_BYTES) {
			WRITE_ONCE(arena->whole[page / PAGEINDEX_CHUNK_PAGES], span);
			continue;
		}
		last = page + ((next - addr) >> PAGE_SHIFT);
		for (; page < last; page++)
			WRITE_ONCE(arena->slot[page], span);
	}
}

/**
 * span_enter() - point the map at a descriptor
 * @span: a descriptor that is dead, or live as the second part of a split
 * @base: first byte of the pages to enter
 * @npages: how many; they belong to the caller
 *
 * Context: Any but NMI. No lock: nobody else writes the slots of these pages.
 */
void span_enter(struct span *span, unsigned long base, unsigned long npages)
{
	/* The descriptor before its slots. Pairs with span_view_find(). */
	smp_wmb();
	fill_slots(span, base, npages);
}

/**
 * span_leave() - take a descriptor out of the map
 * @span: a descriptor that has just died
 *
 * Its memory may become something else once it is given back, so that no slot
 * may still point to it then.
 *
 * Context: Any but NMI. No lock: nobody else writes the slots of these pages.
 */
void span_leave(const struct span *span)
{
	fill_slots(NULL, span->base, span->npages);
}

/**
 * span_retire() - end a life
 * @view: what a lookup found
 *
 * Return: false if the span is held, or has changed since the lookup
 */
bool span_retire(const struct span_view *view)
{
	if (view->state & SPAN_STATE_HELD)
		return false;
	return cmpxchg(&view->span->state, view->state, span_state_dead(view->state)) ==
	       view->state;
}

/**
 * span_hold() - keep other writers off a live span
 * @view: what a lookup found
 *
 * Return: false if the span is held already, or has changed since the lookup
 */
bool span_hold(const struct span_view *view)
{
	unsigned long held = view->state | SPAN_STATE_HELD;

	if (view->state & SPAN_STATE_HELD)
		return false;
	return cmpxchg(&view->span->state, view->state, held) == view->state;
}

/**
 * span_unhold() - let other writers at a span again
 * @span: a span that the caller holds
 */
void span_unhold(struct span *span)
{
	/* Fields before state. Pairs with the first smp_rmb() in span_view_get(). */
	smp_wmb();
	WRITE_ONCE(span->state, (span->state & ~SPAN_STATE_HELD) + SPAN_STATE_STEP);
}

/* Where a cut falls into a chunk that was the span's as a whole, enter pages instead. */
static void divide_chunk(struct span *span, unsigned long cut)
{
	unsigned long start = round_down(cut, CHUNK_BYTES);
	struct arena *arena = arena_of(start);
	struct span **whole = &arena->whole[(start - arena->base) / CHUNK_BYTES];

	if (cut == start || *whole != span)
		return;
	fill_slots(span, start, (cut - start) >> PAGE_SHIFT);
	/* Pages before chunk. Pairs with smp_rmb() in span_view_find(). */
	smp_wmb();
	WRITE_ONCE(*whole, NULL);
}

/**
 * span_cut() - shorten a span
 * @span: a span that the caller holds, whose end is another span's in the map
 * @npages: pages that it keeps
 */
void span_cut(struct span *span, unsigned long npages)
{
	divide_chunk(span, span->base + (npages << PAGE_SHIFT));
	/* Slots before bounds. Pairs with smp_rmb() in span_view_find(). */
	smp_wmb();
	WRITE_ONCE(span->npages, npages);
}

/**
 * span_at() - find the live span at an address
 * @addr: any address
 * @view: filled in on success
 *
 * Context: Any, NMI included; under rcu_read_lock().
 *
 * Return: false if no live span is there
 */
bool span_at(const void *addr, struct span_view *view)
{
	struct arena *arena = arena_of((unsigned long)addr);

	return arena && span_view_find(arena, (unsigned long)addr, view);
}

/**
 * span_origin() - find out who made a span, and when
 * @view: what a lookup found
 * @origin: filled in on success
 *
 * Return: false if the span has changed since the lookup
 */
bool span_origin(const struct span_view *view, struct span_origin *origin)
{
	unsigned long present = jiffies;
	struct span_view now;
	bool same;

	rcu_read_lock();
	same = span_at((void *)view->base, &now) && now.span == view->span &&
	       now.state == view->state;
	if (same) {
		origin->caller = READ_ONCE(now.span->caller);
		/* Seven weeks at least until this is wrong. */
		origin->born = present - ((u32)present - READ_ONCE(now.span->born));
		/* The copy before the state, as in any lookup: span_view_get(). */
		smp_rmb();
		same = READ_ONCE(now.span->state) == view->state;
	}
	rcu_read_unlock();
	return same;
}

bool span_lookup(const void *addr, struct span_info *info)
{
	struct span_view view;
	bool found;

	rcu_read_lock();
	found = span_at(addr, &view);
	rcu_read_unlock();
	if (!found)
		return false;
	info->base = (void *)view.base;
	info->npages = view.npages;
	info->heap = view.heap;
	info->obj = info->base;
	info->obj_size = view.npages << PAGE_SHIFT;
	info->owner = view.owner;
	return true;
}
EXPORT_SYMBOL_NS_GPL(span_lookup, "SPANALLOC");

int span_set_owner(const void *addr, void *owner)
{
	struct span_view view;
	int ret = -EINVAL;

	rcu_read_lock();
	if (span_at(addr, &view)) {
		/* The caller owns the span, so that it lives on meanwhile. */
		WRITE_ONCE(view.span->owner, owner);
		ret = 0;
	}
	rcu_read_unlock();
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_set_owner, "SPANALLOC");
