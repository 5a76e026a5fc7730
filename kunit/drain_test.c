// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drains: when cached spans become idle, and when their pages are released.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "cache/cache.h"
#include "cache/depot.h"

#include "common.h"

#define AGE_MS	1000

/* === Callers that cannot wait =========================================== */

/* cache_shed() makes at most 32 spans of the CPU's cache idle, however many it has. */
static void a_cache_sheds_a_few(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void **addr = alloc_some(test, heap, 200, 2);
	void **other = alloc_some(test, heap, 20, 20);
	unsigned long pages, flags, rounds = 0;

	free_some(addr, 200);
	free_some(other, 20);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 800ULL);
	local_irq_save(flags);
	pages = cache_shed(heap);
	local_irq_restore(flags);
	/* Long spans are shed first: all 20 spans of 20 pages, and 12 spans of 2 pages. */
	KUNIT_EXPECT_EQ(test, pages, 424UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 376ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 424UL);
	while (cache_shed(heap))
		rounds++;
	KUNIT_EXPECT_EQ(test, rounds, 6UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	test_heap_check(test, heap);
}

/* All pages below the limit are cached: an atomic caller that retries gets them in the end. */
static void atomic_callers_get_cached_pages(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 640, 0);
	void **addr = alloc_some(test, heap, 320, 2);
	void *span = NULL;
	unsigned int tries;

	free_some(addr, 320);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 640ULL);
	for (tries = 0; !span && tries < 60 * HZ; tries++) {
		span = span_alloc(heap, 400, GFP_ATOMIC | __GFP_NOWARN);
		if (!span)
			schedule_timeout_uninterruptible(1);
	}
	KUNIT_EXPECT_NOT_NULL(test, span);
	span_free(span);
}

/* === Releases and limits ================================================ */

static void caches_of_other_cpus_are_emptied(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);

	span_free(must_alloc(test, heap, 3));
	span_free(must_alloc(test, heap, 30));
	if (!move_to_another_cpu())
		kunit_skip(test, "needs two CPUs of one node");
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 33ULL);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 33UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
}

static void a_forced_release_empties_caches(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats stats;

	span_free(must_alloc(test, heap, 7));
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 7UL);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.released_pages, stats.grown_pages);
}

static void a_limit_takes_cached_pages_first(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 20, 0);
	struct span_heap_stats stats;
	void *addr;

	span_free(must_alloc(test, heap, 12));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 12ULL);
	addr = span_alloc(heap, 20, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.fail_limit_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_LE(test, stats.peak_backed_pages, 20ULL);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 5), 0);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_LE(test, stats.idle_pages, 5ULL);
}

/* === Age ================================================================ */

/* An unused cached span is released after one age at the earliest, as other idle pages are. */
static void a_cached_span_is_released_in_time(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	unsigned long age = msecs_to_jiffies(AGE_MS);
	struct span_heap_stats stats;
	unsigned long idle = 0;

	span_free(must_alloc(test, heap, 4));
	scavenger_run();
	do {
		test_clock_pass(1);
		idle++;
		span_heap_stats(heap, &stats);
	} while (!stats.released_age_pages && idle <= 3 * age);
	KUNIT_EXPECT_GE(test, idle, age);
	KUNIT_EXPECT_LE(test, idle, 2 * age + 1);
	KUNIT_EXPECT_EQ(test, stats.released_age_pages, 4ULL);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, scavenger_run(), (unsigned long)MAX_SCHEDULE_TIMEOUT);
}

/*
 * Three chains of one length are cached, and two of them are used between two passes. The second
 * pass takes the chain that was cached first.
 */
static void the_oldest_chain_is_evicted_first(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	unsigned int length = chain_length(4), i;
	void **addr = alloc_some(test, heap, 3 * length, 4);
	void **used;

	free_some(addr, 3 * length);
	scavenger_run();
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 12ULL * length);
	used = alloc_some(test, heap, 2 * length, 4);
	free_some(used, 2 * length);
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 8ULL * length);
	for (i = 0; i < 2 * length; i++)
		KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 4, GFP_KERNEL), used[i]);
	free_some(used, 2 * length);
}

static void a_span_in_regular_use_stays(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	void *addr = must_alloc(test, heap, 4);
	unsigned int i;

	span_free(addr);
	scavenger_run();
	for (i = 0; i < 5; i++) {
		test_clock_pass(msecs_to_jiffies(AGE_MS));
		KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 4, GFP_KERNEL), addr);
		span_free(addr);
	}
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 4ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_cache_sheds_a_few),
	KUNIT_CASE(atomic_callers_get_cached_pages),
	KUNIT_CASE(caches_of_other_cpus_are_emptied),
	KUNIT_CASE(a_forced_release_empties_caches),
	KUNIT_CASE(a_limit_takes_cached_pages_first),
	KUNIT_CASE(a_cached_span_is_released_in_time),
	KUNIT_CASE(the_oldest_chain_is_evicted_first),
	KUNIT_CASE(a_span_in_regular_use_stays),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_drain",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
