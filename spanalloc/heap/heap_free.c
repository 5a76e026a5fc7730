// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap, freeing: dead spans back to the page index, as idle pages.
 *
 * A span leaves the map before the heap's lock is taken, and its descriptor goes back to the
 * slab after the lock is dropped. The work of one hold is bounded (hold.h): long spans go
 * back in pieces, spans of a cache by groups of runs that lie in few chunks.
 */
#include <linux/mm.h>
#include <linux/sort.h>

#include <spanalloc/spanalloc.h>

#include "heap/heap.h"
#include "heap/heap_free.h"
#include "heap/hold.h"
#include "heap/putback.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "heap/wake.h"
#include "index/demand.h"
#include "index/pageindex.h"
#include "index/prefetch.h"

/**
 * heap_free() - make the pages of a dead span idle, and free its descriptor
 * @heap: the heap
 * @span: the span, which has died
 * @kind: what it was for
 *
 * The pages of a long span become idle piece by piece, with the lock dropped in between.
 *
 * Context: Any but NMI.
 */
void heap_free(struct span_heap *heap, struct span *span, enum span_kind kind)
{
	unsigned int clean = want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0;
	unsigned long page = heap_page_of(span->base);
	unsigned long left = span->npages;
	unsigned long nr, flags;

	arena_prefetch(&heap->index, arena_of(span->base), span->base);
	span_leave(span);
	flags = heap_lock(heap);
	heap_demand_roll_locked(heap);
	heap->in_use[kind] -= left;
	heap->spans--;
	heap->count.free_count++;
	heap->moving += left;
	for (;;) {
		nr = min(left, PAGEINDEX_PIECE_PAGES);
		pageindex_free(&heap->index, page, nr, clean);
		heap->moving -= nr;
		page += nr;
		left -= nr;
		if (!left)
			break;
		heap_unlock(heap, flags);
		flags = heap_lock(heap);
	}
	heap_unlock_and_wake(heap, flags);
	span_delete(span);
}

/**
 * heap_count_uncached() - count a span as allocated that no cache has counted
 * @heap: the heap
 * @span: the span
 * @kind: what it will be for
 *
 * Context: Any but NMI.
 */
void heap_count_uncached(struct span_heap *heap, const struct span *span, enum span_kind kind)
{
	unsigned long flags = heap_lock(heap);

	heap->in_use[kind] += span->npages;
	heap->spans++;
	heap->count.alloc_count++;
	heap_unlock(heap, flags);
}

static int heap_compare_runs(const void *left, const void *right)
{
	unsigned long a = ((const struct pageindex_run *)left)->page;
	unsigned long b = ((const struct pageindex_run *)right)->page;

	return a < b ? -1 : a > b;
}

static unsigned long heap_pages_of_runs(const struct pageindex_run *runs, unsigned int nr)
{
	unsigned long npages = 0;

	while (nr--)
		npages += runs[nr].npages;
	return npages;
}

/**
 * heap_free_cached() - make the pages of cached spans idle, and free their descriptors
 * @heap: the heap
 * @spans: the spans, dead; the heap's counters do not count them
 * @nr: how many, at most %HOLD_SPANS
 * @old: they have been cached for as long as idle pages are kept
 *
 * Pages of a few chunks become idle in one hold of the heap's lock, and the summary of each
 * chunk is updated once.
 *
 * Context: Any but NMI.
 */
void heap_free_cached(struct span_heap *heap, struct span **spans, unsigned int nr, bool old)
{
	unsigned int how = (want_init_on_free() ? PAGEINDEX_FREE_CLEAN : 0) |
			   (old ? PAGEINDEX_FREE_OLD : 0);
	struct pageindex_run runs[HOLD_SPANS];
	unsigned int i, lot;
	unsigned long flags;

	for (i = 0; i < nr; i++) {
		span_leave(spans[i]);
		runs[i].page = heap_page_of(spans[i]->base);
		runs[i].npages = spans[i]->npages;
		arena_prefetch(&heap->index, arena_of(spans[i]->base), spans[i]->base);
	}
	sort(runs, nr, sizeof(*runs), heap_compare_runs, NULL);
	for (i = 0; i < nr; i += lot) {
		lot = putback_runs_in_hold(runs + i, nr - i);
		flags = heap_lock(heap);
		heap_demand_roll_locked(heap);
		pageindex_free_runs(&heap->index, runs + i, lot, how);
		/* Cached pages count as taken; these were idle all the time. */
		if (old)
			demand_lower(&heap->demand, heap_pages_of_runs(runs + i, lot));
		heap_unlock_and_wake(heap, flags);
	}
	for (i = 0; i < nr; i++)
		span_delete(spans[i]);
}
