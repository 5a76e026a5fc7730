// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scavenger: the thread that releases idle pages, and when it does.
 *
 * One kthread serves all heaps: the CPU time spent on releasing memory is limited for
 * the machine, not for each heap, and an idle heap costs no thread. The thread sleeps
 * until a watched heap is due. A heap of which no pass can release a page, and without
 * cached spans, is not watched. A caller that frees or caches pages of it wakes the thread
 * if the heap then needs a pass. So idle heaps cause no wake-ups.
 *
 *		   nothing due, nothing new
 *		  .-------------------------.
 *		  v			    |
 *	asleep ---+--- age, wake ---> step --+--- there is more ---> pause
 *	  |				^			      |
 *	  |				`------------- over ----------+
 *	  `------ an urgent reason ------> urgent work, at once <-----'
 *
 * A step is one batch of each heap that is due (pass.c), and one of each that is above
 * its soft limit. The pause that follows is
 *
 *	CPU time spent * (100 - share) / share
 *
 * long, so that the thread takes no more than its share of one CPU, in percent. Steps
 * run at nice %MAX_NICE. Urgent work interrupts a pause and runs at once at nice 0: pressure,
 * a reserve or atomic pool to refill, deferred frees, and caches to drain. Its CPU time is
 * owed, too. At most %MAX_OWED_NS are owed at a time, so that urgent work does not delay
 * passes for minutes.
 */
#include <linux/freezer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/sched.h>

#include <spanalloc/spanalloc.h>

#include "base/params.h"
#include "cache/cache.h"
#include "heap/deferred.h"
#include "heap/heap.h"
#include "heap/inflight.h"
#include "heap/pass_state.h"
#include "heap/release.h"
#include "heap/report.h"
#include "heap/reserve.h"
#include "heap/span.h"
#include "heap/wake.h"
#include "index/lookup.h"
#include "reclaim/pass.h"
#include "reclaim/pressure.h"
#include "reclaim/scavenger.h"

/* The timer wheel expires timeouts shorter than this to the tick. */
#define EXACT_TICKS	64UL

/* Most CPU time that the thread may owe pauses for. */
#define MAX_OWED_NS	(100 * NSEC_PER_MSEC)

unsigned int scavenge_age_ms = 300000;

static unsigned int scavenge_share = 1;

static DEFINE_MUTEX(scavenger_lock);	/* scavenger_heaps, heap_test_clock, span_heap::pass */
static LIST_HEAD(scavenger_heaps);
static struct task_struct *scavenger_task;

/* A module parameter has changed: the next step watches all heaps again. */
static bool settings_changed;

/**
 * scavenger_set_clock() - replace the clock by which pages age
 * @clock: returns the time in jiffies; NULL for the kernel's own
 *
 * Only tests and benchmarks call this. While a clock is set, the thread does only urgent
 * work, and no relief of pressure: the test calls scavenger_run() and pressure_relieve().
 */
void scavenger_set_clock(unsigned long (*clock)(void))
{
	mutex_lock(&scavenger_lock);
	WRITE_ONCE(heap_test_clock, clock);
	mutex_unlock(&scavenger_lock);
	if (!clock)
		scavenger_wake(WAKE_IDLE);
}

/* === One heap =========================================================== */

static unsigned long scavenger_excess(struct span_heap *heap)
{
	unsigned long flags, excess;

	if (!READ_ONCE(heap->soft_limit))
		return 0;
	flags = heap_lock(heap);
	excess = heap_excess_locked(heap);
	heap_unlock(heap, flags);
	return excess;
}

/*
 * Returns true if the heap has more idle pages than its reserve and pool keep. Otherwise clears
 * `watched`, so that the next free that leaves more wakes the scavenger.
 */
static bool scavenger_unwatch(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);
	bool idle = heap->index.nr_idle > heap_min_idle_locked(heap);

	if (!idle)
		WRITE_ONCE(heap->watched, false);
	heap_unlock(heap, flags);
	return idle;
}

/*
 * Drain the caches of a heap that is above its soft limit and has no idle pages to release, at most
 * once a second: a load that stays above the limit uses its caches. Returns as scavenger_tend().
 */
static unsigned long scavenger_drain_for_soft_limit(struct span_heap *heap)
{
	unsigned long wait = heap_wait_until(heap->pass.drain_due);

	if (wait)
		return wait;
	heap->pass.drain_due = heap_now() + HZ;
	if (!cache_pages(heap)) {
		if (scavenger_unwatch(heap))
			return 0;
		if (!cache_pages_sync(heap))
			return MAX_SCHEDULE_TIMEOUT;
		WRITE_ONCE(heap->watched, true);
	}
	cache_drain(heap);
	return 0;
}

/*
 * Release a batch if the heap is above its soft limit; returns as scavenger_tend(). At most once a
 * second, cached spans not needed since the last cache_pass() become idle first.
 */
static unsigned long scavenger_keep_soft_limit(struct span_heap *heap)
{
	struct release rel = RELEASE_ALL(scavenger_excess(heap), RELEASE_LIMIT);

	if (!rel.want)
		return MAX_SCHEDULE_TIMEOUT;
	if (!heap_wait_until(heap->pass.stale_due)) {
		heap->pass.stale_due = heap_now() + HZ;
		/* pass_begin() takes pages for old only if the last cache_pass() is an age ago. */
		heap->pass.passed_at = heap_now();
		cache_pass(heap, false);
	}
	return release_step(heap, &rel) ? 0 : scavenger_drain_for_soft_limit(heap);
}

/**
 * struct scavenger_time - two clocks, read together
 * @clock_ns: monotonic time, without suspend
 * @cpu_ns: CPU time that this task has used
 */
struct scavenger_time {
	u64 clock_ns;
	u64 cpu_ns;
};

/* The scheduler updates @cpu_ns at each tick, and when the task gives up the CPU. */
static struct scavenger_time scavenger_time_now(void)
{
	return (struct scavenger_time) {
		.clock_ns = ktime_get_ns(),
		.cpu_ns = current->se.sum_exec_runtime,
	};
}

/**
 * scavenger_work_ns() - compute the time worked from the readings of two clocks
 * @clock_ns: time that has passed
 * @cpu_ns: CPU time accounted to the task meanwhile; up to a tick may be missing
 *
 * Return: time worked, exact to a tick, without the time that the task was blocked
 */
u64 scavenger_work_ns(u64 clock_ns, u64 cpu_ns)
{
	return min(clock_ns, cpu_ns + TICK_NSEC);
}

static u64 scavenger_time_since(struct scavenger_time start)
{
	struct scavenger_time now = scavenger_time_now();

	return scavenger_work_ns(now.clock_ns - start.clock_ns, now.cpu_ns - start.cpu_ns);
}

/*
 * Drain the caches at most once a second, if an allocation that could not sleep has failed and
 * asked for it. Returns as scavenger_tend().
 */
static unsigned long scavenger_drain_if_wanted(struct span_heap *heap)
{
	unsigned long wait;

	if (!READ_ONCE(heap->drain_wanted))
		return MAX_SCHEDULE_TIMEOUT;
	wait = heap_wait_until(heap->pass.drain_due);
	if (wait)
		return wait;
	WRITE_ONCE(heap->drain_wanted, false);
	heap->pass.drain_due = heap_now() + HZ;
	cache_drain(heap);
	return MAX_SCHEDULE_TIMEOUT;
}

/* Do one step of all work that is due on a heap; returns jiffies until more is due. */
static unsigned long scavenger_tend(struct span_heap *heap)
{
	struct scavenger_time start = scavenger_time_now();
	unsigned long wait = reserve_maintain(heap, pass_age(heap));
	u64 ns;

	wait = min(wait, scavenger_drain_if_wanted(heap));
	wait = min3(wait, scavenger_keep_soft_limit(heap), pass_step(heap));
	ns = scavenger_time_since(start);
	heap->pass.spent_ns += ns;
	heap_count_time(heap, ns);
	return wait;
}

/* === All heaps ========================================================== */

static bool scavenger_is_urgent(void)
{
	return READ_ONCE(wake_reasons) & WAKE_URGENT;
}

static bool scavenger_is_called(void)
{
	return READ_ONCE(wake_reasons) || kthread_should_stop();
}

static void scavenger_watch_all(void)
{
	struct span_heap *heap;

	lockdep_assert_held(&scavenger_lock);
	list_for_each_entry(heap, &scavenger_heaps, scavenged)
		WRITE_ONCE(heap->watched, true);
}

/**
 * scavenger_step() - do one step of all work that is due on each heap
 *
 * Context: Process context. May sleep.
 *
 * Return: jiffies until something is due again: 0 if there is more to do at once,
 * %MAX_SCHEDULE_TIMEOUT if nothing is
 */
unsigned long scavenger_step(void)
{
	unsigned long wait = MAX_SCHEDULE_TIMEOUT;
	struct span_heap *heap;

	mutex_lock(&scavenger_lock);
	if (xchg(&settings_changed, false))
		scavenger_watch_all();
	list_for_each_entry(heap, &scavenger_heaps, scavenged) {
		/* Returns 0: the thread does the urgent work at nice 0, and then steps again. */
		if (!heap_test_clock && scavenger_is_urgent()) {
			wait = 0;
			break;
		}
		wait = min(wait, scavenger_tend(heap));
	}
	/* The next step begins with another heap, so that urgent work starves no heap. */
	list_rotate_left(&scavenger_heaps);
	mutex_unlock(&scavenger_lock);
	return wait;
}

/**
 * scavenger_run() - do all that is due on all heaps, without pauses
 *
 * Only tests and benchmarks call this.
 *
 * Context: Process context. May sleep.
 *
 * Return: jiffies until something is due again, %MAX_SCHEDULE_TIMEOUT if nothing is
 */
unsigned long scavenger_run(void)
{
	unsigned long wait;

	do {
		wait = scavenger_step();
	} while (!wait);
	return wait;
}

/* Finish deferred frees, and drain the caches if a failed allocation has asked for it. */
static void scavenger_finish(struct span_heap *heap)
{
	deferred_finish(heap, ULONG_MAX);
	scavenger_drain_if_wanted(heap);
}

/* Call @fn for each heap, and count the CPU time it takes as the heap's. */
static void scavenger_call_for_heaps(void (*fn)(struct span_heap *heap))
{
	struct span_heap *heap;

	mutex_lock(&scavenger_lock);
	list_for_each_entry(heap, &scavenger_heaps, scavenged) {
		struct scavenger_time start = scavenger_time_now();

		fn(heap);
		heap_count_time(heap, scavenger_time_since(start));
	}
	mutex_unlock(&scavenger_lock);
}

static void scavenger_refill(struct span_heap *heap)
{
	reserve_maintain(heap, pass_age(heap));
}

/* Relieve pressure, unless a test's clock is set: the test calls pressure_relieve(). */
static void scavenger_answer_pressure(void)
{
	mutex_lock(&scavenger_lock);
	if (!heap_test_clock)
		pressure_relieve();
	mutex_unlock(&scavenger_lock);
}

/* Do the urgent work, which does not wait for the thread's share of a CPU. */
static void scavenger_do_urgent(void)
{
	if (!scavenger_is_urgent())
		return;
	set_user_nice(current, 0);
	if (test_and_clear_bit(WAKE_DEFERRED, &wake_reasons))
		scavenger_call_for_heaps(scavenger_finish);
	if (test_and_clear_bit(WAKE_RESERVE, &wake_reasons)) {
		scavenger_call_for_heaps(scavenger_refill);
		/* A step then finds out when each heap is due next. */
		set_bit(WAKE_IDLE, &wake_reasons);
	}
	if (test_and_clear_bit(WAKE_PRESSURE, &wake_reasons))
		scavenger_answer_pressure();
	set_user_nice(current, MAX_NICE);
}

/* === The thread ========================================================= */

/**
 * scavenger_pause() - how long to pause for CPU time used
 * @owed_ns: CPU time used and not yet paused for; reduced by the CPU time that the returned
 *	pause makes up for
 *
 * Return: jiffies
 */
unsigned long scavenger_pause(u64 *owed_ns)
{
	unsigned int share = READ_ONCE(scavenge_share);
	u64 pause;

	if (share == 100) {
		*owed_ns = 0;
		return 0;
	}
	pause = div_u64(*owed_ns * (100 - share), TICK_NSEC * share);
	*owed_ns -= div_u64(pause * TICK_NSEC * share, 100 - share);
	return pause;
}

/* Pause for @ticks. Urgent work is done in between, and does not shorten the pause. */
static void scavenger_take_pause(unsigned long ticks)
{
	unsigned long end = jiffies + ticks;
	unsigned long now;

	while (ticks && !kthread_should_stop()) {
		wait_event_freezable_timeout(wake_queue,
					     scavenger_is_urgent() || kthread_should_stop(),
					     ticks);
		scavenger_do_urgent();
		now = jiffies;
		ticks = time_before(now, end) ? end - now : 0;
	}
}

/* Add the CPU time that the thread has used to what it owes. */
static void scavenger_charge(u64 *owed_ns)
{
	static u64 charged_ns;
	u64 used_ns = current->se.sum_exec_runtime;

	*owed_ns = min_t(u64, *owed_ns + used_ns - charged_ns, MAX_OWED_NS);
	charged_ns = used_ns;
}

/* Do a step, and pause for the CPU time it took. Returns jiffies until the next step is due. */
static unsigned long scavenger_step_and_pause(void)
{
	static u64 owed_ns;
	unsigned long wait, paused;

	if (READ_ONCE(heap_test_clock))
		return MAX_SCHEDULE_TIMEOUT;
	wait = scavenger_step();
	scavenger_charge(&owed_ns);
	paused = scavenger_pause(&owed_ns);
	scavenger_take_pause(paused);
	if (wait == MAX_SCHEDULE_TIMEOUT)
		return wait;
	return wait - min(wait, paused);
}

/*
 * Timers of the timer wheel may expire late by an eighth of a long timeout. So the thread
 * sleeps for seven eighths of @wait first, and then for the rest, again in parts.
 */
static unsigned long scavenger_nap(unsigned long wait)
{
	return wait < EXACT_TICKS || wait == MAX_SCHEDULE_TIMEOUT ? wait : wait - wait / 8;
}

static int scavenger_thread(void *unused)
{
	unsigned long wait = MAX_SCHEDULE_TIMEOUT;

	set_freezable();
	set_user_nice(current, MAX_NICE);
	while (!kthread_should_stop()) {
		/* With scavenge_share=100 the thread may never sleep: freeze here. */
		try_to_freeze();
		if (wait)
			wait_event_freezable_timeout(wake_queue, scavenger_is_called(),
						     scavenger_nap(wait));
		scavenger_do_urgent();
		/*
		 * Cleared before the step: a wake-up during the step causes another step. A
		 * waker writes what the step reads before it sets the bit.
		 */
		clear_bit(WAKE_IDLE, &wake_reasons);
		wait = scavenger_step_and_pause();
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
 * scavenger_stop() - end the scavenger's thread; no heap is left
 */
void scavenger_stop(void)
{
	kthread_stop(scavenger_task);
}

/**
 * scavenger_add() - add a heap to those that the scavenger serves
 * @heap: the heap
 */
void scavenger_add(struct span_heap *heap)
{
	mutex_lock(&scavenger_lock);
	list_add_tail(&heap->scavenged, &scavenger_heaps);
	mutex_unlock(&scavenger_lock);
}

/**
 * scavenger_remove() - the reverse of scavenger_add()
 * @heap: the heap; the scavenger does not use it after this
 */
void scavenger_remove(struct span_heap *heap)
{
	mutex_lock(&scavenger_lock);
	list_del(&heap->scavenged);
	mutex_unlock(&scavenger_lock);
}

unsigned long span_heap_scavenge(struct span_heap *heap, unsigned long npages)
{
	unsigned long released;

	if (!heap_is_ok(heap, "span_heap_scavenge", _RET_IP_))
		return 0;
	might_sleep();
	if (!npages)
		return 0;
	/* For all pages, drain the caches first: runs of idle pages are then longer. */
	if (npages == ULONG_MAX)
		cache_drain(heap);
	deferred_finish(heap, npages);
	/* Wait for the batches that other tasks are releasing. */
	if (npages == ULONG_MAX)
		inflight_wait(heap);
	released = release_any(heap, npages, RELEASE_FORCED);
	if (released < npages && npages != ULONG_MAX && cache_drain(heap))
		released += release_any(heap, npages - released, RELEASE_FORCED);
	return released;
}
EXPORT_SYMBOL_NS_GPL(span_heap_scavenge, "SPANALLOC");

/* === Settings =========================================================== */

/* Wake the thread: it may sleep until a time computed from the old setting. */
static void scavenger_look_again(void)
{
	if (!scavenger_task)
		return;
	WRITE_ONCE(settings_changed, true);
	scavenger_wake(WAKE_IDLE);
}

static const struct param_range age_range = {
	.value = &scavenge_age_ms,
	.max = SCAVENGE_AGE_MS_MAX,
	.changed = scavenger_look_again,
};

module_param_range(scavenge_age_ms, age_range, 0644);
MODULE_PARM_DESC(scavenge_age_ms,
		 "release pages idle for this many milliseconds, at most a week, in heaps that set no age (default 300000)");

static const struct param_range floor_range = {
	.value = &retain_floor_pages,
	.max = 1 << 20,
	.changed = scavenger_look_again,
};

module_param_range(retain_floor_pages, floor_range, 0644);
MODULE_PARM_DESC(retain_floor_pages,
		 "idle pages that passes and light pressure leave to each heap without SPAN_HEAP_AGE_ONLY, at most 1048576 (default 64)");

static const struct param_range share_range = {
	.value = &scavenge_share,
	.min = 1,
	.max = 100,
};

module_param_range(scavenge_share, share_range, 0644);
MODULE_PARM_DESC(scavenge_share,
		 "percent of one CPU that releasing in the background may take, 1 to 100 (default 1)");
