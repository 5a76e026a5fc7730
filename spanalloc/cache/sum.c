// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics of a heap's caches: sums over all CPUs and depots.
 *
 * No locks: other CPUs update the counters concurrently, and a stale sum is acceptable.
 * cache_pages_sync() is for callers that need an order.
 */
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "cache/cache.h"
#include "cache/cpu.h"

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

	if (has_one_node() || node == NUMA_NO_NODE || !heap->cache)
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
