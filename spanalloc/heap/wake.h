/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wake: why and how the scavenger's thread is woken.
 */
#ifndef SPANALLOC_WAKE_H
#define SPANALLOC_WAKE_H

#include <linux/bits.h>
#include <linux/wait.h>

#include "heap/heap.h"

/* Reasons to wake the scavenger. All but WAKE_IDLE are urgent: handled at once, at nice 0. */
#define WAKE_IDLE	0	/* a heap has idle pages, or too many */
#define WAKE_RESERVE	1	/* a heap's reserve, or its pool, is not full */
#define WAKE_PRESSURE	2	/* the system is short of memory */
#define WAKE_DEFERRED	3	/* a heap has freed spans to be finished, or caches to empty */
#define WAKE_URGENT	(BIT(WAKE_RESERVE) | BIT(WAKE_PRESSURE) | BIT(WAKE_DEFERRED))

/* Woken, with bits of wake_reasons set, when a heap needs the scavenger. */
extern wait_queue_head_t wake_queue;
extern unsigned long wake_reasons;

void scavenger_wake(unsigned int reason);
bool heap_needs_scavenger_locked(struct span_heap *heap);
void heap_want_drain(struct span_heap *heap);
void heap_watch_cached(struct span_heap *heap);

/**
 * heap_unlock_and_wake() - drop the lock of a heap whose idle pages may have become more
 * @heap: the heap
 * @flags: what heap_lock() returned
 *
 * Context: Any but NMI.
 */
static inline void heap_unlock_and_wake(struct span_heap *heap, unsigned long flags)
	__releases(&heap->lock)
{
	bool wake = heap_needs_scavenger_locked(heap);

	heap_unlock(heap, flags);
	if (wake)
		scavenger_wake(WAKE_IDLE);
}

#endif /* SPANALLOC_WAKE_H */
