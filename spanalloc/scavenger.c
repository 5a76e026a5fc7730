// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scavenger: decides when idle pages go back to the system.
 *
 * One kthread looks after all heaps: how much of a CPU may be spent on giving
 * memory back is a matter of the machine, not of how many heaps there are, and
 * an idle heap costs no thread. It sleeps until a heap that has idle pages is
 * due. A heap without any is not watched, and whoever frees the first page
 * again wakes the thread, so that idle heaps cause no wake-ups at all:
 *
 *	not watched --first idle page--> watched, sweep in one age
 *	     ^				     |
 *	     +--nothing idle after a sweep---+---else sweep again in one age
 *
 * release.c and cache.c say what a sweep does. The next one is due an age after the end of
 * this one, which is what makes "not before one age" hold however long it takes.
 */
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>

#include "internal.h"

unsigned int scavenge_age_ms = 300000;

static DEFINE_MUTEX(scavenger_lock);
static LIST_HEAD(scavenger_heaps);
static struct task_struct *scavenger_task;

static unsigned long jiffies_clock(void)
{
	return jiffies;
}

static unsigned long (*scavenger_clock)(void) = jiffies_clock;

/**
 * scavenger_set_clock() - let tests pass time
 * @clock: returns the time in jiffies; NULL for the real one
 */
void scavenger_set_clock(unsigned long (*clock)(void))
{
	mutex_lock(&scavenger_lock);
	scavenger_clock = clock ? clock : jiffies_clock;
	mutex_unlock(&scavenger_lock);
}

static unsigned long heap_age(const struct span_heap *heap)
{
	unsigned int ms = heap->age_ms ? heap->age_ms : READ_ONCE(scavenge_age_ms);

	return max(msecs_to_jiffies(ms), 1UL);
}

/*
 * After a sweep: is there anything left to come back for? A page that is parked
 * after the caches have been looked at finds the heap not watched, and says so.
 */
static bool still_watched(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	WRITE_ONCE(heap->watched, heap->index.nr_idle > heap->reserve);
	heap_unlock(heap, flags);
	if (!READ_ONCE(heap->watched) && cache_pages(heap))
		WRITE_ONCE(heap->watched, true);
	return READ_ONCE(heap->watched);
}

/* Look after one heap; returns jiffies until it wants to be looked at again. */
static unsigned long tend(struct span_heap *heap)
{
	unsigned long retry = MAX_SCHEDULE_TIMEOUT;
	unsigned long now, due;

	/* Racy, and no harm: whoever changes them wakes the scavenger. */
	if (data_race(heap->index.nr_idle < heap->reserve) && heap_top_up(heap) == -ENOMEM)
		retry = HZ;
	if (!READ_ONCE(heap->watched)) {
		heap->sweeping = false;
		return retry;
	}
	if (!heap->sweeping) {
		heap->sweeping = true;
		heap->sweep_from = scavenger_clock();
	}
	if (time_after_eq(scavenger_clock(), heap->sweep_from + heap_age(heap))) {
		cache_sweep(heap);
		heap_sweep(heap);
		heap->sweep_from = scavenger_clock();
		if (!still_watched(heap)) {
			heap->sweeping = false;
			return retry;
		}
	}
	now = scavenger_clock();
	due = heap->sweep_from + heap_age(heap);
	return min(retry, time_after(due, now) ? due - now : 1);
}

/**
 * scavenger_run() - do what is due on all heaps
 *
 * Context: Process context. May sleep.
 *
 * Return: jiffies until something is due again, %MAX_SCHEDULE_TIMEOUT if nothing is
 */
unsigned long scavenger_run(void)
{
	unsigned long wait = MAX_SCHEDULE_TIMEOUT;
	struct span_heap *heap;

	mutex_lock(&scavenger_lock);
	list_for_each_entry(heap, &scavenger_heaps, scavenged)
		wait = min(wait, tend(heap));
	mutex_unlock(&scavenger_lock);
	return wait;
}

static int scavenger_thread(void *unused)
{
	unsigned long wait = MAX_SCHEDULE_TIMEOUT;

	set_freezable();
	set_user_nice(current, MAX_NICE);
	while (!kthread_should_stop()) {
		wait_event_freezable_timeout(heap_news_wait,
					     READ_ONCE(heap_has_news) || kthread_should_stop(),
					     wait);
		/* Before the look: news that comes during it makes another one. */
		WRITE_ONCE(heap_has_news, false);
		wait = scavenger_run();
	}
	return 0;
}

/**
 * scavenger_start() - start the scavenger
 *
 * Return: 0 or a negative error code
 */
int __init scavenger_start(void)
{
	scavenger_task = kthread_run(scavenger_thread, NULL, "spanalloc_scav");
	return PTR_ERR_OR_ZERO(scavenger_task);
}

/**
 * scavenger_stop() - end the scavenger; it looks after no heap any more
 */
void scavenger_stop(void)
{
	kthread_stop(scavenger_task);
}

/**
 * scavenger_add() - have a heap looked after
 * @heap: the heap
 */
void scavenger_add(struct span_heap *heap)
{
	mutex_lock(&scavenger_lock);
	list_add_tail(&heap->scavenged, &scavenger_heaps);
	mutex_unlock(&scavenger_lock);
}

/**
 * scavenger_remove() - stop looking after a heap
 * @heap: the heap
 */
void scavenger_remove(struct span_heap *heap)
{
	mutex_lock(&scavenger_lock);
	list_del(&heap->scavenged);
	mutex_unlock(&scavenger_lock);
}

int span_heap_set_limit(struct span_heap *heap, unsigned long limit_pages)
{
	unsigned long flags, backed;

	if (!heap_is_ok(heap, "span_heap_set_limit", _RET_IP_))
		return -EINVAL;
	might_sleep();
	flags = heap_lock(heap);
	heap->limit = limit_pages;
	heap->index.max_backed = limit_pages ? limit_pages : ULONG_MAX;
	backed = heap->index.nr_pages - heap->index.nr_released;
	heap_unlock(heap, flags);
	if (limit_pages && backed > limit_pages) {
		cache_drain(heap, true);
		heap_release(heap, backed - limit_pages, RELEASE_LIMIT);
	}
	return 0;
}
EXPORT_SYMBOL_NS_GPL(span_heap_set_limit, "SPANALLOC");

unsigned long span_heap_scavenge(struct span_heap *heap, unsigned long npages)
{
	if (!heap_is_ok(heap, "span_heap_scavenge", _RET_IP_))
		return 0;
	might_sleep();
	cache_drain(heap, true);
	return heap_release(heap, npages, RELEASE_FORCED);
}
EXPORT_SYMBOL_NS_GPL(span_heap_scavenge, "SPANALLOC");

static int set_age(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_uint(val, kp);

	/* The thread may be asleep for the old age. */
	if (!ret && scavenger_task)
		heap_watch(NULL, true);
	return ret;
}

static const struct kernel_param_ops age_ops = {
	.set = set_age,
	.get = param_get_uint,
};

module_param_cb(scavenge_age_ms, &age_ops, &scavenge_age_ms, 0644);
MODULE_PARM_DESC(scavenge_age_ms,
		 "release pages idle for so many milliseconds, for heaps that set no age (default 300000)");
