// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: one consistent copy of a heap's numbers.
 *
 * Everything is read in one hold of the heap's lock, so that the sums hold at
 * any moment, not only at quiet ones. A page on its way from idle to released
 * still has memory behind it, and one on its way back is about to: both count
 * as idle.
 */
#include <linux/mm.h>

#include "internal.h"

void span_heap_stats(struct span_heap *heap, struct span_heap_stats *stats)
{
	const struct pageindex *idx;
	unsigned long flags;

	memset(stats, 0, sizeof(*stats));
	if (!heap_is_ok(heap, "span_heap_stats", _RET_IP_))
		return;
	idx = &heap->index;
	flags = heap_lock(heap);
	*stats = heap->count;
	stats->reserved_pages = idx->nr_pages;
	stats->in_use_pages = heap_in_use_locked(heap);
	stats->in_use_heap_pages = heap->in_use[SPAN_KIND_HEAP];
	stats->in_use_stack_pages = heap->in_use[SPAN_KIND_STACK];
	stats->in_use_bits_pages = heap->in_use[SPAN_KIND_BITS];
	stats->in_use_work_pages = heap->in_use[SPAN_KIND_WORK];
	stats->idle_pages = idx->nr_idle + heap->moving;
	stats->released_pages = idx->nr_released;
	stats->limit_pages = heap->limit;
	stats->reserve_pages = heap->reserve;
	stats->arena_count = idx->nr_blocks;
	stats->span_count = heap->spans;
	stats->grow_count = heap->grows;
	stats->metadata_bytes = sizeof(*heap) + heap->table_bytes +
				idx->nr_blocks * PAGE_ALIGN(sizeof(struct arena)) +
				heap->spans * sizeof(struct span);
	stats->page_table_bytes = idx->nr_pages / PTRS_PER_PTE * PAGE_SIZE;
	heap_unlock(heap, flags);
}
EXPORT_SYMBOL_NS_GPL(span_heap_stats, "SPANALLOC");
