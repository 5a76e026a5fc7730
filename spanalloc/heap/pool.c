// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic pool: how many idle pages a heap keeps for callers that cannot wait.
 *
 * The pool exists while callers that cannot wait use the heap. Their longest request sets
 * two watermarks:
 *
 *	high  --.------.----.--	  filled up to here, and so that one run of idle pages
 *		 \    / \  /	  is as long as the longest request
 *	low   ----\--/---\/-----  below, or if a request did not find idle pages: the
 *		   \/		  scavenger is woken
 *
 * After an age without a caller that cannot wait both watermarks drop to 0, until the next
 * such call. Passes stop at the high watermark. Other releases and allocations may take
 * pages of the pool; the next request below the low watermark has it refilled (reserve.c).
 *
 * Locks: all of struct pool is under the heap's lock.
 */
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "heap/heap.h"
#include "heap/pool.h"
#include "heap/request.h"
#include "index/pageindex.h"

/* Bounds of the low watermark. The high one is twice the low one; a limit may lower both. */
#define POOL_MIN	64UL
#define POOL_MAX	512UL

/* Set the watermarks from the longest requests of this age and the one before. */
static void pool_set_marks_locked(struct span_heap *heap)
{
	struct pool *pool = &heap->pool;
	unsigned long longest = max(pool->longest[0], pool->longest[1]);

	lockdep_assert_held(&heap->lock);
	pool->low = 0;
	if (longest)
		pool->low = clamp(2 * longest, POOL_MIN, POOL_MAX);
	pool->high = min(2 * pool->low, heap->index.max_backed);
	pool->low = min(pool->low, pool->high);
	if (!longest)
		pool->is_short = false;
}

static bool pool_note_request_locked(struct span_heap *heap, const struct span_request *req,
				     bool ready)
{
	struct pool *pool = &heap->pool;
	bool atomic = !gfpflags_allow_blocking(req->gfp);
	/* No run is kept ready for aligned requests or for more than a chunk. */
	bool missed = atomic && !ready && req->align == 1 &&
		      req->npages <= PAGEINDEX_CHUNK_PAGES;
	bool wake = false;

	lockdep_assert_held(&heap->lock);
	if (atomic && req->npages > pool->longest[0]) {
		/* The pool begins to exist: wake the thread, which ends it when unused. */
		wake = !pool->low;
		if (wake)
			pool->from = heap_now();
		/* Searches for idle runs do not cross chunks, so longer ones are not kept. */
		pool->longest[0] = min(req->npages, PAGEINDEX_CHUNK_PAGES);
		pool_set_marks_locked(heap);
	}
	if (pool->is_short || (heap->index.nr_idle >= pool->low && !missed))
		return wake;
	pool->is_short = true;
	return true;
}

/**
 * pool_note_request() - adapt the pool to a request, and see whether a refill is due
 * @heap: the heap
 * @req: the request
 * @ready: the request was served from idle pages alone
 *
 * Context: Any but NMI.
 *
 * Return: whether the caller has to wake the scavenger
 */
bool pool_note_request(struct span_heap *heap, const struct span_request *req, bool ready)
{
	unsigned long flags;
	bool wake;

	if (heap->flags & SPAN_HEAP_NO_POOL)
		return false;
	/* Read without the lock: if pool.low has just become nonzero, the next request sees it. */
	if (likely(gfpflags_allow_blocking(req->gfp) && !data_race(heap->pool.low)))
		return false;
	flags = heap_lock(heap);
	wake = pool_note_request_locked(heap, req, ready);
	heap_unlock(heap, flags);
	return wake;
}

/**
 * pool_roll_locked() - begin a new age if this one is over
 * @heap: the heap
 * @age: length of an age, in jiffies
 *
 * Context: Under the heap's lock.
 *
 * Return: jiffies until the end of the current age; %MAX_SCHEDULE_TIMEOUT without a pool
 */
unsigned long pool_roll_locked(struct span_heap *heap, unsigned long age)
{
	struct pool *pool = &heap->pool;
	unsigned long wait = heap_wait_until(pool->from + age);

	lockdep_assert_held(&heap->lock);
	if (!pool->low)
		return MAX_SCHEDULE_TIMEOUT;
	if (wait)
		return wait;
	pool->longest[1] = pool->longest[0];
	pool->longest[0] = 0;
	pool->from = heap_now();
	pool_set_marks_locked(heap);
	return pool->low ? age : MAX_SCHEDULE_TIMEOUT;
}
