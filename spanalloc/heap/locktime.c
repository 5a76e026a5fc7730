// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lock timing: how long the locks of heaps are held.
 *
 * Timing is off by default, and then costs static branches that are not taken. Each time it
 * is switched on a new period begins. lock_hold_max_ns of a heap is the longest hold of the
 * period in which its lock was last taken. The first hold in a new period resets it, so that
 * switching timing on does not have to visit every heap.
 *
 * The static branches are not switched all at the same time. There is a period only while
 * all of them are taken, so that each hold counted was timed from its begin to its end.
 */
#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>

#include "base/params.h"
#include "heap/heap.h"
#include "heap/locktime.h"

DEFINE_STATIC_KEY_FALSE(locktime_key);

/* Serialises locktime_switch(). */
static DEFINE_MUTEX(locktime_lock);
static bool lock_timing;

/* Number of the current period, counted from 1; 0 while timing is off. */
static unsigned int locktime_period;

/* Replaces the clock in tests; NULL for ktime_get_mono_fast_ns(). */
u64 (*locktime_clock)(void);

static u64 locktime_now(void)
{
	typeof(locktime_clock) clock = READ_ONCE(locktime_clock);

	return unlikely(clock) ? clock() : ktime_get_mono_fast_ns();
}

/**
 * locktime_begin_locked() - the lock of a heap has been taken
 * @heap: the heap
 *
 * Context: Under the heap's lock.
 */
void locktime_begin_locked(struct span_heap *heap)
{
	unsigned int period = READ_ONCE(locktime_period);

	lockdep_assert_held(&heap->lock);
	if (!period)
		return;
	if (heap->timed_period != period) {
		heap->timed_period = period;
		heap->count.lock_hold_max_ns = 0;
	}
	heap->locked_at = locktime_now();
}

/**
 * locktime_end_locked() - the lock of a heap is about to be dropped
 * @heap: the heap
 *
 * Context: Under the heap's lock.
 */
void locktime_end_locked(struct span_heap *heap)
{
	u64 now = locktime_now();

	lockdep_assert_held(&heap->lock);
	if (!heap->timed_period || heap->timed_period != READ_ONCE(locktime_period))
		return;
	/* This clock may step back by a little when it is adjusted. */
	if (now > heap->locked_at)
		heap->count.lock_hold_max_ns = max(heap->count.lock_hold_max_ns,
						   now - heap->locked_at);
}

/**
 * locktime_switch() - start or stop timing how long the locks of heaps are held
 * @on: true starts a new period; false stops
 *
 * lock_hold_max_ns of each heap stays as it is until timing starts again.
 *
 * Context: Process context. May sleep.
 */
void locktime_switch(bool on)
{
	static unsigned int serial;

	might_sleep();
	mutex_lock(&locktime_lock);
	if (on) {
		static_branch_enable(&locktime_key);
		WRITE_ONCE(locktime_period, ++serial);
	} else {
		WRITE_ONCE(locktime_period, 0);
		static_branch_disable(&locktime_key);
	}
	WRITE_ONCE(lock_timing, on);
	mutex_unlock(&locktime_lock);
}
EXPORT_SYMBOL_NS_GPL(locktime_switch, "SPANALLOC_TEST");

static int locktime_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	const struct kernel_param wanted = { .name = kp->name, .arg = &on };
	int ret = param_set_switch(val, &wanted);

	if (!ret)
		locktime_switch(on);
	return ret;
}

static const struct kernel_param_ops timing_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = locktime_set,
	.get = param_get_bool,
};

module_param_cb(lock_timing, &timing_ops, &lock_timing, 0644);
MODULE_PARM_DESC(lock_timing,
		 "time how long heap locks are held; setting it again starts anew (default N)");
