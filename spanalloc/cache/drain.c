// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drain: emptying caches. A drain takes all cached spans. A pass takes the spans that no
 * allocation needed since the last pass. cache_shed() takes some for a caller that cannot sleep.
 *
 *	this CPU's cache --interrupt--> haul --task--> idle, in the page index
 *	depot ---------------task------> haul --task--> idle
 *
 * Each CPU empties its own cache in an interrupt, in a bounded number of steps: it links
 * lists of spans into a haul. The task that drains then makes the haul's spans idle.
 *
 * `low` counts the spans of a length that have stayed in the cache since the last pass. No
 * allocation needed those spans: the next pass makes them idle. If an age has gone by
 * since the last pass, the pass also marks their pages old.
 *
 * Locks: drain->lock for the haul of a drain, with interrupts off, innermost. The locks
 * of the depot and of the heap are taken by the functions called here.
 */
#include <linux/sched.h>
#include <linux/smp.h>

#include "cache/cache.h"
#include "cache/cpu.h"

/* Most rounds of interrupts in a drain; a round follows if a CPU was inside its cache. */
#define DRAIN_TRIES	4

/* Lengths that a pass takes spans of in one interrupt, which may walk a chain of each. */
#define PASS_LENGTHS	2

/* cache_shed() stops when it has made this many spans idle. */
#define SHED_SPANS	32U

/* Take spans not needed since the last pass: of %PASS_LENGTHS lengths from @from, or large. */
static void cache_take_old(struct span_cache *cache, unsigned int from, struct haul *haul)
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
 * @pass: take only spans not needed since the last pass, of %PASS_LENGTHS lengths from
 *	@from on
 * @from: index of a length; %CACHE_MAX_SHORT for large spans
 * @lock: protects @haul and @missed
 * @haul: spans that the CPUs have taken out
 * @missed: CPUs that were inside their caches
 */
struct drain {
	struct span_heap *heap;
	bool pass;
	unsigned int from;
	raw_spinlock_t lock;
	struct haul haul;
	unsigned int missed;
};

static bool drain_cpu_has_pages(int cpu, void *info)
{
	const struct drain *drain = info;
	const struct span_cache *cache = per_cpu_ptr(drain->heap->cache, cpu);

	/* Racy: a span that @cpu caches at this moment need not be drained. */
	return data_race(cache->pages);
}

/* Prepare a drain or pass of a heap; false if the heap has no caches. */
static bool drain_begin(struct drain *drain, struct span_heap *heap, bool pass)
{
	might_sleep();
	*drain = (struct drain) { .heap = heap, .pass = pass };
	raw_spin_lock_init(&drain->lock);
	return heap->cache;
}

/* Runs on the CPU that owns the cache, with interrupts off. */
static void cache_drain_here(void *info)
{
	struct drain *drain = info;
	struct span_cache *cache = cache_enter(drain->heap);
	struct haul haul = {};
	unsigned long flags;

	if (cache) {
		if (drain->pass)
			cache_take_old(cache, drain->from, &haul);
		else
			cache_take_all(cache, &haul);
		cache_leave(cache);
	}
	raw_spin_lock_irqsave(&drain->lock, flags);
	haul_join(&drain->haul, &haul);
	drain->missed += !cache;
	raw_spin_unlock_irqrestore(&drain->lock, flags);
}

/**
 * cache_drain() - make all cached spans of a heap idle
 * @heap: the heap
 *
 * Interrupts the CPUs whose caches have pages, in up to %DRAIN_TRIES rounds. A CPU that is
 * inside its cache in each round keeps its cached spans.
 *
 * Context: Process context. May sleep, in reclaim too; allocates nothing.
 *
 * Return: pages they had
 */
unsigned long cache_drain(struct span_heap *heap)
{
	unsigned int tries = DRAIN_TRIES;
	struct drain drain;
	int node;

	if (!drain_begin(&drain, heap, false))
		return 0;
	do {
		drain.missed = 0;
		on_each_cpu_cond(drain_cpu_has_pages, cache_drain_here, &drain, true);
	} while (drain.missed && --tries);
	for (node = 0; node < nr_node_ids; node++)
		depot_take_all(&heap->depot[node], &drain.haul);
	return cache_uncache_haul(heap, &drain.haul, false);
}

/*
 * Take the large span that was cached last, or else a span of the longest short length up to
 * *@npages that has any. Lowers *@npages to that length; returns NULL if no span is left.
 */
static struct span *cache_take_next(struct span_cache *cache, unsigned int *npages)
{
	struct span_large *large = &cache->large;
	struct span *span = NULL;

	if (large->nr)
		span = large_take(large, large->npages[large->nr - 1]);
	while (!span && *npages) {
		span = magazine_pop(&cache->magazine[*npages - 1]);
		*npages -= !span;
	}
	if (span)
		cache->pages -= span->npages;
	return span;
}

/**
 * cache_shed() - make some cached spans of this CPU and its node idle
 * @heap: the heap
 *
 * For callers that cannot sleep. Takes up to %SHED_SPANS spans of this CPU's cache: large ones
 * first, the last cached one first, then short ones, the longest first. If the cache has fewer,
 * takes one chain of each short length from the depot, the longest first, until %SHED_SPANS
 * spans are reached.
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

	cache = heap->cache ? cache_enter(heap) : NULL;
	if (!cache)
		return 0;
	while (nr < SHED_SPANS && (span = cache_take_next(cache, &npages))) {
		span->next = list;
		list = span;
		nr++;
	}
	cache_leave(cache);
	pages = cache_uncache(heap, list, false);
	for (npages = CACHE_MAX_SHORT; npages && nr < SHED_SPANS; npages--) {
		list = depot_get(cache_depot(heap), npages);
		if (list)
			nr += chain_length(npages);
		pages += cache_uncache(heap, list, false);
	}
	return pages;
}

/**
 * cache_pass() - make the cached spans idle that were not needed since the last call
 * @heap: the heap
 * @old: the last call was an age ago or more, so that the pages become old at once
 *
 * A CPU that is inside its cache when it is interrupted keeps its spans until a later call.
 *
 * Context: Process context. May sleep; allocates nothing.
 *
 * Return: pages they had
 */
unsigned long cache_pass(struct span_heap *heap, bool old)
{
	unsigned long pages = 0;
	struct drain drain;
	int node;

	if (!drain_begin(&drain, heap, true))
		return 0;
	for (; drain.from <= CACHE_MAX_SHORT; drain.from += PASS_LENGTHS) {
		on_each_cpu_cond(drain_cpu_has_pages, cache_drain_here, &drain, true);
		pages += cache_uncache_haul(heap, &drain.haul, old);
	}
	for (node = 0; node < nr_node_ids; node++)
		depot_take_old(&heap->depot[node], &drain.haul);
	return pages + cache_uncache_haul(heap, &drain.haul, old);
}
