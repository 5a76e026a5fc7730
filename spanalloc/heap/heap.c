// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap: the clock by which pages age, and counters that several files change.
 */
#include "heap/heap.h"

unsigned long (*heap_test_clock)(void);

/**
 * heap_count_backed_locked() - count pages that have got memory
 * @heap: the heap
 * @npages: how many
 * @fresh: how many of them never had memory before
 *
 * Context: Under the heap's lock.
 */
void heap_count_backed_locked(struct span_heap *heap, unsigned long npages, unsigned long fresh)
{
	unsigned long backed = heap_backed_locked(heap);

	heap->count.backed_pages += npages;
	heap->count.rebacked_pages += npages - min(npages, fresh);
	if (backed > heap->count.peak_backed_pages)
		heap->count.peak_backed_pages = backed;
}

/**
 * heap_count_time() - count time that the scavenger has spent on a heap
 * @heap: the heap
 * @ns: how long that took, in nanoseconds
 *
 * Context: Any but NMI.
 */
void heap_count_time(struct span_heap *heap, u64 ns)
{
	unsigned long flags;

	if (!ns)
		return;
	flags = heap_lock(heap);
	heap->count.scavenge_ns += ns;
	heap_unlock(heap, flags);
}
