// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reserve: pages that are kept idle, with memory behind them, for callers
 * that cannot wait.
 */
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

/* Three ages pass: all idle pages that passes may release are released. */
static void let_time_pass(const struct span_heap *heap)
{
	unsigned int i;

	scavenger_run();
	for (i = 0; i < 3; i++)
		test_clock_pass(msecs_to_jiffies(heap->age_ms));
}

static unsigned long idle_pages(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.idle_pages;
}

static void pages_are_set_aside(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;

	test_heap_grow(test, heap, CHUNK);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 300), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, 300), CHANGE(released_pages, -300),
		       CHANGE(reserve_target_pages, 300), CHANGE(backed_pages, 300),
		       CHANGE(zeroed_pages, 300));

	/* Pages that are already idle count towards the reserve. */
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 310), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, 10), CHANGE(released_pages, -10),
		       CHANGE(reserve_target_pages, 10), CHANGE(backed_pages, 10),
		       CHANGE(zeroed_pages, 10));
}

/* A heap that has not grown gets a reserve of more than a chunk. */
static void a_reserve_makes_the_heap_grow(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;

	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, CHUNK + 10), 0);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, (u64)CHUNK + 10);
	KUNIT_EXPECT_EQ(test, stats.grown_pages, 2 * (u64)CHUNK);
}

/* All pages of the first chunk are in use: the heap grows by one chunk. */
static void a_full_heap_grows_by_a_chunk(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, CHUNK);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 10), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, 10),
		       CHANGE(grown_pages, CHUNK), CHANGE(released_pages, CHUNK - 10),
		       CHANGE(reserve_target_pages, 10), CHANGE(backed_pages, 10),
		       CHANGE(zeroed_pages, 10), CHANGE(grow_count, 1));
	span_free(addr);
}

/* The released pages are in more runs than are taken at a time. The heap does not grow. */
static void a_scattered_heap_does_not_grow(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, CHUNK);
	struct span_heap_stats before;
	unsigned long i;

	for (i = 0; i + 1 < CHUNK; i++)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, i), 1), 0);
	for (i = 0; i < CHUNK; i += 2)
		span_free(page_at(addr, i));
	KUNIT_ASSERT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), CHUNK / 2);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 100), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, 100), CHANGE(released_pages, -100),
		       CHANGE(reserve_target_pages, 100), CHANGE(backed_pages, 100),
		       CHANGE(rebacked_pages, 100), CHANGE(zeroed_pages, 100));
	for (i = 1; i < CHUNK; i += 2)
		span_free(page_at(addr, i));
}

/*
 * An atomic allocation from the reserve clears no page. Other statistics change meanwhile,
 * because the scavenger refills the reserve.
 */
static void atomic_callers_get_the_reserve(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 64), 0);
	addr = span_alloc(heap, 64, GFP_NOWAIT | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.zero_skipped_pages, 64ULL);
	KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, 64 << PAGE_SHIFT));
	span_free(addr);
}

/* The reserve is a whole chunk, so that each allocation takes all of its pages. */
static void a_sleeper_fills_the_reserve_up(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr[2];

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, CHUNK), 0);
	addr[0] = span_alloc(heap, CHUNK, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr[0]);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), CHUNK);
	/*
	 * An atomic caller leaves the refill to the next caller that may sleep, or to the
	 * scavenger.
	 */
	addr[1] = span_alloc(heap, CHUNK, GFP_ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, addr[1]);
	scavenger_run();
	KUNIT_EXPECT_EQ(test, idle_pages(heap), CHUNK);
	span_free(addr[0]);
	span_free(addr[1]);
}

static void releases_stop_at_the_reserve(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, 1000);
	struct span_heap_stats before;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 100), 0);
	span_free(must_alloc(test, heap, 400));
	KUNIT_EXPECT_GE(test, idle_pages(heap), 400UL);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, 50), 50UL);
	span_heap_scavenge(heap, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 100UL);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 0UL);
	let_time_pass(heap);
	EXPECT_NO_CHANGE(test, heap, &before);
}

static void the_scavenger_stops_at_the_reserve(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, 1000);
	struct span_heap_stats stats;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 100), 0);
	span_free(must_alloc(test, heap, 400));
	let_time_pass(heap);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 100ULL);
	KUNIT_EXPECT_GE(test, stats.released_age_pages, 300ULL);
	/* No page is left to release: nothing is due. */
	KUNIT_EXPECT_EQ(test, scavenger_run(), (unsigned long)MAX_SCHEDULE_TIMEOUT);
}

/* Pages above a lowered reserve are ordinary idle pages, and are released by age. */
static void a_lowered_reserve_is_released(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, 1000);

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 100), 0);
	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 30), 0);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 100UL);
	let_time_pass(heap);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 30UL);
	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 0), 0);
	let_time_pass(heap);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 0UL);
}

/* === Reserve and limit ================================================== */

static void a_limit_refuses_a_reserve(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 1000);
	void *addr;

	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 101), -EDQUOT);
	span_heap_scavenge(heap, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 0UL);
	KUNIT_EXPECT_EQ(test, heap->reserve, 0UL);

	addr = must_alloc(test, heap, 60);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 41), -EDQUOT);
	KUNIT_EXPECT_EQ(test, heap->reserve, 0UL);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 40), 0);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 40UL);
	span_free(addr);
}

/* Pages that a failed span_heap_reserve() has backed are released by age. */
static void a_failed_reserve_leaves_nothing_for_good(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 1000);

	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 101), -EDQUOT);
	let_time_pass(heap);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 0UL);
}

/* The reserve is not released to make room for a request below the limit. */
static void the_reserve_is_not_released_for_room(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *low, *keep;

	low = must_alloc(test, heap, 50);
	keep = must_alloc(test, heap, 10);
	span_free(low);
	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 50), 0);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 70, GFP_KERNEL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 1));
	/* A request that the pages of the reserve serve is granted. */
	low = must_alloc(test, heap, 50);
	span_free(low);
	span_free(keep);
}

/* After a failed refill, the next attempt waits one second. */
static void a_failed_refill_is_retried_after_a_second(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 50), 0);
	addr = must_alloc(test, heap, 70);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 30UL);
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 200), 0);
	KUNIT_EXPECT_EQ(test, scavenger_run(), 1UL * HZ);
	KUNIT_EXPECT_EQ(test, test_clock_pass(HZ - 1), 1UL);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 30UL);
	KUNIT_EXPECT_EQ(test, test_clock_pass(1), (unsigned long)MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 50UL);
	span_free(addr);
}

/* After a call that fails to raise the reserve, the heap still keeps and refills the old one. */
static void a_refused_raise_changes_nothing(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 200, 0);
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 50), 0);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 300), -EDQUOT);
	span_heap_scavenge(heap, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 50UL);
	addr = must_alloc(test, heap, 20);
	KUNIT_EXPECT_EQ(test, idle_pages(heap), 50UL);
	span_free(addr);
}

/* === Concurrent callers ================================================= */

struct reserver {
	struct span_heap *heap;
	unsigned long npages;
	int ret;
	bool done;
};

static int reserver_thread(void *data)
{
	struct reserver *reserver = data;

	reserver->ret = span_heap_reserve(reserver->heap, reserver->npages);
	WRITE_ONCE(reserver->done, true);
	return 0;
}

/* A reserve of 200 pages fails while another task's reserve of 50 pages succeeds. */
static void a_failed_reserve_leaves_a_concurrent_one(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct reserver reserver = { .heap = heap, .npages = 200 };
	struct task_struct *task = kthread_create(reserver_thread, &reserver, "kunit_reserver");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	mutex_lock(&heap->reserve_lock);
	wake_up_process(task);
	while (READ_ONCE(task->__state) != TASK_UNINTERRUPTIBLE && !READ_ONCE(reserver.done))
		cond_resched();
	/* The task waits for reserve_lock, and has not changed the reserve yet. */
	KUNIT_EXPECT_EQ(test, heap->reserve, 0UL);
	mutex_unlock(&heap->reserve_lock);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 50), 0);
	while (!READ_ONCE(reserver.done))
		cond_resched();
	kthread_stop(task);
	put_task_struct(task);
	KUNIT_EXPECT_EQ(test, reserver.ret, -EDQUOT);
	KUNIT_EXPECT_EQ(test, heap->reserve, 50UL);
	KUNIT_EXPECT_GE(test, idle_pages(heap), 50UL);
}

/*
 * A caller that finds reserve_lock taken wakes the scavenger: the task that fills the reserve
 * may already have looked at the pages that the caller takes.
 */
static void a_contended_refill_wakes_the_scavenger(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned int tries = 0;
	void *addr;

	/*
	 * Only this wake-up makes the thread refill the reserve: otherwise it sleeps for an age.
	 */
	scavenger_set_clock(NULL);
	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 100), 0);
	mutex_lock(&heap->reserve_lock);
	addr = must_alloc(test, heap, 40);
	mutex_unlock(&heap->reserve_lock);
	while (READ_ONCE(heap->index.nr_idle) < 100 && tries++ < 60 * HZ)
		schedule_timeout_uninterruptible(1);
	KUNIT_EXPECT_GE(test, READ_ONCE(heap->index.nr_idle), 100UL);
	span_free(addr);
}

static void bad_reserves_are_refused(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, ULONG_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, totalram_pages() + 1), -EINVAL);
	EXPECT_NO_CHANGE(test, heap, &before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pages_are_set_aside),
	KUNIT_CASE(a_reserve_makes_the_heap_grow),
	KUNIT_CASE(a_full_heap_grows_by_a_chunk),
	KUNIT_CASE(a_scattered_heap_does_not_grow),
	KUNIT_CASE(atomic_callers_get_the_reserve),
	KUNIT_CASE(a_sleeper_fills_the_reserve_up),
	KUNIT_CASE(releases_stop_at_the_reserve),
	KUNIT_CASE(the_scavenger_stops_at_the_reserve),
	KUNIT_CASE(a_lowered_reserve_is_released),
	KUNIT_CASE(a_limit_refuses_a_reserve),
	KUNIT_CASE(a_failed_reserve_leaves_nothing_for_good),
	KUNIT_CASE(the_reserve_is_not_released_for_room),
	KUNIT_CASE(a_failed_refill_is_retried_after_a_second),
	KUNIT_CASE(a_refused_raise_changes_nothing),
	KUNIT_CASE(a_failed_reserve_leaves_a_concurrent_one),
	KUNIT_CASE(a_contended_refill_wakes_the_scavenger),
	KUNIT_CASE(bad_reserves_are_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_reserve",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
