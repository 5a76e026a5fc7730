// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caches: spans of common lengths, kept ready for each CPU.
 *
 * A span that is freed is cached: dead, but still entered in the map and with
 * memory behind it. The next allocation of that length brings it back to life,
 * with no lock and no write to the map. The page index counts a cached span as in
 * use. Clients see the span as idle: a lookup does not find it, a second free of it
 * is caught, and statistics count its pages as idle.
 *
 *	in use --push--> this CPU's cache --full--> depot --full--> idle, in the
 *	  ^		  |    ^ ^ |		    |  |	    page index
 *	  +------pop------+    | | +--untouched, drained----------->  |	^
 *			       | +----empty---------+  +-- likewise --+-+
 *			       +------both empty: up to 16 at a time--+
 *
 * Of each length up to %CACHE_MAX_SHORT pages a cache has a chain that spans are
 * pushed on and popped from, and any number of full ones. Whole chains are
 * exchanged with the depot (depot.c), so that only one in many operations takes
 * the depot's lock. (Magazines, as in J. Bonwick and J. Adams, "Magazines and Vmem", 2001.)
 * Large spans, of up to %CACHE_MAX_LARGE pages, are few and are kept one by one, by
 * exact length. Half of the spans of one length go to the depot together, as one chain.
 *
 * A full cache makes room by second chance, as in F. J. Corbato's clock. The positions of
 * @hand are the short lengths, and one position for all large spans. @hand goes round, and
 * evicts spans at the first position that no allocation has taken a span from since @hand
 * was last there. So lengths that callers have stopped asking for do not fill the cache.
 *
 * Only its own CPU uses a cache (cpu.h). If a call comes from a handler that interrupted its
 * CPU inside the cache, the heap serves the call. So the usual case has neither a lock nor
 * an atomic operation. Nothing sleeps between cache_enter() and cache_leave(), on PREEMPT_RT
 * too. A drain or a pass interrupts the CPUs whose caches have pages (drain.c).
 */
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "base/params.h"
#include "cache/cache.h"
#include "cache/cpu.h"
#include "heap/heap_alloc.h"
#include "heap/heap_free.h"
#include "heap/hold.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "index/prefetch.h"

/* Most pages in a depot, as a multiple of cache_max_pages. */
#define DEPOT_FACTOR	4

/* Default of cache_pages: memory / CACHE_SHARE / online CPUs, within bounds. */
#define CACHE_SHARE	32
#define CACHE_DEFAULT_MIN	256UL
#define CACHE_DEFAULT_MAX	4096UL

/* Positions of @hand: each magazine, and the large spans as one. */
#define NR_SLOTS	(CACHE_MAX_SHORT + 1)

/* Value of cache_max_pages if the parameter is not given; cache_init() replaces it. */
#define CACHE_PAGES_AUTO	UINT_MAX

unsigned int cache_max_pages = CACHE_PAGES_AUTO;

static const struct param_range pages_range = {
	.value = &cache_max_pages,
	.max = 1 << 20,
};

module_param_range(cache_pages, pages_range, 0644);
MODULE_PARM_DESC(cache_pages,
		 "pages that each CPU may keep ready of each heap, at most 1048576 (default: a 32nd of memory for all CPUs, 256 to 4096 each)");

static enum cpuhp_state hotplug_state;

/* === Inside a cache ===================================================== */

/* All lengths share @recent: where frees mix lengths, a hint may name a wrong descriptor. */
static __always_inline void cache_note_ahead(struct span_cache *cache, unsigned int nr,
					     struct span *span)
{
	struct span *ahead = cache->recent[nr % CACHE_AHEAD];

	cache->recent[nr % CACHE_AHEAD] = span;
	if (likely(ahead))
		span_set_ahead(span, ahead);
}

static __always_inline void cache_push_short(struct span_cache *cache, struct span *span)
{
	struct span_magazine *magazine = &cache->magazine[span->npages - 1];

	cache_note_ahead(cache, magazine->nr, span);
	magazine_push(magazine, span);
}

static __always_inline struct span *cache_take(struct span_cache *cache, unsigned long npages)
{
	if (likely(npages <= CACHE_MAX_SHORT))
		return magazine_pop(&cache->magazine[npages - 1]);
	return large_take(&cache->large, npages);
}

static __always_inline void cache_count_hit(struct span_cache *cache, const struct span *span,
					    enum span_kind kind, bool zero)
{
	cache->in_use[kind] += span->npages;
	cache->hits++;
	if (!zero)
		return;
	if (want_init_on_free())
		cache->skipped += span->npages;
	else
		cache->zeroed += span->npages;
}

/*
 * Leave after caching spans, and wake the scavenger if it does not watch the heap.
 * `watched` is read inside the cache: cache_pages_sync() relies on this order.
 */
static __always_inline void cache_leave_and_wake(struct span_heap *heap, struct span_cache *cache)
{
	bool watched = READ_ONCE(heap->watched);

	cache_leave(cache);
	if (unlikely(!watched))
		heap_watch_cached(heap);
}

/* === To and from the depot and the page index ========================== */

/**
 * cache_uncache() - make a chain of cached spans idle
 * @heap: the heap
 * @list: the chain, linked by next, or %NULL
 * @old: their pages become old at once
 *
 * Context: Any but NMI.
 *
 * Return: pages they had
 */
unsigned long cache_uncache(struct span_heap *heap, struct span *list, bool old)
{
	struct span *spans[HOLD_SPANS];
	unsigned long pages = 0;
	unsigned int nr;

	while (list) {
		for (nr = 0; list && nr < HOLD_SPANS; nr++) {
			spans[nr] = list;
			pages += list->npages;
			list = list->next;
		}
		heap_free_cached(heap, spans, nr, old);
	}
	return pages;
}

/**
 * cache_uncache_haul() - make all spans of a haul idle
 * @heap: the heap
 * @haul: the spans; empty afterwards
 * @old: their pages become old at once
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages they had
 */
unsigned long cache_uncache_haul(struct span_heap *heap, struct haul *haul, bool old)
{
	unsigned long pages = 0;
	struct span *chain;

	while ((chain = haul_next_chain(haul))) {
		pages += cache_uncache(heap, chain, old);
		cond_resched();
	}
	return pages;
}

/* Put a chain of @nr spans into the depot, or make its spans idle if the depot is full. */
static void cache_put_chain(struct span_heap *heap, struct span *out, unsigned int nr)
{
	if (depot_put(cache_depot(heap), out, nr,
		      DEPOT_FACTOR * (unsigned long)READ_ONCE(cache_max_pages))) {
		if (unlikely(!READ_ONCE(heap->watched)))
			heap_watch_cached(heap);
		return;
	}
	cache_uncache(heap, out, false);
}

static __always_inline bool cache_has_room(const struct span_cache *cache, unsigned int npages,
					   unsigned int max)
{
	return cache->pages + npages <= max &&
	       (npages <= CACHE_MAX_SHORT || cache->large.nr < CACHE_CPU_LARGE);
}

/* Cache large spans of a chain while there is room; returns the spans not cached. */
static struct span *cache_adopt_large(struct span_cache *cache, struct span *rest,
				      unsigned int npages)
{
	unsigned int max = READ_ONCE(cache_max_pages);

	while (rest && cache_has_room(cache, npages, max)) {
		struct span *next = rest->next;

		large_add(&cache->large, rest);
		cache->pages += npages;
		rest = next;
	}
	return rest;
}

/*
 * Cache @rest, which is a depot's chain without its first span; returns the spans not cached.
 * Short spans are cached if their magazine has no top chain, and may exceed cache_max_pages.
 */
static struct span *cache_adopt(struct span_cache *cache, struct span *rest, unsigned int npages)
{
	struct span_magazine *magazine = &cache->magazine[npages - 1];

	if (npages > CACHE_MAX_SHORT)
		return cache_adopt_large(cache, rest, npages);
	if (magazine->nr_top)
		return rest;
	magazine->top = rest;
	magazine->nr_top = chain_length(npages) - 1;
	magazine->nr += magazine->nr_top;
	cache->pages += magazine->nr_top * npages;
	return NULL;
}

/* Take a chain from the depot: return one span of it, and cache the rest. */
static noinline struct span *cache_refill(struct span_heap *heap, unsigned long npages,
					  enum span_kind kind, bool zero)
{
	struct span *span = depot_get(cache_depot(heap), npages);
	struct span_cache *cache;
	struct span *rest;

	if (!span)
		return NULL;
	rest = span->next;
	cache = cache_enter(heap);
	if (!cache) {
		heap_count_uncached(heap, span, kind);
		cache_uncache(heap, rest, false);
		return span;
	}
	cache_count_hit(cache, span, kind, zero);
	cache->misses--;
	if (rest && cache_is_home(heap, span))
		rest = cache_adopt(cache, rest, npages);
	cache_leave_and_wake(heap, cache);
	cache_uncache(heap, rest, false);
	return span;
}

/**
 * cache_pop() - take a cached span
 * @heap: the heap
 * @npages: length
 * @node: where its memory shall be, or %NUMA_NO_NODE
 * @kind: what its pages will be used for
 * @zero: its pages have to be clear; counted here, cleared by the caller
 *
 * Context: Any but NMI.
 *
 * Return: a dead span, entered in the map and with memory behind it, or NULL
 */
struct span *cache_pop(struct span_heap *heap, unsigned long npages, int node,
		       enum span_kind kind, bool zero)
{
	struct span_cache *cache;
	struct span *span = NULL;

	if (unlikely(npages - 1 >= CACHE_MAX_LARGE || !heap->cache))
		return NULL;
	if (unlikely(node != NUMA_NO_NODE) && !has_one_node() && node != cache_node(heap))
		return NULL;
	cache = cache_enter(heap);
	if (unlikely(!cache))
		return NULL;
	span = cache_take(cache, npages);
	if (likely(span)) {
		cache->pages -= npages;
		cache_count_hit(cache, span, kind, zero);
	} else {
		cache->misses++;
	}
	cache_leave(cache);
	return likely(span) ? span : cache_refill(heap, npages, kind, zero);
}

/*
 * Pages that this CPU's cache has room for; 0 while the CPU is inside. Racy, since the task
 * may migrate: cache_fill() makes spans that do not fit idle again.
 */
static unsigned int cache_room_here(const struct span_heap *heap)
{
	unsigned int max = READ_ONCE(cache_max_pages);

	if (raw_cpu_read(heap->cache->busy))
		return 0;
	return max - min(max, raw_cpu_read(heap->cache->pages));
}

/**
 * cache_fill() - cache spans as long as one that was just allocated
 * @heap: the heap
 * @like: the span, which the page index has just served
 *
 * The spans are made of idle pages above @like in its last chunk (heap_take_more()). Large
 * spans are not cached in this way.
 *
 * Context: Any but NMI.
 */
void cache_fill(struct span_heap *heap, const struct span *like)
{
	struct span *spans[FILL_SPANS];
	unsigned int npages = like->npages;
	unsigned int max, nr;
	struct span_cache *cache;

	if (npages > CACHE_MAX_SHORT || !heap->cache)
		return;
	max = min3(cache_room_here(heap) / npages, chain_length(npages) - 1, 0U + FILL_SPANS);
	nr = max ? heap_take_more(like, spans, max) : 0;
	cache = nr ? cache_enter(heap) : NULL;
	if (cache) {
		/* Pushed from the highest address down: allocations take the lowest first. */
		while (nr && cache_is_home(heap, spans[nr - 1]) &&
		       cache_has_room(cache, npages, READ_ONCE(cache_max_pages))) {
			cache_push_short(cache, spans[--nr]);
			cache->pages += npages;
		}
		cache_leave_and_wake(heap, cache);
	}
	for (; nr; nr -= max) {
		max = min(nr, 0U + HOLD_SPANS);
		heap_free_cached(heap, spans + nr - max, max, false);
	}
}

static struct span *cache_evict_chain(struct span_cache *cache, struct span_magazine *magazine,
				      unsigned int *nr)
{
	struct span *chain = magazine_evict(magazine);

	*nr = chain_length(chain->npages);
	cache->pages -= *nr * chain->npages;
	return chain;
}

/* Evict half, rounded up, of the spans that are as long as the large span cached first. */
static struct span *cache_evict_large(struct span_cache *cache, unsigned int *nr)
{
	struct span_large *large = &cache->large;
	unsigned int npages = large->npages[0];
	unsigned int i;

	*nr = 0;
	for (i = 0; i < large->nr; i++)
		*nr += large->npages[i] == npages;
	*nr = DIV_ROUND_UP(*nr, 2);
	cache->pages -= *nr * npages;
	return large_evict(large, npages, *nr);
}

/* Make room for a span of @npages pages; returns the evicted chain of *@nr spans, or NULL. */
static struct span *cache_make_room(struct span_cache *cache, unsigned int npages, unsigned int *nr)
{
	unsigned int tries = 2 * NR_SLOTS;

	if (npages > CACHE_MAX_SHORT && cache->large.nr == CACHE_CPU_LARGE)
		return cache_evict_large(cache, nr);
	/* The first round clears `used`; the second evicts spans that were used before. */
	for (; tries; tries--, cache->hand = (cache->hand + 1) % NR_SLOTS) {
		struct span_magazine *magazine = &cache->magazine[cache->hand];
		bool is_large = cache->hand == CACHE_MAX_SHORT;
		bool *used = is_large ? &cache->large.used : &magazine->used;

		if (is_large ? !cache->large.nr : !magazine->full.first)
			continue;
		if (!*used)
			return is_large ? cache_evict_large(cache, nr) :
					 cache_evict_chain(cache, magazine, nr);
		*used = false;
	}
	return NULL;
}

static __always_inline void cache_keep(struct span_cache *cache, struct span *span,
				       enum span_kind kind)
{
	unsigned int npages = span->npages;

	if (likely(npages <= CACHE_MAX_SHORT))
		cache_push_short(cache, span);
	else
		large_add(&cache->large, span);
	cache->pages += npages;
	cache->in_use[kind] -= npages;
	cache->frees++;
}

/* Make room in a full cache, cache @span if there is room then, and leave the cache. */
static noinline bool cache_push_full(struct span_heap *heap, struct span_cache *cache,
				     struct span *span, enum span_kind kind)
{
	unsigned int nr = 0;
	struct span *out = cache_make_room(cache, span->npages, &nr);
	bool cached = cache_has_room(cache, span->npages, READ_ONCE(cache_max_pages));

	if (cached) {
		cache_keep(cache, span, kind);
		cache_leave_and_wake(heap, cache);
	} else {
		cache_leave(cache);
	}
	if (out)
		cache_put_chain(heap, out, nr);
	return cached;
}

/**
 * cache_push() - cache a span
 * @heap: the heap
 * @span: a span that has just died
 * @kind: what its pages were used for
 *
 * Context: Any but NMI.
 *
 * Return: false if the heap has no caches, spans of this length or node are not cached, there
 * is no room, or the caller interrupted its CPU inside the cache
 */
bool cache_push(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	struct span_cache *cache;

	if (unlikely(span->npages > CACHE_MAX_LARGE || !heap->cache))
		return false;
	cache = cache_enter(heap);
	if (unlikely(!cache))
		return false;
	if (unlikely(!cache_is_home(heap, span))) {
		cache_leave(cache);
		return false;
	}
	if (unlikely(!cache_has_room(cache, span->npages, READ_ONCE(cache_max_pages))))
		return cache_push_full(heap, cache, span, kind);
	cache_keep(cache, span, kind);
	cache_leave_and_wake(heap, cache);
	return true;
}

/* === Making and ending ================================================== */

static int cache_cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct span_heap *heap = hlist_entry(node, struct span_heap, hotplug);
	struct haul haul = {};

	/* The CPU is dead, and no other CPU enters its cache. */
	cache_take_all(per_cpu_ptr(heap->cache, cpu), &haul);
	cache_uncache_haul(heap, &haul, false);
	return 0;
}

/**
 * cache_init() - set the default of cache_pages, and register for CPUs that go offline
 *
 * Return: 0 or a negative error code
 */
int __init cache_init(void)
{
	unsigned long share = totalram_pages() / CACHE_SHARE / num_online_cpus();
	int state;

	state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "spanalloc:dead", NULL,
					cache_cpu_dead);
	if (state < 0)
		return state;
	hotplug_state = state;
	if (cache_max_pages == CACHE_PAGES_AUTO)
		cache_max_pages = clamp(share, CACHE_DEFAULT_MIN, CACHE_DEFAULT_MAX);
	return 0;
}

/**
 * cache_exit() - the reverse of cache_init(); no heap is left
 */
void cache_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
}

static void cache_free_memory(struct span_heap *heap)
{
	free_percpu(heap->cache);
	heap->cache = NULL;
	kvfree(heap->depot);
	heap->depot = NULL;
}

/**
 * cache_new() - give a heap caches
 * @heap: the heap
 *
 * Return: 0 or a negative error code
 */
int cache_new(struct span_heap *heap)
{
	int ret = -ENOMEM;
	int node;

	heap->depot = kvcalloc(nr_node_ids, sizeof(*heap->depot), GFP_KERNEL);
	heap->cache = alloc_percpu(struct span_cache);
	if (!heap->depot || !heap->cache)
		goto failed;
	for (node = 0; node < nr_node_ids; node++)
		depot_init(&heap->depot[node]);
	ret = cpuhp_state_add_instance_nocalls(hotplug_state, &heap->hotplug);
	if (ret)
		goto failed;
	return 0;

failed:
	cache_free_memory(heap);
	return ret;
}

/**
 * cache_delete() - make a heap's cached spans idle, and free its caches
 * @heap: a heap that no caller uses any more
 *
 * Context: Process context.
 */
void cache_delete(struct span_heap *heap)
{
	struct haul haul = {};
	int cpu, node;

	if (!heap->cache)
		return;
	cpuhp_state_remove_instance_nocalls(hotplug_state, &heap->hotplug);
	for_each_possible_cpu(cpu)
		cache_take_all(per_cpu_ptr(heap->cache, cpu), &haul);
	for (node = 0; node < nr_node_ids; node++)
		depot_take_all(&heap->depot[node], &haul);
	cache_uncache_haul(heap, &haul, false);
	cache_free_memory(heap);
}
