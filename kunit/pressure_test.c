// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pressure: what is given back when the system asks, and what is not.
 */
#include <linux/jiffies.h>
#include <linux/sched/mm.h>

#include "common.h"

#define AGE_MS	1000

/* Other heaps have nothing to give when a test begins. */
static int pressure_test_init(struct kunit *test)
{
	int ret = test_clock_init(test);

	pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	return ret;
}

static struct span_heap *restrained_heap(struct kunit *test)
{
	return test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_NO_CACHE);
}

static u64 released(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.released_pressure_pages;
}

static u64 idle(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.idle_pages;
}

static void as_many_go_as_are_asked_for(struct kunit *test)
{
	static const unsigned long npages[] = { 0, 1, 127, 512, 1025 };
	struct span_heap *heap = restrained_heap(test);
	u64 before;
	unsigned int i;

	span_free(must_alloc(test, heap, 4000));
	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		before = released(heap);
		KUNIT_EXPECT_EQ(test, pressure_release(npages[i], RELEASE_PRESSURE), npages[i]);
		KUNIT_EXPECT_EQ(test, released(heap) - before, (u64)npages[i]);
	}
	KUNIT_EXPECT_EQ(test, pressure_release(ULONG_MAX, RELEASE_PRESSURE), 4000UL - 1665);
	KUNIT_EXPECT_EQ(test, pressure_release(ULONG_MAX, RELEASE_PRESSURE), 0UL);
}

/* Idle for no time at all, but one of the heaps has no need of them. */
static void surplus_goes_first(struct kunit *test)
{
	struct span_heap *needed = restrained_heap(test);
	struct span_heap *surplus = test_heap(test);

	span_free(must_alloc(test, needed, 300));
	span_free(must_alloc(test, surplus, 300));
	KUNIT_EXPECT_EQ(test, pressure_release(200, RELEASE_PRESSURE), 200UL);
	KUNIT_EXPECT_EQ(test, idle(needed), 300ULL);
	KUNIT_EXPECT_EQ(test, idle(surplus), 100ULL);
	KUNIT_EXPECT_EQ(test, pressure_release(200, RELEASE_PRESSURE), 200UL);
	KUNIT_EXPECT_EQ(test, idle(needed), 200ULL);
	KUNIT_EXPECT_EQ(test, idle(surplus), 0ULL);
}

static void parked_spans_go_last(struct kunit *test)
{
	struct span_heap *cached = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap *plain = restrained_heap(test);

	span_free(must_alloc(test, cached, 10));
	span_free(must_alloc(test, plain, 100));
	KUNIT_EXPECT_GE(test, pressure_count(), 110UL);
	KUNIT_EXPECT_EQ(test, pressure_release(100, RELEASE_PRESSURE), 100UL);
	KUNIT_EXPECT_EQ(test, idle(cached), 10ULL);
	KUNIT_EXPECT_EQ(test, idle(plain), 0ULL);
	KUNIT_EXPECT_EQ(test, pressure_release(100, RELEASE_PRESSURE), 10UL);
	KUNIT_EXPECT_EQ(test, idle(cached), 0ULL);
	KUNIT_EXPECT_EQ(test, pressure_count(), 0UL);
}

static void a_reserve_stays(struct kunit *test)
{
	struct span_heap *heap = restrained_heap(test);

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 50), 0);
	span_free(must_alloc(test, heap, 200));
	pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	KUNIT_EXPECT_EQ(test, idle(heap), 50ULL);
	KUNIT_EXPECT_EQ(test, pressure_count(), 0UL);
}

/* The scavenger, called for help: no waiting for the age, but some restraint. */
static void relief_takes_the_surplus_and_empties_the_caches(struct kunit *test)
{
	struct span_heap *cached = test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_AGE_ONLY);
	struct span_heap *needed = restrained_heap(test);

	span_free(must_alloc(test, cached, 10));
	span_free(must_alloc(test, needed, 300));
	pressure_relieve();
	KUNIT_EXPECT_EQ(test, idle(cached), 0ULL);
	KUNIT_EXPECT_EQ(test, released(cached), 10ULL);
	KUNIT_EXPECT_EQ(test, idle(needed), 300ULL);
}

/*
 * As in any allocation that reclaims. With lockdep, a lock taken here that is ever
 * held while somebody allocates would be reported.
 */
static void reclaim_may_take_pages(struct kunit *test)
{
	struct span_heap *cached = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap *plain = restrained_heap(test);
	unsigned long pages;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(plain, 20), 0);
	span_free(must_alloc(test, cached, 10));
	span_free(must_alloc(test, plain, 100));
	fs_reclaim_acquire(GFP_KERNEL);
	pages = pressure_count();
	pages -= pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	fs_reclaim_release(GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, pages, 0UL);
	KUNIT_EXPECT_EQ(test, idle(plain), 20ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(as_many_go_as_are_asked_for),
	KUNIT_CASE(surplus_goes_first),
	KUNIT_CASE(parked_spans_go_last),
	KUNIT_CASE(a_reserve_stays),
	KUNIT_CASE(relief_takes_the_surplus_and_empties_the_caches),
	KUNIT_CASE(reclaim_may_take_pages),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_pressure",
	.init = pressure_test_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
