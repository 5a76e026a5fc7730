// SPDX-License-Identifier: GPL-2.0-only
/*
 * In flight: batches of pages that a task is releasing, or finishing after their free.
 *
 * The pages of such a batch are neither idle nor released yet, so that a task at a limit
 * may find nothing to release although room is about to come. inflight_wait() lets it wait
 * until one more batch is done, or none is left.
 *
 * Locks: the counts are under the heap's lock; no lock is held while waiting.
 */
#include <linux/sched/signal.h>
#include <linux/wait.h>

#include "heap/heap.h"
#include "heap/inflight.h"

/**
 * inflight_init() - prepare a new heap
 * @inflight: what the heap counts
 */
void inflight_init(struct inflight *inflight)
{
	init_waitqueue_head(&inflight->wait);
}

/**
 * inflight_begin_locked() - count a batch of pages that is being released or finished
 * @heap: the heap
 */
void inflight_begin_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	heap->inflight.nr++;
}

/**
 * inflight_end() - count a batch as done, and wake the tasks that wait for it
 * @heap: the heap
 *
 * Context: Any but NMI.
 */
void inflight_end(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	heap->inflight.nr--;
	heap->inflight.done++;
	heap_unlock(heap, flags);
	/* Pairs with the barrier in prepare_to_wait_event(): waiters see the count or wake. */
	if (wq_has_sleeper(&heap->inflight.wait))
		wake_up_all(&heap->inflight.wait);
}

static unsigned int inflight_done(struct span_heap *heap, bool *out)
{
	unsigned long flags = heap_lock(heap);
	unsigned int finished = heap->inflight.done;

	*out = heap->inflight.nr;
	heap_unlock(heap, flags);
	return finished;
}

/**
 * inflight_wait() - wait until another task has finished a batch of pages
 * @heap: the heap
 *
 * Context: Process context. May sleep; not in reclaim.
 *
 * Return: false if no batch is under way, or the caller is being killed
 */
bool inflight_wait(struct span_heap *heap)
{
	bool out, still_out;
	unsigned int finished = inflight_done(heap, &out);

	return out && !wait_event_killable(heap->inflight.wait,
					   inflight_done(heap, &still_out) != finished ||
					   !still_out);
}
