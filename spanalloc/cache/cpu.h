/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One CPU's cache, as the files of this folder see it: cache.c (pop, push, making and
 * ending), drain.c (drains and passes), sum.c (statistics). cache.c has the picture.
 *
 * Only its own CPU uses a cache. cache_enter() turns preemption off, not interrupts.
 * @busy tells an interrupt handler that it interrupted the CPU inside the cache. The
 * caches of dead CPUs and of a heap being deleted are accessed by other CPUs.
 */
#ifndef SPANALLOC_CACHE_CPU_H
#define SPANALLOC_CACHE_CPU_H

#include <linux/percpu.h>

#include "base/node.h"
#include "cache/depot.h"
#include "cache/large.h"
#include "cache/magazine.h"
#include "heap/heap.h"
#include "index/prefetch.h"

/**
 * struct span_cache - one CPU's cached spans of one heap
 * @busy: the CPU is between cache_enter() and cache_leave()
 * @pages: pages cached
 * @hand: position that cache_make_room() looks at first
 * @recent: for each value of a magazine's @nr modulo %CACHE_AHEAD, the short span cached
 *	last at that value
 * @magazine: cached short spans by length, from one page up
 * @large: cached large spans
 * @in_use: pages of allocations served here minus pages of frees cached here, by kind
 * @hits: allocations served
 * @misses: allocations not served
 * @frees: frees cached
 * @zeroed: pages of served allocations that the caller had to clear
 * @skipped: pages of served allocations that needed clearing but were known to be zero
 */
struct span_cache {
	bool busy;
	unsigned int pages;
	unsigned int hand;
	struct span *recent[CACHE_AHEAD];
	struct span_magazine magazine[CACHE_MAX_SHORT];
	struct span_large large;
	long in_use[SPAN_NR_KINDS];
	u64 hits;
	u64 misses;
	u64 frees;
	u64 zeroed;
	u64 skipped;
};

/**
 * cache_enter() - enter this CPU's cache
 * @heap: a heap that has caches
 *
 * Context: Any but NMI. Preemption is off until cache_leave().
 *
 * Return: the cache, or %NULL if the caller interrupted its CPU inside the cache
 */
static __always_inline struct span_cache *cache_enter(struct span_heap *heap)
{
	struct span_cache *cache;

	preempt_disable();
	cache = this_cpu_ptr(heap->cache);
	if (unlikely(cache->busy)) {
		preempt_enable();
		return NULL;
	}
	cache->busy = true;
	/* Only interrupts of this CPU must see @busy before changes to the cache. */
	barrier();
	return cache;
}

/**
 * cache_leave() - leave a cache
 * @cache: the cache that cache_enter() returned
 */
static __always_inline void cache_leave(struct span_cache *cache)
{
	barrier();
	cache->busy = false;
	preempt_enable();
}

/* The node whose memory this CPU's cache keeps. */
static inline int cache_node(const struct span_heap *heap)
{
	return node_or_local(heap->node);
}

/* Is the span's memory of the node that this CPU's cache keeps memory of? */
static __always_inline bool cache_is_home(const struct span_heap *heap, const struct span *span)
{
	return has_one_node() || span->node == cache_node(heap);
}

static inline struct span_depot *cache_depot(const struct span_heap *heap)
{
	return &heap->depot[has_one_node() ? 0 : cache_node(heap)];
}

/**
 * cache_take_all() - take all spans out of a cache
 * @cache: of this CPU, entered; or of a dead CPU, or of a heap being deleted
 * @haul: what the spans are added to
 */
static inline void cache_take_all(struct span_cache *cache, struct haul *haul)
{
	unsigned int i;

	for (i = 0; i < CACHE_MAX_SHORT; i++)
		magazine_take_all(&cache->magazine[i], haul);
	large_take_first(&cache->large, cache->large.nr, haul);
	cache->pages = 0;
}

unsigned long cache_uncache(struct span_heap *heap, struct span *list, bool old);
unsigned long cache_uncache_haul(struct span_heap *heap, struct haul *haul, bool old);

#endif /* SPANALLOC_CACHE_CPU_H */
