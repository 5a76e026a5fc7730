// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wake: why and how the scavenger's thread is woken.
 *
 * The thread sleeps until a heap is due. A heap with idle pages that may be released is
 * watched: the thread knows of them. The free that makes idle pages of a heap which is not
 * watched sets span_heap::watched under the heap's lock and wakes the thread once the lock is
 * dropped; later frees wake the thread only while the heap exceeds its soft limit. The thread
 * clears the flag, under the lock, when the heap has nothing to release and time alone changes
 * nothing.
 *
 *	not watched ---free---> watched, thread woken
 *	     ^			       |
 *	     `--- nothing to release --'
 *
 * Reasons are bits of wake_reasons. The thread clears a bit before it looks at the heaps, so
 * that a reason given while it looks makes it look again.
 *
 * Context: Any but NMI. wake_queue's lock is never taken under a heap's lock.
 */
#include <linux/bitops.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "heap/heap.h"
#include "heap/wake.h"

DECLARE_WAIT_QUEUE_HEAD(wake_queue);
unsigned long wake_reasons;

/**
 * scavenger_wake() - wake the scavenger
 * @reason: what for, one of WAKE_*
 *
 * Context: Any but NMI.
 */
void scavenger_wake(unsigned int reason)
{
	/* The bit first: a thread that is awake clears it before it looks. */
	if (!test_and_set_bit(reason, &wake_reasons))
		wake_up(&wake_queue);
}

/**
 * heap_needs_scavenger_locked() - check whether the scavenger has to look at a heap
 * @heap: the heap; becomes watched if it has idle pages that may be released
 *
 * Context: Under the heap's lock.
 *
 * Return: whether to wake the scavenger once the lock is dropped
 */
bool heap_needs_scavenger_locked(struct span_heap *heap)
{
	lockdep_assert_held(&heap->lock);
	if (READ_ONCE(heap->watched) || heap->index.nr_idle <= heap_min_idle_locked(heap))
		return heap_excess_locked(heap);
	WRITE_ONCE(heap->watched, true);
	return true;
}

/**
 * heap_want_drain() - have the caches of all CPUs emptied soon, for callers that cannot wait
 * @heap: the heap
 *
 * Context: Any but NMI.
 */
void heap_want_drain(struct span_heap *heap)
{
	if (!xchg(&heap->drain_wanted, true))
		scavenger_wake(WAKE_DEFERRED);
}

/**
 * heap_watch_cached() - make a heap watched because of its cached spans
 * @heap: the heap
 *
 * Context: Any but NMI.
 */
void heap_watch_cached(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	bool wake = !READ_ONCE(heap->watched);

	WRITE_ONCE(heap->watched, true);
	heap_unlock(heap, flags);
	if (wake)
		scavenger_wake(WAKE_IDLE);
}
