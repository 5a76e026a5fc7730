// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pressure: what heaps give back when the system is short of memory.
 *
 *	who notices	   who gives back	what
 *
 *	reclaim		   reclaim itself	as many pages as it asks for: the
 *			   (the shrinker)	surplus of all heaps, then idle pages,
 *						then parked spans
 *	the first reclaim  the scavenger, at	all parked spans, and what is not
 *	in a second	   once			covered by recent demand, of any age
 *	the OOM killer,	   it itself, before	everything idle or parked
 *	about to kill	   it does
 *
 * None of this goes below a heap's reserve. Reclaim can happen in any allocation
 * that may sleep, those of this module and those of callers that must not wait for
 * a file system or a disk included. So nothing in here, or called from here,
 * allocates or waits for somebody who may: pressure_lock and span_heap::release_lock
 * are held by nobody who does.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/rwsem.h>
#include <linux/shrinker.h>

#include "internal.h"

/* Pages asked for at a time: one TLB flush for each so many. */
#define SHRINK_BATCH	512

static DECLARE_RWSEM(pressure_lock);
static LIST_HEAD(pressure_heaps);

/* When the scavenger was last called for help, in jiffies. */
static unsigned long called;

/* === Giving back ======================================================== */

/**
 * pressure_count() - count what all heaps could give back
 *
 * Context: Any context that may sleep.
 *
 * Return: pages, roughly
 */
unsigned long pressure_count(void)
{
	struct span_heap *heap;
	unsigned long npages = 0;

	if (!down_read_trylock(&pressure_lock))
		return 0;
	list_for_each_entry(heap, &pressure_heaps, pressed) {
		unsigned long flags = heap_lock(heap);
		unsigned long idle = heap->index.nr_idle;
		unsigned long reserve = heap->reserve;

		heap_unlock(heap, flags);
		idle += cache_parked(heap);
		npages += idle - min(idle, reserve);
	}
	up_read(&pressure_lock);
	return npages;
}

/* Release up to @npages pages of all heaps; the first ones in the list go first. */
static unsigned long release_some(unsigned long npages, enum release_reason reason,
				  unsigned long (*give)(struct span_heap *heap,
							unsigned long npages,
							enum release_reason reason))
{
	unsigned long released = 0;
	struct span_heap *heap;

	list_for_each_entry(heap, &pressure_heaps, pressed) {
		if (released >= npages)
			break;
		released += give(heap, npages - released, reason);
	}
	return released;
}

static unsigned long drain_and_release(struct span_heap *heap, unsigned long npages,
				       enum release_reason reason)
{
	return cache_drain(heap, true) ? heap_release(heap, npages, reason) : 0;
}

/**
 * pressure_release() - give idle and parked pages of all heaps back
 * @npages: how many at most; for those of the caches, all caches of a heap are emptied
 * @reason: why, for the statistics
 *
 * Context: Any context that may sleep, in reclaim too. Allocates nothing.
 *
 * Return: pages released
 */
unsigned long pressure_release(unsigned long npages, enum release_reason reason)
{
	unsigned long released;

	down_read(&pressure_lock);
	released = release_some(npages, reason, heap_release_surplus);
	if (released < npages)
		released += release_some(npages - released, reason, heap_release);
	if (released < npages)
		released += release_some(npages - released, reason, drain_and_release);
	up_read(&pressure_lock);
	return released;
}

/**
 * pressure_relieve() - give back what no heap is likely to need, idle for long or not
 *
 * Context: Process context; the scavenger's.
 */
void pressure_relieve(void)
{
	struct span_heap *heap;

	down_read(&pressure_lock);
	list_for_each_entry(heap, &pressure_heaps, pressed) {
		u64 start = ktime_get_ns();

		cache_drain(heap, true);
		heap_release_surplus(heap, ULONG_MAX, RELEASE_PRESSURE);
		heap_count_time(heap, ktime_get_ns() - start);
	}
	up_read(&pressure_lock);
}

/* === Shrinker =========================================================== */

static unsigned long shrink_count(struct shrinker *unused, struct shrink_control *sc)
{
	unsigned long npages = pressure_count();

	return npages ? npages : SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *unused, struct shrink_control *sc)
{
	unsigned long released;

	/* Who calls at the same time calls twice, which is to call once. */
	if (time_after_eq(jiffies, READ_ONCE(called) + HZ)) {
		WRITE_ONCE(called, jiffies);
		heap_tell(NEWS_PRESSURE);
	}
	released = pressure_release(sc->nr_to_scan, RELEASE_PRESSURE);
	sc->nr_scanned = max(released, 1UL);
	return released ? released : SHRINK_STOP;
}

#if SHRINKERS_ARE_ALLOCATED
static struct shrinker *shrinker;

static int start_shrinker(void)
{
	shrinker = shrinker_alloc(0, "spanalloc");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrink_count;
	shrinker->scan_objects = shrink_scan;
	shrinker->batch = SHRINK_BATCH;
	/* To make an idle page again is as cheap as it was to make it. */
	shrinker->seeks = 0;
	shrinker_register(shrinker);
	return 0;
}

static void stop_shrinker(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker shrinker = {
	.count_objects = shrink_count,
	.scan_objects = shrink_scan,
	.batch = SHRINK_BATCH,
	/* To make an idle page again is as cheap as it was to make it. */
	.seeks = 0,
};

static int start_shrinker(void)
{
	return register_shrinker(&shrinker, "spanalloc");
}

static void stop_shrinker(void)
{
	unregister_shrinker(&shrinker);
}
#endif

/* === Last resort ======================================================== */

static int about_to_kill(struct notifier_block *unused, unsigned long unused_too, void *freed)
{
	*(unsigned long *)freed += pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = {
	.notifier_call = about_to_kill,
};

/* === Making and ending ================================================== */

/**
 * pressure_start() - be told of memory pressure
 *
 * Return: 0 or a negative error code
 */
int __init pressure_start(void)
{
	int ret;

	called = jiffies - HZ;
	ret = register_oom_notifier(&oom_notifier);
	if (ret)
		return ret;
	ret = start_shrinker();
	if (ret)
		unregister_oom_notifier(&oom_notifier);
	return ret;
}

/**
 * pressure_stop() - the reverse of pressure_start()
 */
void pressure_stop(void)
{
	stop_shrinker();
	unregister_oom_notifier(&oom_notifier);
}

/**
 * pressure_add() - have a heap give back under pressure
 * @heap: the heap
 */
void pressure_add(struct span_heap *heap)
{
	down_write(&pressure_lock);
	list_add_tail(&heap->pressed, &pressure_heaps);
	up_write(&pressure_lock);
}

/**
 * pressure_remove() - leave a heap alone
 * @heap: the heap
 *
 * Waits for whoever is taking from it.
 */
void pressure_remove(struct span_heap *heap)
{
	down_write(&pressure_lock);
	list_del(&heap->pressed);
	up_write(&pressure_lock);
}
