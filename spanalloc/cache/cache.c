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
 * Longer spans, up to %CACHE_MAX_LARGE pages, are few and are kept one by one, by
 * exact length. Half of the spans of one length go to the depot together, as one chain.
 *
 * A full cache makes room by second chance, as in F. J. Corbato's clock: @hand goes
 * round the lengths, and evicts spans of the first length that no allocation has taken
 * since @hand was last there. So lengths no longer asked for do not fill the cache.
 *
 * `low` is the smallest number of spans of a length held since the last pass. That many
 * were never needed: the next pass makes them idle. If an age has gone by since the last
 * pass, their pages are marked old at once.
 *
 * Only its own CPU uses a cache. enter() turns preemption off, not interrupts. @busy
 * tells an interrupt handler that it interrupted the CPU inside the cache: the heap
 * then serves the handler's call. So the usual case has neither a lock nor an atomic
 * operation, and the same code is right with PREEMPT_RT, where nothing in here sleeps.
 * A drain or a pass sends an interrupt to each CPU, which unlinks spans of its own
 * cache. The caches of dead CPUs and of a heap being deleted are accessed directly.
 */
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/topology.h>

#include <spanalloc/spanalloc.h>

#include "base/params.h"
#include "cache/cache.h"
#include "cache/chain.h"
#include "cache/depot.h"
#include "cache/large.h"
#include "cache/magazine.h"
#include "heap/heap.h"
#include "heap/hold.h"
#include "heap/locktime.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"

/* Times that other CPUs are asked again if they were busy. */
#define DRAIN_TRIES	4

/* Most pages in a depot, as a multiple of cache_max_pages. */
#define DEPOT_FACTOR	4

/* Shares of the pages of a machine, and bounds, for the pages of each cache. */
#define CACHE_SHARE	32
#define CACHE_MIN_PAGES	256UL
#define CACHE_MAX_PAGES	4096UL

/* Positions of @hand: each magazine, and the long spans as one. */
#define NR_SLOTS	(CACHE_MAX_SHORT + 1)

/**
 * struct span_cache - one CPU's cached spans of one heap
 * @busy: the CPU is between enter() and leave()
 * @pages: pages cached
 * @hand: position that make_room() looks at first
 * @recent: short spans cached lately, at the count of their magazine modulo %CACHE_AHEAD
 * @magazine: cached short spans by length, from one page up
 * @large: cached long spans
 * @in_use: pages taken from here minus pages cached here, by kind
 * @hits: allocations served
 * @misses: allocations not served
 * @frees: frees cached
 * @zeroed: pages of served allocations that the caller had to clear
 * @skipped: pages of served allocations that had to be clear and already were
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

/* Default of cache_pages: cache_init() replaces it by a share of the machine's memory. */
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

/* Enter this CPU's cache. Returns NULL in an interrupt between enter() and leave(). */
static __always_inline struct span_cache *enter(struct span_heap *heap)
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

static __always_inline void leave(struct span_cache *cache)
{
	barrier();
	cache->busy = false;
	preempt_enable();
}

/* All lengths share @recent: where frees mix lengths, a hint may name a wrong descriptor. */
static __always_inline void note_ahead(struct span_cache *cache, unsigned int nr,
				       struct span *span)
{
	struct span *ahead = cache->recent[nr % CACHE_AHEAD];

	cache->recent[nr % CACHE_AHEAD] = span;
	if (likely(ahead))
		span_set_ahead(span, ahead);
}

static __always_inline void push_short(struct span_cache *cache, struct span *span)
{
	struct span_magazine *magazine = &cache->magazine[span->npages - 1];

	note_ahead(cache, magazine->nr, span);
	magazine_push(magazine, span);
}

static __always_inline struct span *take(struct span_cache *cache, unsigned long npages)
{
	if (likely(npages <= CACHE_MAX_SHORT))
		return magazine_pop(&cache->magazine[npages - 1]);
	return large_take(&cache->large, npages);
}

static __always_inline void count_hit(struct span_cache *cache, const struct span *span,
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
static __always_inline void leave_cached(struct span_heap *heap, struct span_cache *cache)
{
	bool watched = READ_ONCE(heap->watched);

	leave(cache);
	if (unlikely(!watched))
		heap_watch_cached(heap);
}

/* === Where cached spans go, and come from =============================== */

/* The node whose memory this CPU's cache keeps. */
static int cache_node(const struct span_heap *heap)
{
	return heap->node == NUMA_NO_NODE ? numa_mem_id() : heap->node;
}

static __always_inline bool one_node(void)
{
	return !IS_ENABLED(CONFIG_NUMA) || nr_online_nodes == 1;
}

/* Is the span's memory of the node that this CPU's cache keeps memory of? */
static __always_inline bool is_at_home(const struct span_heap *heap, const struct span *span)
{
	return one_node() || span->node == cache_node(heap);
}

static struct span_depot *depot_here(const struct span_heap *heap)
{
	return &heap->depot[one_node() ? 0 : cache_node(heap)];
}

/* Make a chain of cached spans idle; returns how many pages they had. */
static unsigned long uncache(struct span_heap *heap, struct span *list, bool old)
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
		heap_uncache(heap, spans, nr, old);
	}
	return pages;
}

/* Hand a chain of @nr spans to the depot, or else to the page index. */
static void hand_on(struct span_heap *heap, struct span *out, unsigned int nr)
{
	if (depot_put(depot_here(heap), out, nr,
		      DEPOT_FACTOR * (unsigned long)READ_ONCE(cache_max_pages))) {
		if (unlikely(!READ_ONCE(heap->watched)))
			heap_watch_cached(heap);
		return;
	}
	uncache(heap, out, false);
}

static __always_inline bool has_room(const struct span_cache *cache, unsigned int npages,
				     unsigned int max)
{
	return cache->pages + npages <= max &&
	       (npages <= CACHE_MAX_SHORT || cache->large.nr < CACHE_CPU_LARGE);
}

static struct span *adopt_longs(struct span_cache *cache, struct span *rest, unsigned int npages)
{
	unsigned int max = READ_ONCE(cache_max_pages);

	while (rest && has_room(cache, npages, max)) {
		struct span *next = rest->next;

		large_add(&cache->large, rest);
		cache->pages += npages;
		rest = next;
	}
	return rest;
}

/* Cache @rest of a chain if its magazine has no top chain; returns the spans not cached. */
static struct span *adopt(struct span_cache *cache, struct span *rest, unsigned int npages)
{
	struct span_magazine *magazine = &cache->magazine[npages - 1];

	if (npages > CACHE_MAX_SHORT)
		return adopt_longs(cache, rest, npages);
	if (magazine->nr_top)
		return rest;
	magazine->top = rest;
	magazine->nr_top = chain_length(npages) - 1;
	magazine->nr += magazine->nr_top;
	cache->pages += magazine->nr_top * npages;
	return NULL;
}

/* Take a chain from the depot: return one span of it, and cache the rest. */
static noinline struct span *refill(struct span_heap *heap, unsigned long npages,
				    enum span_kind kind, bool zero)
{
	struct span *span = depot_get(depot_here(heap), npages);
	struct span_cache *cache;
	struct span *rest;

	if (!span)
		return NULL;
	rest = span->next;
	cache = enter(heap);
	if (!cache) {
		heap_uncached(heap, span, kind);
		uncache(heap, rest, false);
		return span;
	}
	count_hit(cache, span, kind, zero);
	cache->misses--;
	if (rest && is_at_home(heap, span))
		rest = adopt(cache, rest, npages);
	leave_cached(heap, cache);
	uncache(heap, rest, false);
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
	if (unlikely(node != NUMA_NO_NODE) && !one_node() && node != cache_node(heap))
		return NULL;
	cache = enter(heap);
	if (unlikely(!cache))
		return NULL;
	span = take(cache, npages);
	if (likely(span)) {
		cache->pages -= npages;
		count_hit(cache, span, kind, zero);
	} else {
		cache->misses++;
	}
	leave(cache);
	return likely(span) ? span : refill(heap, npages, kind, zero);
}

/*
 * Pages that this CPU's cache has room for; 0 while the CPU is inside. Racy, since the task
 * may migrate: cache_fill() makes spans that do not fit idle again.
 */
static unsigned int room_here(const struct span_heap *heap)
{
	unsigned int max = READ_ONCE(cache_max_pages);

	if (raw_cpu_read(heap->cache->busy))
		return 0;
	return max - min(max, raw_cpu_read(heap->cache->pages));
}

/**
 * cache_fill() - cache spans that are likely to be asked for next
 * @heap: the heap
 * @like: a span that the heap has just been asked for, since none was cached
 *
 * Takes idle pages close to it, as heap_take_more().
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
	max = min3(room_here(heap) / npages, chain_length(npages) - 1, 0U + FILL_SPANS);
	nr = max ? heap_take_more(like, spans, max) : 0;
	cache = nr ? enter(heap) : NULL;
	if (cache) {
		/* The lowest is taken first. */
		while (nr && is_at_home(heap, spans[nr - 1]) &&
		       has_room(cache, npages, READ_ONCE(cache_max_pages))) {
			push_short(cache, spans[--nr]);
			cache->pages += npages;
		}
		leave_cached(heap, cache);
	}
	for (; nr; nr -= max) {
		max = min(nr, 0U + HOLD_SPANS);
		heap_uncache(heap, spans + nr - max, max, false);
	}
}

static struct span *evict_chain(struct span_cache *cache, struct span_magazine *magazine,
				unsigned int *nr)
{
	struct span *chain = magazine_evict(magazine);

	*nr = chain_length(chain->npages);
	cache->pages -= *nr * chain->npages;
	return chain;
}

/* Evict half of the spans that are as long as the long span cached first. */
static struct span *evict_longs(struct span_cache *cache, unsigned int *nr)
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

/* Make room for a span of @npages pages; returns the chain of *@nr spans that has to go. */
static struct span *make_room(struct span_cache *cache, unsigned int npages, unsigned int *nr)
{
	unsigned int tries = 2 * NR_SLOTS;

	if (npages > CACHE_MAX_SHORT && cache->large.nr == CACHE_CPU_LARGE)
		return evict_longs(cache, nr);
	/* The first round clears `used`; the second evicts spans that were used before. */
	for (; tries; tries--, cache->hand = (cache->hand + 1) % NR_SLOTS) {
		struct span_magazine *magazine = &cache->magazine[cache->hand];
		bool is_long = cache->hand == CACHE_MAX_SHORT;
		bool *used = is_long ? &cache->large.used : &magazine->used;

		if (is_long ? !cache->large.nr : !magazine->full.first)
			continue;
		if (!*used)
			return is_long ? evict_longs(cache, nr) : evict_chain(cache, magazine, nr);
		*used = false;
	}
	return NULL;
}

static __always_inline void cache_keep(struct span_cache *cache, struct span *span,
				       enum span_kind kind)
{
	unsigned int npages = span->npages;

	if (likely(npages <= CACHE_MAX_SHORT))
		push_short(cache, span);
	else
		large_add(&cache->large, span);
	cache->pages += npages;
	cache->in_use[kind] -= npages;
	cache->frees++;
}

/* Make room in a full cache, cache @span if there is room then, and leave the cache. */
static noinline bool push_out(struct span_heap *heap, struct span_cache *cache,
			      struct span *span, enum span_kind kind)
{
	unsigned int nr = 0;
	struct span *out = make_room(cache, span->npages, &nr);
	bool cached = has_room(cache, span->npages, READ_ONCE(cache_max_pages));

	if (cached) {
		cache_keep(cache, span, kind);
		leave_cached(heap, cache);
	} else {
		leave(cache);
	}
	if (out)
		hand_on(heap, out, nr);
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
 * Return: false if spans of this length or node are not cached, there is no room, or
 * the caller interrupted its CPU inside the cache
 */
bool cache_push(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	struct span_cache *cache;

	if (unlikely(span->npages > CACHE_MAX_LARGE || !heap->cache))
		return false;
	cache = enter(heap);
	if (unlikely(!cache))
		return false;
	if (unlikely(!is_at_home(heap, span))) {
		leave(cache);
		return false;
	}
	if (unlikely(!has_room(cache, span->npages, READ_ONCE(cache_max_pages))))
		return push_out(heap, cache, span, kind);
	cache_keep(cache, span, kind);
	leave_cached(heap, cache);
	return true;
}

/* === Emptying =========================================================== */

/*
 * A drain takes all cached spans; a pass takes the spans not needed since the last pass.
 * Each CPU empties its own cache in an interrupt, in a bounded number of steps: it links
 * lists of spans into a haul. The task that drains then makes the haul's spans idle.
 */

/* Lengths that a pass looks at in one interrupt: it may walk a chain of each. */
#define PASS_LENGTHS	2

/* Spans that an allocation that cannot sleep makes idle before it fails. */
#define SHED_SPANS	32U

static void take_all(struct span_cache *cache, struct haul *haul)
{
	unsigned int i;

	for (i = 0; i < CACHE_MAX_SHORT; i++)
		magazine_take_all(&cache->magazine[i], haul);
	large_take_first(&cache->large, cache->large.nr, haul);
	cache->pages = 0;
}

/* Take spans not needed since the last pass: of %PASS_LENGTHS lengths from @from, or long. */
static void take_old(struct span_cache *cache, unsigned int from, struct haul *haul)
{
	unsigned int i;

	if (from >= CACHE_MAX_SHORT) {
		cache->pages -= large_take_first(&cache->large, cache->large.low, haul);
		return;
	}
	for (i = from; i < from + PASS_LENGTHS; i++) {
		struct span_magazine *magazine = &cache->magazine[i];
		unsigned int nr = magazine->nr;

		magazine_take_old(magazine, i + 1, haul);
		cache->pages -= (nr - magazine->nr) * (i + 1);
	}
}

/**
 * struct drain - a drain or pass, shared by the CPUs that take part
 * @heap: whose caches
 * @pass: take only spans not needed since the last pass, of lengths from @from on
 * @from: index of a length; %CACHE_MAX_SHORT for long spans
 * @lock: protects the members below
 * @haul: spans that the CPUs have taken out
 * @missed: CPUs that were inside their caches
 */
struct drain {
	struct span_heap *heap;
	bool pass;
	unsigned int from;
	raw_spinlock_t lock;	/* @haul, @missed */
	struct haul haul;
	unsigned int missed;
};

static bool has_cached(int cpu, void *info)
{
	const struct drain *drain = info;
	const struct span_cache *cache = per_cpu_ptr(drain->heap->cache, cpu);

	/* @cpu may be changing @pages. A span that is being cached now need not be drained. */
	return data_race(cache->pages);
}

/* Runs on the CPU that owns the cache, with interrupts off. */
static void drain_here(void *info)
{
	struct drain *drain = info;
	struct span_cache *cache = enter(drain->heap);
	struct haul haul = {};
	unsigned long flags;

	if (cache) {
		if (drain->pass)
			take_old(cache, drain->from, &haul);
		else
			take_all(cache, &haul);
		leave(cache);
	}
	raw_spin_lock_irqsave(&drain->lock, flags);
	haul_join(&drain->haul, &haul);
	drain->missed += !cache;
	raw_spin_unlock_irqrestore(&drain->lock, flags);
}

/* Make all spans of a haul idle; returns how many pages they had. */
static unsigned long uncache_haul(struct span_heap *heap, struct haul *haul, bool old)
{
	unsigned long pages = 0;
	struct span *chain;

	while ((chain = haul_next_chain(haul))) {
		pages += uncache(heap, chain, old);
		cond_resched();
	}
	return pages;
}

/**
 * cache_drain() - make all cached spans of a heap idle
 * @heap: the heap
 *
 * Interrupts those CPUs that have cached spans.
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: pages they had
 */
unsigned long cache_drain(struct span_heap *heap)
{
	struct drain drain = { .heap = heap };
	unsigned int tries = DRAIN_TRIES;
	int node;

	might_sleep();
	if (!heap->cache)
		return 0;
	raw_spin_lock_init(&drain.lock);
	do {
		drain.missed = 0;
		on_each_cpu_cond(has_cached, drain_here, &drain, true);
	} while (drain.missed && --tries);
	for (node = 0; node < nr_node_ids; node++)
		depot_take_all(&heap->depot[node], &drain.haul);
	return uncache_haul(heap, &drain.haul, false);
}

/**
 * cache_shed() - make some cached spans of this CPU and its node idle
 * @heap: the heap
 *
 * For callers that cannot sleep. Takes up to %SHED_SPANS spans of this CPU's cache, the
 * longest first. While there are fewer, takes a chain of each short length from the depot.
 *
 * Context: Any but NMI.
 *
 * Return: pages they had
 */
unsigned long cache_shed(struct span_heap *heap)
{
	unsigned int npages = CACHE_MAX_SHORT, nr = 0;
	struct span *list = NULL, *span;
	struct span_cache *cache;
	unsigned long pages;

	cache = heap->cache ? enter(heap) : NULL;
	if (!cache)
		return 0;
	while (nr < SHED_SPANS && cache->large.nr) {
		span = large_take(&cache->large, cache->large.npages[cache->large.nr - 1]);
		cache->pages -= span->npages;
		span->next = list;
		list = span;
		nr++;
	}
	while (nr < SHED_SPANS && npages) {
		span = magazine_pop(&cache->magazine[npages - 1]);
		if (!span) {
			npages--;
			continue;
		}
		cache->pages -= npages;
		span->next = list;
		list = span;
		nr++;
	}
	leave(cache);
	pages = uncache(heap, list, false);
	for (npages = CACHE_MAX_SHORT; npages && nr < SHED_SPANS; npages--) {
		list = depot_get(depot_here(heap), npages);
		if (list)
			nr += chain_length(npages);
		pages += uncache(heap, list, false);
	}
	return pages;
}

/**
 * cache_pass() - make the cached spans idle that were not needed since the last call
 * @heap: the heap
 * @old: the last call was an age ago or more, so that the pages become old at once
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages they had
 */
unsigned long cache_pass(struct span_heap *heap, bool old)
{
	struct drain drain = { .heap = heap, .pass = true };
	unsigned long pages = 0;
	int node;

	might_sleep();
	if (!heap->cache)
		return 0;
	raw_spin_lock_init(&drain.lock);
	for (; drain.from <= CACHE_MAX_SHORT; drain.from += PASS_LENGTHS) {
		on_each_cpu_cond(has_cached, drain_here, &drain, true);
		pages += uncache_haul(heap, &drain.haul, old);
	}
	for (node = 0; node < nr_node_ids; node++)
		depot_take_old(&heap->depot[node], &drain.haul);
	return pages + uncache_haul(heap, &drain.haul, old);
}

/* === Numbers ============================================================ */

static unsigned int cache_spans(const struct span_cache *cache)
{
	unsigned int nr = READ_ONCE(cache->large.nr);
	unsigned int i;

	for (i = 0; i < CACHE_MAX_SHORT; i++)
		nr += READ_ONCE(cache->magazine[i].nr);
	return nr;
}

/**
 * cache_sum() - add up the numbers of a heap's caches
 * @heap: the heap
 * @sum: filled in; exact while no CPU allocates or frees
 *
 * Context: Any but NMI.
 */
void cache_sum(struct span_heap *heap, struct cache_sum *sum)
{
	int cpu, kind, node;

	memset(sum, 0, sizeof(*sum));
	if (!heap->cache)
		return;
	for_each_possible_cpu(cpu) {
		const struct span_cache *cache = per_cpu_ptr(heap->cache, cpu);

		/* Other CPUs update these counters concurrently; a stale sum is acceptable. */
		for (kind = 0; kind < SPAN_NR_KINDS; kind++)
			sum->in_use[kind] += READ_ONCE(cache->in_use[kind]);
		sum->pages += READ_ONCE(cache->pages);
		sum->hits += READ_ONCE(cache->hits);
		sum->misses += READ_ONCE(cache->misses);
		sum->frees += READ_ONCE(cache->frees);
		sum->zeroed += READ_ONCE(cache->zeroed);
		sum->skipped += READ_ONCE(cache->skipped);
		sum->cached += cache_spans(cache);
	}
	sum->spans = sum->hits - sum->frees;
	for (node = 0; node < nr_node_ids; node++) {
		sum->pages += READ_ONCE(heap->depot[node].pages);
		sum->cached += depot_spans(&heap->depot[node]);
	}
}

/**
 * cache_pages() - count the pages cached in a heap's caches
 * @heap: the heap
 *
 * Context: Any but NMI.
 *
 * Return: how many; exact while no CPU allocates or frees
 */
unsigned long cache_pages(struct span_heap *heap)
{
	struct cache_sum sum;

	cache_sum(heap, &sum);
	return sum.pages;
}

/**
 * cache_pages_of() - count the pages cached in the caches of one node
 * @heap: the heap
 * @node: the node; %NUMA_NO_NODE for all
 *
 * A cache keeps memory of its CPU's node, or of the heap's node if the heap has one.
 *
 * Context: Any but NMI.
 *
 * Return: how many; exact while no CPU allocates or frees
 */
unsigned long cache_pages_of(struct span_heap *heap, int node)
{
	unsigned long pages;
	int cpu;

	if (one_node() || node == NUMA_NO_NODE || !heap->cache)
		return cache_pages(heap);
	if (heap->node != NUMA_NO_NODE)
		return heap->node == node ? cache_pages(heap) : 0;
	pages = READ_ONCE(heap->depot[node].pages);
	for_each_possible_cpu(cpu)
		if (cpu_to_mem(cpu) == node)
			pages += READ_ONCE(per_cpu_ptr(heap->cache, cpu)->pages);
	return pages;
}

/**
 * cache_pages_sync() - as cache_pages(), ordered after earlier writes of the caller
 * @heap: the heap
 *
 * Waits for a grace period, and so for every CPU that is inside a cache. A CPU that
 * caches a span after the grace period sees every write the caller made before.
 *
 * Context: Process context. May sleep.
 *
 * Return: how many
 */
unsigned long cache_pages_sync(struct span_heap *heap)
{
	if (!heap->cache)
		return 0;
	synchronize_rcu();
	return cache_pages(heap);
}

/**
 * cache_bytes() - memory that a heap's caches take
 * @heap: the heap
 *
 * Return: bytes
 */
size_t cache_bytes(const struct span_heap *heap)
{
	if (!heap->cache)
		return 0;
	return num_possible_cpus() * sizeof(struct span_cache) +
	       nr_node_ids * sizeof(struct span_depot);
}

/* === Making and ending ================================================== */

static int cpu_dead(unsigned int cpu, struct hlist_node *node)
{
	struct span_heap *heap = hlist_entry(node, struct span_heap, hotplug);
	struct haul haul = {};

	/* The CPU is dead, and no other CPU enters its cache. */
	take_all(per_cpu_ptr(heap->cache, cpu), &haul);
	uncache_haul(heap, &haul, false);
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
	int state = cpuhp_setup_state_multi(CPUHP_BP_PREPARE_DYN, "spanalloc:dead", NULL, cpu_dead);

	if (state < 0)
		return state;
	hotplug_state = state;
	if (cache_max_pages == CACHE_PAGES_AUTO)
		cache_max_pages = clamp(share, CACHE_MIN_PAGES, CACHE_MAX_PAGES);
	return 0;
}

/**
 * cache_exit() - the reverse of cache_init(); no heap is left
 */
void cache_exit(void)
{
	cpuhp_remove_multi_state(hotplug_state);
}

static void free_memory(struct span_heap *heap)
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
	free_memory(heap);
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
		take_all(per_cpu_ptr(heap->cache, cpu), &haul);
	for (node = 0; node < nr_node_ids; node++)
		depot_take_all(&heap->depot[node], &haul);
	uncache_haul(heap, &haul, false);
	free_memory(heap);
}
