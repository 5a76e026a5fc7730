// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a heap: the hard limit on pages in use or idle, and the soft limit.
 */
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include "heap/release.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"
#include "reclaim/pressure.h"
#include "vm/backing.h"

#include "common.h"

#define AGE_MS	1000

static u64 stat_backed(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.in_use_pages + stats.idle_pages;
}

static void the_limit_is_not_exceeded(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *addr[2];

	addr[0] = must_alloc(test, heap, 60);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 41, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 101, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, span_alloc_aligned(heap, 41, 64, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, span_alloc_kind(heap, 41, SPAN_KIND_WORK, GFP_KERNEL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 4));

	addr[1] = must_alloc(test, heap, 40);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, before.peak_backed_pages, 100ULL);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_KERNEL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 1));
	span_free(addr[0]);
	span_free(addr[1]);
}

static void a_larger_request_than_the_limit_reserves_nothing(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 101, GFP_KERNEL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 1));
}

/* Idle pages that a request cannot use are released to make room below the limit. */
static void idle_pages_elsewhere_make_room(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *keep, *low, *addr;

	low = must_alloc(test, heap, 50);
	keep = must_alloc(test, heap, 10);
	span_free(low);
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 70);
	KUNIT_EXPECT_PTR_EQ(test, addr, page_at(keep, 10));
	/* 30 of the 50 idle pages were released. */
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 70),
		       CHANGE(in_use_heap_pages, 70), CHANGE(idle_pages, -30),
		       CHANGE(released_pages, -40), CHANGE(span_count, 1),
		       CHANGE(alloc_count, 1), CHANGE(backed_pages, 70),
		       CHANGE(released_limit_pages, 30), CHANGE(tlb_flush_count, 1),
		       CHANGE(refault_pages, 30), CHANGE(refault_count, 1));
	span_free(keep);
	span_free(addr);
}

static void idle_pages_that_fit_are_used(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *addr;

	span_free(must_alloc(test, heap, 100));
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 100);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 100),
		       CHANGE(in_use_heap_pages, 100), CHANGE(idle_pages, -100),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1));
	span_free(addr);
}

static void atomic_callers_release_nothing(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *keep, *low, *addr;

	low = must_alloc(test, heap, 50);
	keep = must_alloc(test, heap, 10);
	span_free(low);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 70, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 70, GFP_NOWAIT));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 2));
	addr = span_alloc(heap, 50, GFP_ATOMIC);
	KUNIT_EXPECT_PTR_EQ(test, addr, low);
	span_free(addr);
	span_free(keep);
}

static void lowering_releases_idle_pages(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *keep, *addr;

	keep = must_alloc(test, heap, 30);
	span_free(must_alloc(test, heap, 170));
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 100), 0);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, -100), CHANGE(released_pages, 100),
		       CHANGE(limit_pages, 100), CHANGE(released_limit_pages, 100),
		       CHANGE(tlb_flush_count, 1));

	/* A limit below the pages in use leaves live spans alone, and refuses new ones. */
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 20), 0);
	KUNIT_EXPECT_EQ(test, stat_backed(heap), 30ULL);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, found_at(keep));

	/* The limit is raised, and then removed. */
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 40), 0);
	addr = must_alloc(test, heap, 10);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_KERNEL));
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 0), 0);
	addr = must_alloc(test, heap, 1000);
	span_free(addr);
	span_free(keep);
}

static void nofail_needs_a_heap_without_limit(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct span_heap_stats before;
	void *addr;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_KERNEL | __GFP_NOFAIL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, 1));
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 0), 0);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_NOWAIT | __GFP_NOFAIL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, 2),
		       CHANGE(limit_pages, -100));
	addr = span_alloc(heap, 1, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	span_free(addr);
}

/* Spans of random lengths are allocated and freed. */
static void random_requests_stay_below(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 300, 0);
	void *addr[8] = {};
	unsigned int round, failed = 0;
	u32 random = 1;

	for (round = 0; round < 400; round++) {
		void **slot;

		random = random * 1664525 + 1013904223;
		slot = &addr[random >> 29];
		if (*slot) {
			span_free(*slot);
			*slot = NULL;
		} else {
			*slot = span_alloc(heap, 1 + (random >> 16) % 120, GFP_KERNEL);
			failed += !*slot;
		}
		KUNIT_ASSERT_LE(test, stat_backed(heap), 300ULL);
	}
	KUNIT_EXPECT_GT(test, failed, 0U);
	KUNIT_EXPECT_LT(test, failed, 200U);
	KUNIT_EXPECT_EQ(test, heap->count.peak_backed_pages, 300ULL);
	for (round = 0; round < ARRAY_SIZE(addr); round++)
		span_free(addr[round]);
}

/* === Soft limits ======================================================== */

static void idle_pages_above_a_soft_limit_are_released(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;
	void *keep = must_alloc(test, heap, 50);

	span_free(must_alloc(test, heap, 1000));
	span_free(must_alloc(test, heap, 40));
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, before.cached_pages, 40ULL);
	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 90), 0);
	scavenger_run();
	EXPECT_CHANGES(test, heap, &before, CHANGE(soft_limit_pages, 90),
		       CHANGE(idle_pages, -960), CHANGE(released_pages, 960),
		       CHANGE(released_limit_pages, 960), CHANGE(tlb_flush_count, 1));
	/* If there are no other idle pages, cached pages are released. */
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 30), 0);
	scavenger_run();
	EXPECT_CHANGES(test, heap, &before, CHANGE(soft_limit_pages, -60),
		       CHANGE(idle_pages, -40), CHANGE(cached_pages, -40),
		       CHANGE(released_pages, 40), CHANGE(released_limit_pages, 40),
		       CHANGE(tlb_flush_count, 1));
	span_free(keep);
}

/* An allocation above the soft limit succeeds, and releases a bounded number of idle pages. */
static void allocations_help_with_a_soft_limit(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *low, *keep, *addr;

	low = must_alloc(test, heap, 150);
	keep = must_alloc(test, heap, 10);
	span_free(low);
	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 160), 0);
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 200);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 200),
		       CHANGE(in_use_heap_pages, 200), CHANGE(idle_pages, -64),
		       CHANGE(released_pages, -136), CHANGE(span_count, 1),
		       CHANGE(alloc_count, 1), CHANGE(backed_pages, 200),
		       CHANGE(released_limit_pages, 64), CHANGE(tlb_flush_count, 1));
	/* An allocation that may not sleep releases nothing. */
	span_free(addr);
	span_heap_scavenge(heap, 200);
	span_heap_stats(heap, &before);
	addr = span_alloc(heap, 200, GFP_ATOMIC);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, heap->count.released_limit_pages, before.released_limit_pages);
	span_free(addr);
	span_free(keep);
}

/* Idle pages below a soft limit become old, and are released by age. */
static void idle_pages_below_a_soft_limit_age(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);

	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 90), 0);
	span_free(must_alloc(test, heap, 1000));
	scavenger_run();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 90UL);
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 0UL);
}

/* All pages are in use, so none can be released. Then a free leaves 20 pages cached. */
static void a_soft_limit_empties_caches(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	struct span_heap_stats stats;
	void *addr, *last;

	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 610), 0);
	span_free(must_alloc(test, heap, 600));
	KUNIT_EXPECT_TRUE(test, heap->watched);
	addr = must_alloc(test, heap, 600);
	last = must_alloc(test, heap, 20);
	scavenger_run();
	KUNIT_EXPECT_FALSE(test, heap->watched);
	span_free(last);
	KUNIT_EXPECT_TRUE(test, heap->watched);
	/* The caches are drained at most once a second. */
	KUNIT_EXPECT_LE(test, scavenger_run(), 1UL * HZ);
	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 20, GFP_KERNEL), last);
	span_free(last);
	KUNIT_EXPECT_LE(test, test_clock_pass(HZ / 2), 1UL * HZ);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 20ULL);
	test_clock_pass(HZ / 2);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.released_limit_pages, 10ULL);
	span_free(addr);
}

/* While a load stays above its soft limit, unused cached spans are drained and passes end. */
static void passes_run_above_a_soft_limit(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	struct span_heap_stats stats;
	void *stale, *live;
	unsigned int i;

	/* 40 pages are cached and not used again; 600 pages are allocated and freed repeatedly. */
	stale = must_alloc(test, heap, 40);
	live = must_alloc(test, heap, 100);
	span_free(stale);
	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 120), 0);
	for (i = 0; i < 6; i++) {
		span_free(must_alloc(test, heap, 600));
		/* Each step finds pages above the soft limit. */
		scavenger_step();
		test_clock_wait(HZ / 2);
	}
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	for (i = 0; i < 40; i++) {
		span_free(must_alloc(test, heap, 600));
		scavenger_step();
		test_clock_wait(msecs_to_jiffies(AGE_MS) / 4);
	}
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_GE(test, stats.pass_count, 1ULL);
	span_free(live);
}

/* === A release by another task ========================================== */

struct waiter {
	struct span_heap *heap;
	void *addr;
	bool done;
};

static int waiter_thread(void *data)
{
	struct waiter *waiter = data;

	waiter->addr = span_alloc(waiter->heap, 100, GFP_KERNEL);
	WRITE_ONCE(waiter->done, true);
	return 0;
}

static void run_until_it_waits(struct task_struct *thread, const struct waiter *waiter)
{
	get_task_struct(thread);
	wake_up_process(thread);
	while (!(READ_ONCE(thread->__state) & TASK_UNINTERRUPTIBLE) && !READ_ONCE(waiter->done))
		cond_resched();
}

/*
 * The test's task is releasing the idle pages that leave no room for another task's request. The
 * request waits for the batch, and then succeeds.
 */
static void a_release_under_way_makes_room(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 100, 0);
	struct waiter waiter = { .heap = heap };
	struct pageindex_run run = {};
	struct task_struct *thread;
	unsigned long flags;

	span_free(must_alloc(test, heap, 60));
	thread = kthread_create(waiter_thread, &waiter, "kunit_waiter");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);

	/* Do the steps of release_step(), with the waiter's request between take and release. */
	mutex_lock(&heap->release_lock);
	flags = heap_lock(heap);
	pageindex_take_idle(&heap->index, 0, PAGEINDEX_ANY, ULONG_MAX, &run, 1);
	heap->moving += run.npages;
	heap->inflight.nr++;
	heap_unlock(heap, flags);
	run_until_it_waits(thread, &waiter);
	backing_drop(test_page_address(heap, run.page), run.npages);
	flags = heap_lock(heap);
	pageindex_release(&heap->index, run.page, run.npages);
	heap->moving -= run.npages;
	heap->count.released_forced_pages += run.npages;
	heap->count.release_batch_count++;
	heap->inflight.nr--;
	heap_unlock(heap, flags);
	wake_up_all(&heap->inflight.wait);
	mutex_unlock(&heap->release_lock);

	kthread_stop(thread);
	put_task_struct(thread);
	KUNIT_EXPECT_EQ(test, run.npages, 60UL);
	KUNIT_EXPECT_NOT_NULL(test, waiter.addr);
	span_free(waiter.addr);
}

/*
 * The scavenger's thread may be preempted in the middle of a batch, with release_lock held. Other
 * tasks then release pages without the lock.
 */
static void releases_do_not_wait_for_release_lock(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 2000, 0);
	struct span_heap_stats stats;
	void *keep, *addr;

	addr = must_alloc(test, heap, 1000);
	keep = must_alloc(test, heap, 10);
	span_free(addr);
	mutex_lock(&heap->release_lock);
	/* Releases for a limit, by reclaim, and on request. */
	addr = span_alloc(heap, 1500, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, pressure_release(100, RELEASE_PRESSURE), 100UL);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, 100), 100UL);
	mutex_unlock(&heap->release_lock);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.released_limit_pages, 510ULL);
	/* Without the lock the batches are small. */
	KUNIT_EXPECT_GE(test, stats.tlb_flush_count, 8ULL);
	span_free(addr);
	span_free(keep);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_limit_is_not_exceeded),
	KUNIT_CASE(a_larger_request_than_the_limit_reserves_nothing),
	KUNIT_CASE(idle_pages_elsewhere_make_room),
	KUNIT_CASE(idle_pages_that_fit_are_used),
	KUNIT_CASE(atomic_callers_release_nothing),
	KUNIT_CASE(lowering_releases_idle_pages),
	KUNIT_CASE(nofail_needs_a_heap_without_limit),
	KUNIT_CASE(random_requests_stay_below),
	KUNIT_CASE(idle_pages_above_a_soft_limit_are_released),
	KUNIT_CASE(allocations_help_with_a_soft_limit),
	KUNIT_CASE(idle_pages_below_a_soft_limit_age),
	KUNIT_CASE(a_soft_limit_empties_caches),
	KUNIT_CASE(passes_run_above_a_soft_limit),
	KUNIT_CASE(a_release_under_way_makes_room),
	KUNIT_CASE(releases_do_not_wait_for_release_lock),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_limit",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
