// SPDX-License-Identifier: GPL-2.0-only
/*
 * Span descriptors: their states, and their entries in the map. index/lookup.h draws the
 * states and has the lookup.
 *
 * A descriptor belongs to one writer at a time. A dead descriptor belongs to the caller that
 * got it from span_new(). A live descriptor goes to the caller whose cmpxchg() changes its
 * state from the value seen at lookup. So of two callers that free the same span, one fails.
 */
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kmemleak.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <spanalloc/spanalloc.h>

#include "base/gfp.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/pageindex.h"

/* Descriptors that span_measure() allocates: enough for some to be neighbours in a slab. */
#define SIZE_SAMPLE	64

static struct kmem_cache *span_slab;
static size_t span_slab_bytes = sizeof(struct span);

/* Runs once for each object of a new slab, not for each allocation from it. */
static void span_construct(void *mem)
{
	memset(mem, 0, sizeof(struct span));
}

static int span_compare_addresses(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/*
 * Find out how many bytes of slab memory one descriptor takes, with the slab's own data and
 * padding, for which the slab has no function. Allocates %SIZE_SAMPLE descriptors and takes
 * the smallest distance between two: some of them are neighbours.
 */
static void __init span_measure(void)
{
	unsigned long at[SIZE_SAMPLE];
	size_t nearest = SIZE_MAX;
	unsigned int nr, i;

	for (nr = 0; nr < SIZE_SAMPLE; nr++) {
		at[nr] = (unsigned long)kmem_cache_alloc(span_slab, GFP_KERNEL);
		if (!at[nr])
			break;
	}
	sort(at, nr, sizeof(at[0]), span_compare_addresses, NULL);
	for (i = 1; i < nr; i++)
		nearest = min_t(size_t, nearest, at[i] - at[i - 1]);
	if (nearest != SIZE_MAX)
		span_slab_bytes = nearest;
	while (nr--)
		kmem_cache_free(span_slab, (void *)at[nr]);
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
	if (!span_slab)
		return -ENOMEM;
	span_measure();
	return 0;
}

/**
 * span_bytes() - slab memory that one descriptor takes
 *
 * Return: bytes
 */
size_t span_bytes(void)
{
	return span_slab_bytes;
}

/**
 * span_exit() - free the slab of descriptors; no descriptor is left
 */
void span_exit(void)
{
	/* Slab pages of dead descriptors are freed after a grace period. */
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
 * span_delete() - free a dead descriptor
 * @span: the descriptor
 */
void span_delete(struct span *span)
{
	kmem_cache_free(span_slab, span);
}

/* Put @span into the slots of pages, which belong to the caller. */
static void span_fill_slots(struct span *span, unsigned long base, unsigned long npages)
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
 * Context: Any but NMI. No lock: only the caller writes the slots of these pages.
 */
void span_enter(struct span *span, unsigned long base, unsigned long npages)
{
	/* The descriptor before its slots. Pairs with span_view_find(). */
	smp_wmb();
	span_fill_slots(span, base, npages);
}

/**
 * span_leave() - take a descriptor out of the map
 * @span: a descriptor that has just died
 *
 * Its memory may become something else once it is freed, so that no slot may point to it
 * then.
 *
 * Context: Any but NMI. No lock: only the caller writes the slots of these pages.
 */
void span_leave(const struct span *span)
{
	span_fill_slots(NULL, span->base, span->npages);
}

/**
 * span_retire() - make a live descriptor dead
 * @view: what a lookup found
 *
 * Return: false if the span is locked or pinned, or has changed since the lookup
 */
bool span_retire(const struct span_view *view)
{
	if (view->state & (SPAN_STATE_LOCKED | SPAN_STATE_PINNED))
		return false;
	return cmpxchg(&view->span->state, view->state, span_state_dead(view->state)) ==
	       view->state;
}

/**
 * span_end_slowly() - span_end_at(), where the first attempt has failed
 * @base: the address
 * @kind: what its pages were for, on success
 *
 * Waits while the span is pinned.
 *
 * Context: Any but NMI.
 *
 * Return: as span_end_at()
 */
struct span *span_end_slowly(unsigned long base, enum span_kind *kind)
{
	struct span *span;
	unsigned long state;
	bool ended = false;

	while (!ended) {
		rcu_read_lock();
		span = span_entered_at(base);
		state = span ? READ_ONCE(span->state) : 0;
		if (!(state & SPAN_STATE_KIND) || state & SPAN_STATE_LOCKED ||
		    READ_ONCE(span->base) != base) {
			rcu_read_unlock();
			return NULL;
		}
		ended = !(state & SPAN_STATE_PINNED) &&
			cmpxchg(&span->state, state, span_state_dead(state)) == state;
		rcu_read_unlock();
		if (!ended)
			cpu_relax();
	}
	*kind = span_state_kind(state);
	if (likely(span->base == base))
		return span;
	/* As in span_end_at(). */
	span_publish(span, *kind);
	return NULL;
}

/**
 * span_trylock() - keep other writers off a live span
 * @view: what a lookup found
 *
 * Return: false if the span is already locked or pinned, or has changed since the lookup
 */
bool span_trylock(const struct span_view *view)
{
	unsigned long locked = view->state | SPAN_STATE_LOCKED;

	if (view->state & (SPAN_STATE_LOCKED | SPAN_STATE_PINNED))
		return false;
	return cmpxchg(&view->span->state, view->state, locked) == view->state;
}

/**
 * span_unlock() - allow other writers of a span again
 * @span: a span that the caller has locked
 */
void span_unlock(struct span *span)
{
	unsigned long state;

	/*
	 * Fields before state, by the full barrier of cmpxchg(). Pairs with the first
	 * smp_rmb() in span_view_get().
	 */
	do {
		state = READ_ONCE(span->state);
		while (state & SPAN_STATE_PINNED) {
			cpu_relax();
			state = READ_ONCE(span->state);
		}
	} while (cmpxchg(&span->state, state, (state & ~SPAN_STATE_LOCKED) + SPAN_STATE_STEP) !=
		 state);
}

/*
 * Pin the descriptor, store an owner, unpin; false if the span was pinned or has changed since
 * the lookup. The caller has interrupts off, so that CPUs that wait for the pin wait briefly.
 */
static bool span_store_owner(const struct span_view *view, void *owner)
{
	unsigned long *state = &view->span->state;

	if (view->state & SPAN_STATE_PINNED ||
	    cmpxchg(state, view->state, view->state | SPAN_STATE_PINNED) != view->state)
		return false;
	WRITE_ONCE(view->span->owner, owner);
	/* The owner before the unpinned state. Pairs with each cmpxchg() that makes a span dead. */
	smp_store_release(state, view->state);
	return true;
}

/* If @cut lies inside a chunk entered as a whole, enter the pages below @cut instead. */
static void span_divide_chunk(struct span *span, unsigned long cut)
{
	unsigned long start = round_down(cut, CHUNK_BYTES);
	struct arena *arena = arena_of(start);
	struct span **whole = &arena->whole[(start - arena->base) / CHUNK_BYTES];

	if (cut == start || *whole != span)
		return;
	span_fill_slots(span, start, (cut - start) >> PAGE_SHIFT);
	/* Pages before chunk. Pairs with smp_rmb() in span_view_find(). */
	smp_wmb();
	WRITE_ONCE(*whole, NULL);
}

/**
 * span_cut() - shorten a span
 * @span: a locked span; its pages from @npages on are entered for another descriptor already
 * @npages: pages that it keeps
 */
void span_cut(struct span *span, unsigned long npages)
{
	span_divide_chunk(span, span->base + (npages << PAGE_SHIFT));
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
 * span_origin() - find out which call allocated a span, and when
 * @view: what a lookup found
 * @origin: filled in on success
 *
 * Return: false if the span has changed since the lookup
 */
bool span_origin(const struct span_view *view, struct span_origin *origin)
{
	struct span_view now;
	u32 born = 0;
	bool same;

	rcu_read_lock();
	same = span_at((void *)view->base, &now) && now.span == view->span &&
	       now.state == view->state;
	if (same) {
		origin->caller = READ_ONCE(now.span->caller);
		born = READ_ONCE(now.span->born);
		/* The copy before the state, as in any lookup: span_view_get(). */
		smp_rmb();
		same = READ_ONCE(now.span->state) == view->state;
	}
	rcu_read_unlock();
	origin->age_ms = jiffies64_to_msecs((u64)(span_clock() - born) << SPAN_BORN_SHIFT);
	return same;
}

bool span_lookup(const void *addr, struct span_info *info)
{
	struct span_view view;
	bool found;

	rcu_read_lock();
	found = span_at(addr, &view);
	rcu_read_unlock();
	if (!found || !info)
		return found;
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
	unsigned long flags;
	bool found, stored;

	do {
		local_irq_save(flags);
		rcu_read_lock();
		found = span_at(addr, &view);
		stored = found && span_store_owner(&view, owner);
		rcu_read_unlock();
		local_irq_restore(flags);
	} while (found && !stored);
	return found ? 0 : -EINVAL;
}
EXPORT_SYMBOL_NS_GPL(span_set_owner, "SPANALLOC");
