// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reserve: keeping a heap's reserve and its atomic pool full.
 *
 * Both are lower bounds of the number of idle pages, which tasks that may sleep refill.
 * The client sets the reserve. Releases leave the reserve alone. An allocation that takes from
 * the reserve refills it if its flags contain GFP_KERNEL and not __GFP_NORETRY; otherwise the
 * scavenger's thread does. The thread alone refills the pool (pool.c).
 *
 * After a failed refill, the next one waits a second; so does a refill of the pool after a
 * release under pressure that took from the pool. After a successful refill of the pool the
 * next one waits about 10 ms.
 *
 * Lock order: reserve_lock, which makes refills of one heap take turns; then the locks of
 * topup.c. Allocations and the scavenger's thread only try reserve_lock.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/mutex.h>

#include <spanalloc/spanalloc.h>

#include "heap/heap.h"
#include "heap/pool.h"
#include "heap/report.h"
#include "heap/reserve.h"
#include "heap/topup.h"
#include "heap/wake.h"

/* Least time from one refill of the pool to the next, in jiffies. */
#define POOL_PERIOD	max(HZ / 100, 1)

/**
 * reserve_init() - prepare a new heap for a reserve and a pool
 * @heap: the heap
 */
void reserve_init(struct span_heap *heap)
{
	mutex_init(&heap->reserve_lock);
	heap->reserve_due = heap_now();
	heap->pool_due = heap->reserve_due;
}

static int reserve_fill(struct span_heap *heap)
{
	int ret = topup_fill(heap, false);

	lockdep_assert_held(&heap->reserve_lock);
	WRITE_ONCE(heap->reserve_due, heap_now() + (ret ? HZ : 0));
	return ret;
}

/* Refill the reserve if it is due. Returns jiffies until the next refill. */
static unsigned long reserve_fill_due(struct span_heap *heap)
{
	unsigned long wait = heap_wait_until(READ_ONCE(heap->reserve_due));
	int ret;

	if (wait)
		return wait;
	/* A task that holds reserve_lock may take long. The scavenger tends other heaps. */
	if (!mutex_trylock(&heap->reserve_lock))
		return POOL_PERIOD;
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	return ret ? HZ : MAX_SCHEDULE_TIMEOUT;
}

/**
 * reserve_refill() - refill the reserve after an allocation that took pages from it
 * @heap: the heap
 * @gfp: flags of the allocation, which has been served
 *
 * Context: Any that @gfp allows.
 */
void reserve_refill(struct span_heap *heap, gfp_t gfp)
{
	int ret;

	/* Racy; a stale nr_idle is acceptable, because the next allocation checks again. */
	if (likely(data_race(heap->index.nr_idle >= heap->reserve)) ||
	    heap_wait_until(READ_ONCE(heap->reserve_due)))
		return;
	/* A caller in the middle of I/O must not be made to wait for I/O. */
	if ((gfp & GFP_KERNEL) != GFP_KERNEL || gfp & __GFP_NORETRY) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	/* The holder may have counted nr_idle before this allocation: have it checked again. */
	if (!mutex_trylock(&heap->reserve_lock)) {
		scavenger_wake(WAKE_RESERVE);
		return;
	}
	ret = reserve_fill(heap);
	mutex_unlock(&heap->reserve_lock);
	/* The scavenger's thread makes the next attempt, at reserve_due. */
	if (ret)
		scavenger_wake(WAKE_IDLE);
}

/* As reserve_fill_due(), for the pool. */
static unsigned long pool_fill_due(struct span_heap *heap)
{
	unsigned long flags, wait = heap_wait_until(READ_ONCE(heap->pool_due));
	int ret;

	if (wait)
		return wait;
	if (!mutex_trylock(&heap->reserve_lock))
		return POOL_PERIOD;
	ret = topup_fill(heap, true);
	mutex_unlock(&heap->reserve_lock);
	/* Retry after any failure, also because of a limit: limits may be raised. */
	if (ret) {
		WRITE_ONCE(heap->pool_due, heap_now() + HZ);
		return HZ;
	}
	WRITE_ONCE(heap->pool_due, heap_now() + POOL_PERIOD);
	flags = heap_lock(heap);
	heap->count.pool_refill_count++;
	/* While is_short was set, requests did not wake the thread: check nr_idle again. */
	heap->pool.is_short = heap->index.nr_idle < heap->pool.low;
	wait = heap->pool.is_short ? POOL_PERIOD : MAX_SCHEDULE_TIMEOUT;
	heap_unlock(heap, flags);
	return wait;
}

/**
 * reserve_maintain() - keep the reserve and the pool of a heap full
 * @heap: the heap
 * @age: how long an unused pool is kept, in jiffies; up to twice as long
 *
 * Context: Process context. May sleep and reclaim. One caller at a time.
 *
 * Return: jiffies until the next call is due; %MAX_SCHEDULE_TIMEOUT if none is due before
 * the scavenger is woken
 */
unsigned long reserve_maintain(struct span_heap *heap, unsigned long age)
{
	bool reserve, pool;
	unsigned long flags, wait, high;

	flags = heap_lock(heap);
	high = heap->pool.high;
	wait = pool_roll_locked(heap, age);
	reserve = heap->index.nr_idle < heap->reserve;
	pool = heap->pool.is_short;
	/* With a lower high watermark, more idle pages may be released: tell the scavenger. */
	if (heap->pool.high < high)
		heap_unlock_and_wake(heap, flags);
	else
		heap_unlock(heap, flags);
	if (reserve)
		wait = min(wait, reserve_fill_due(heap));
	if (pool)
		wait = min(wait, pool_fill_due(heap));
	return wait;
}

/* === Interface ========================================================== */

int span_heap_reserve(struct span_heap *heap, unsigned long npages)
{
	unsigned long flags, old;
	int ret;

	if (!heap_is_ok(heap, "span_heap_reserve", _RET_IP_))
		return -EINVAL;
	if (npages > totalram_pages()) {
		report_call("span_heap_reserve", "more pages than the machine has", _RET_IP_);
		return -EINVAL;
	}
	might_sleep();
	/* Held until @reserve is filled or reset, so that each caller gets its own result. */
	mutex_lock(&heap->reserve_lock);
	flags = heap_lock(heap);
	old = heap->reserve;
	heap->reserve = npages;
	heap_unlock_and_wake(heap, flags);
	ret = reserve_fill(heap);
	/* A failure to raise the reserve must not delay refills of the old reserve. */
	WRITE_ONCE(heap->reserve_due, heap_now());
	if (ret) {
		flags = heap_lock(heap);
		heap->reserve = min(old, npages);
		heap_unlock_and_wake(heap, flags);
	}
	mutex_unlock(&heap->reserve_lock);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(span_heap_reserve, "SPANALLOC");
