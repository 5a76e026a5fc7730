// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heap, walking: the live spans of a heap in order of page number in the index.
 *
 * The page index tells which pages are in use; the lookup tells which of them lie in a live
 * span. The walk holds the heap's lock for a few chunks at a time.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "heap/heap.h"
#include "heap/heap_walk.h"
#include "heap/hold.h"
#include "heap/span.h"
#include "index/pageindex.h"

/**
 * heap_next_span() - go through a heap's live spans in order of page number
 * @heap: the heap
 * @page: page of the index to begin at; first page after the span found
 * @view: the span found
 *
 * Spans that are allocated or freed during the walk may or may not be found.
 *
 * Context: Process context. May sleep; takes the heap's lock.
 *
 * Return: false if there is none from @page on
 */
bool heap_next_span(struct span_heap *heap, unsigned long *page, struct span_view *view)
{
	unsigned long addr = 0;
	unsigned long flags;
	bool found = false;

	while (!found) {
		unsigned int steps = HOLD_LOOK_CHUNKS;
		bool used;

		flags = heap_lock(heap);
		used = pageindex_next_used(&heap->index, page, &steps);
		if (used)
			addr = heap_page_address_locked(heap, *page);
		heap_unlock(heap, flags);
		/* Pages that are taken but in no live span cost one iteration each. */
		cond_resched();
		/* With steps left, the search came to the end of the index. */
		if (!used && steps)
			return false;
		if (!used)
			continue;
		rcu_read_lock();
		found = span_at((void *)addr, view);
		rcu_read_unlock();
		if (!found)
			++*page;
	}
	*page += (view->base + (view->npages << PAGE_SHIFT) - addr) >> PAGE_SHIFT;
	return true;
}
