// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: a heap's numbers, of which the page sums always add up.
 *
 * The page index is read in one hold of the heap's lock, after the caches, which are read
 * one after the other. Pages that are neither in use nor released count as idle: idle pages
 * of the page index, cached pages, and pages that move between states, such as those of
 * deferred frees. So in use, idle and released pages add up to the grown pages, and are
 * exact while no CPU allocates or frees.
 */
#include <linux/mm.h>

#include <spanalloc/spanalloc.h>

#include "cache/cache.h"
#include "heap/heap.h"
#include "heap/pool.h"
#include "heap/report.h"
#include "heap/span.h"
#include "index/demand.h"
#include "index/lookup.h"
#include "index/pageindex.h"

static u64 stats_in_use(const struct span_heap *heap, const struct cache_sum *cached,
			enum span_kind kind)
{
	long pages = heap->in_use[kind] + cached->in_use[kind];

	/* While CPUs allocate and free, a sum over their counters may be wrong, even negative. */
	return max(pages, 0L);
}

/* Add up the kinds. If the sum exceeds @backed, reduce the kinds, the first one first. */
static void stats_fit_in_use(struct span_heap_stats *stats, u64 backed)
{
	u64 *kind[] = { &stats->in_use_heap_pages, &stats->in_use_stack_pages,
			&stats->in_use_bits_pages, &stats->in_use_work_pages };
	u64 excess, part;
	unsigned int i;

	static_assert(ARRAY_SIZE(kind) == SPAN_NR_KINDS);
	for (i = 0; i < SPAN_NR_KINDS; i++)
		stats->in_use_pages += *kind[i];
	excess = stats->in_use_pages - min(stats->in_use_pages, backed);
	stats->in_use_pages -= excess;
	for (i = 0; excess; i++) {
		part = min(*kind[i], excess);
		*kind[i] -= part;
		excess -= part;
	}
}

void span_heap_stats(struct span_heap *heap, struct span_heap_stats *stats)
{
	const struct pageindex *idx;
	struct cache_sum cached;
	unsigned long flags, backed;

	if (!stats) {
		report_call("span_heap_stats", "stats is NULL", _RET_IP_);
		return;
	}
	memset(stats, 0, sizeof(*stats));
	if (!heap_is_ok(heap, "span_heap_stats", _RET_IP_))
		return;
	idx = &heap->index;
	cache_sum(heap, &cached);
	flags = heap_lock(heap);
	*stats = heap->count;
	backed = idx->nr_pages - idx->nr_released;
	stats->grown_pages = idx->nr_pages;
	stats->in_use_heap_pages = stats_in_use(heap, &cached, SPAN_KIND_HEAP);
	stats->in_use_stack_pages = stats_in_use(heap, &cached, SPAN_KIND_STACK);
	stats->in_use_bits_pages = stats_in_use(heap, &cached, SPAN_KIND_BITS);
	stats->in_use_work_pages = stats_in_use(heap, &cached, SPAN_KIND_WORK);
	stats_fit_in_use(stats, backed);
	stats->released_pages = idx->nr_released;
	stats->idle_pages = backed - stats->in_use_pages;
	stats->cached_pages = cached.pages;
	stats->alloc_count += cached.hits;
	stats->free_count += cached.frees;
	stats->bad_free_count += atomic_long_read(&heap->stray_frees);
	stats->cache_hit_count = cached.hits;
	stats->cache_miss_count = cached.misses;
	stats->zeroed_pages += cached.zeroed;
	stats->zero_skipped_pages += cached.skipped;
	stats->limit_pages = heap->limit;
	stats->soft_limit_pages = heap->soft_limit;
	heap_demand_roll_locked(heap);
	stats->demand_pages = demand_keep(&heap->demand);
	stats->reserve_target_pages = heap->reserve;
	stats->pool_low_pages = heap->pool.low;
	stats->pool_high_pages = heap->pool.high;
	stats->arena_count = idx->nr_blocks;
	stats->span_count = heap->spans + cached.spans;
	stats->grow_count = heap->grows;
	stats->metadata_bytes = sizeof(*heap) + cache_bytes(heap) + heap->table_bytes +
				idx->nr_blocks * PAGE_ALIGN(sizeof(struct arena)) +
				(stats->span_count + cached.cached) * span_bytes();
	stats->page_table_bytes = idx->nr_pages / PTRS_PER_PTE * PAGE_SIZE;
	heap_unlock(heap, flags);
}
EXPORT_SYMBOL_NS_GPL(span_heap_stats, "SPANALLOC");
