// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pressure: which pages are released when the system is short of memory, and which stay.
 */
#include <linux/jiffies.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

#include "heap/release.h"
#include "reclaim/pressure.h"

#include "common.h"

#define AGE_MS	1000

/* When a test begins, pressure has released the idle pages of all other heaps. */
static int pressure_test_init(struct kunit *test)
{
	int ret = test_clock_init(test);

	pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	return ret;
}

static struct span_heap *retaining_heap(struct kunit *test)
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

static void requested_pages_are_released(struct kunit *test)
{
	static const unsigned long npages[] = { 0, 1, 127, 512, 1025 };
	struct span_heap *heap = retaining_heap(test);
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

/* No page is old. Demand covers the pages of one heap; the other goes by age alone. */
static void surplus_is_released_first(struct kunit *test)
{
	struct span_heap *needed = retaining_heap(test);
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

static void cached_spans_are_released_last(struct kunit *test)
{
	struct span_heap *cached = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap *plain = retaining_heap(test);

	span_free(must_alloc(test, cached, 10));
	span_free(must_alloc(test, plain, 100));
	KUNIT_EXPECT_GE(test, pressure_count(NUMA_NO_NODE), 110UL);
	KUNIT_EXPECT_EQ(test, pressure_release(100, RELEASE_PRESSURE), 100UL);
	KUNIT_EXPECT_EQ(test, idle(cached), 10ULL);
	KUNIT_EXPECT_EQ(test, idle(plain), 0ULL);
	KUNIT_EXPECT_EQ(test, pressure_release(100, RELEASE_PRESSURE), 10UL);
	KUNIT_EXPECT_EQ(test, idle(cached), 0ULL);
	KUNIT_EXPECT_EQ(test, pressure_count(NUMA_NO_NODE), 0UL);
}

static void a_reserve_stays(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 50), 0);
	span_free(must_alloc(test, heap, 200));
	pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	KUNIT_EXPECT_EQ(test, idle(heap), 50ULL);
	KUNIT_EXPECT_EQ(test, pressure_count(NUMA_NO_NODE), 0UL);
}

/* pressure_relieve() releases surplus pages before their age; pages that demand covers stay. */
static void relief_takes_the_surplus(struct kunit *test)
{
	struct span_heap *surplus = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap *aged = test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_AGE_ONLY);
	struct span_heap *needed = retaining_heap(test);
	int node;

	span_free(must_alloc(test, surplus, 10));
	span_free(must_alloc(test, surplus, 600));
	/*
	 * Demand has not covered the pages above for two ages, but no pass has run in this time.
	 */
	test_clock_wait(3 * msecs_to_jiffies(AGE_MS));
	span_free(must_alloc(test, needed, 300));
	span_free(must_alloc(test, aged, 200));
	for_each_online_node(node)
		pressure_scan(node, 0, 0, 1000, true);
	pressure_relieve();
	/* The floor of 64 pages and the 10 cached pages stay. */
	KUNIT_EXPECT_EQ(test, idle(surplus), 64ULL + 10);
	KUNIT_EXPECT_EQ(test, released(surplus), 600ULL - 64);
	KUNIT_EXPECT_EQ(test, idle(needed), 300ULL);
	KUNIT_EXPECT_EQ(test, idle(aged), 200ULL);
}

/* === How much reclaim gets ============================================== */

#define ENOUGH	false
#define SHORT	true

/* A heap with 4096 idle pages that demand covers, and 10 cached pages. */
static struct span_heap *heap_in_demand(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_flags(test, 0, AGE_MS, 0);

	void *addr = must_alloc(test, heap, 10);

	span_free(must_alloc(test, heap, 4096));
	span_free(addr);
	KUNIT_EXPECT_EQ(test, idle(heap), 4096ULL + 10);
	return heap;
}

/* Scans as reclaim at @priority does, in several calls; counts anew in each round. */
static unsigned long scan(unsigned int priority, unsigned int rounds, bool short_of_memory)
{
	unsigned long freeable, asked, total, given = 0;

	while (rounds--) {
		freeable = pressure_count(NUMA_NO_NODE);
		total = min(2 * freeable, (4 * freeable) >> priority);
		for (asked = 0; asked < total;) {
			unsigned long batch = min(total - asked, 512UL);

			asked += batch;
			given += pressure_scan(NUMA_NO_NODE, batch, asked, freeable,
					       short_of_memory);
		}
	}
	return given;
}

static void light_reclaim_releases_surplus(struct kunit *test)
{
	struct span_heap *heap = heap_in_demand(test);

	KUNIT_EXPECT_EQ(test, scan(12, 1000, ENOUGH), 0UL);
	KUNIT_EXPECT_EQ(test, scan(8, 100, ENOUGH), 0UL);
	KUNIT_EXPECT_EQ(test, idle(heap), 4096ULL + 10);
	/* Two ages after their last use, demand no longer covers all of these pages. */
	test_clock_wait(3 * msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_GT(test, scan(8, 100, ENOUGH), 3000UL);
	KUNIT_EXPECT_GE(test, idle(heap), 64ULL);
}

static void light_reclaim_leaves_age_only_heaps(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);

	span_free(must_alloc(test, heap, 4096));
	KUNIT_EXPECT_EQ(test, scan(10, 200, ENOUGH), 0UL);
	KUNIT_EXPECT_EQ(test, idle(heap), 4096ULL);
	KUNIT_EXPECT_EQ(test, scan(5, 200, ENOUGH), 0UL);
	KUNIT_EXPECT_GT(test, scan(4, 20, ENOUGH), 2000UL);
}

static void heavy_reclaim_leaves_the_caches(struct kunit *test)
{
	struct span_heap *heap = heap_in_demand(test);

	KUNIT_EXPECT_EQ(test, scan(5, 1, ENOUGH), 0UL);
	KUNIT_EXPECT_GT(test, scan(4, 1, ENOUGH), 200UL);
	scan(4, 500, ENOUGH);
	scan(10, 500, SHORT);
	KUNIT_EXPECT_GE(test, idle(heap), 10ULL);
	KUNIT_EXPECT_LE(test, idle(heap), 100ULL);
}

static void a_short_zone_makes_reclaim_heavy(struct kunit *test)
{
	struct span_heap *heap = heap_in_demand(test);

	KUNIT_EXPECT_EQ(test, scan(9, 1, SHORT), 4106UL * 4 >> 9);
	KUNIT_EXPECT_EQ(test, idle(heap), 4106ULL - (4106 * 4 >> 9));
}

/* At priority 0 reclaim asks for twice the pages it counted, as it does to drop caches. */
static void last_reclaim_releases_all(struct kunit *test)
{
	struct span_heap *heap = heap_in_demand(test);

	scan(0, 1, ENOUGH);
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
	KUNIT_EXPECT_EQ(test, released(heap), 4106ULL);
}

/* Of the idle pages, the atomic pool is released last. */
static void the_pool_is_released_last(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_NO_CACHE);
	void *addr;

	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, GFP_NOWAIT | __GFP_NOWARN));
	scavenger_run();
	KUNIT_EXPECT_EQ(test, idle(heap), 128ULL);
	scan(4, 100, SHORT);
	KUNIT_EXPECT_EQ(test, idle(heap), 128ULL);
	scan(0, 1, SHORT);
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
	/* The pool is not refilled at once: the refill would take memory that reclaim needs. */
	addr = span_alloc(heap, 10, GFP_NOWAIT | __GFP_NOWARN);
	scavenger_run();
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
	test_clock_pass(HZ);
	KUNIT_EXPECT_EQ(test, idle(heap), 128ULL);
	span_free(addr);
}

/* Many small requests to two equal heaps: none of the heaps is always the first. */
static void heaps_take_turns(struct kunit *test)
{
	struct span_heap *one = retaining_heap(test);
	struct span_heap *two = retaining_heap(test);
	unsigned int i;

	span_free(must_alloc(test, one, 1000));
	span_free(must_alloc(test, two, 1000));
	for (i = 0; i < 40; i++)
		KUNIT_EXPECT_EQ(test, pressure_release(10, RELEASE_PRESSURE), 10UL);
	KUNIT_EXPECT_GE(test, released(one), 100ULL);
	KUNIT_EXPECT_GE(test, released(two), 100ULL);
}

/* Pages of the node that is short are released; pages of the other node stay. */
static void the_other_node_is_left_alone(struct kunit *test)
{
	struct span_heap *heap[2];
	void *addr;
	int node;

	if (num_online_nodes() < 2) {
		kunit_skip(test, "needs two nodes");
		return;
	}
	for (node = 0; node < 2; node++) {
		heap[node] = test_heap(test);
		addr = span_alloc_node(heap[node], 600, node, GFP_KERNEL | __GFP_THISNODE);
		KUNIT_ASSERT_NOT_NULL(test, addr);
		span_free(addr);
	}
	KUNIT_EXPECT_EQ(test, pressure_count(0), 600UL);
	KUNIT_EXPECT_EQ(test, pressure_count(1), 600UL);
	KUNIT_EXPECT_EQ(test, pressure_count(NUMA_NO_NODE), 1200UL);
	pressure_scan(1, 2000, 2000, 600, SHORT);
	KUNIT_EXPECT_EQ(test, idle(heap[0]), 600ULL);
	KUNIT_EXPECT_EQ(test, idle(heap[1]), 0ULL);
}

/* Releases of a heap that always has idle pages put off a kill once in ten seconds. */
static void a_kill_is_put_off_once(struct kunit *test)
{
	unsigned long now = jiffies, last = 0;
	unsigned int i, progress = 0;

	KUNIT_EXPECT_FALSE(test, pressure_is_progress(0, now, &last));
	KUNIT_EXPECT_TRUE(test, pressure_is_progress(1000, now, &last));
	for (i = 0; i < 10 * HZ; i += 7)
		progress += pressure_is_progress(1000, now + i, &last);
	KUNIT_EXPECT_EQ(test, progress, 0U);
	KUNIT_EXPECT_TRUE(test, pressure_is_progress(1000, now + 10 * HZ + 1, &last));
}

/* Two calls within ten seconds release all idle pages. At most one of them counts pages. */
static void the_oom_notifier_releases_all(struct kunit *test)
{
	struct span_heap *heap = heap_in_demand(test);
	unsigned long first = 0, second = 0;

	pressure_oom_notify(NULL, 0, &first);
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
	KUNIT_EXPECT_TRUE(test, !first || first == 4106);
	span_free(must_alloc(test, heap, 100));
	pressure_oom_notify(NULL, 0, &second);
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
	KUNIT_EXPECT_TRUE(test, !first || !second);
}

/* A boost of the watermark does not count. Pages kept for higher zones are not free. */
static void zones_below_the_min_watermark_are_short(struct kunit *test)
{
	struct zone *zone = kunit_kzalloc(test, sizeof(*zone), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, zone);
	zone->_watermark[WMARK_MIN] = 100;
	zone->_watermark[WMARK_LOW] = 200;
	zone->watermark_boost = 1000;
	zone->lowmem_reserve[ZONE_NORMAL] = 50;
	KUNIT_EXPECT_TRUE(test, pressure_zone_is_short(zone, 149));
	KUNIT_EXPECT_FALSE(test, pressure_zone_is_short(zone, 150));
}

/* Called as do_shrink_slab() does at priority 0: it asks for twice the pages counted. */
static void the_shrinker_keeps_its_contract(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_AGE_ONLY |
						      SPAN_HEAP_NO_CACHE | SPAN_HEAP_NO_POOL);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nid = 0 };
	unsigned long count, asked, got, given = 0;
	void *addr;

	KUNIT_EXPECT_EQ(test, pressure_shrink_count(NULL, &sc), SHRINK_EMPTY);
	addr = span_alloc_node(heap, 3000, 0, GFP_KERNEL | __GFP_THISNODE);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	span_free(addr);
	count = pressure_shrink_count(NULL, &sc);
	KUNIT_EXPECT_EQ(test, count, 3000UL);
	for (asked = 0; asked < 2 * count; asked += 500) {
		sc.nr_to_scan = 500;
		sc.nr_scanned = 500;
		got = pressure_shrink_scan(NULL, &sc);
		if (got == SHRINK_STOP)
			break;
		KUNIT_EXPECT_EQ(test, sc.nr_scanned, 500UL);
		KUNIT_EXPECT_LE(test, got, 500UL);
		given += got;
	}
	KUNIT_EXPECT_EQ(test, given, 3000UL);
	KUNIT_EXPECT_EQ(test, got, SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, idle(heap), 0ULL);
}

/*
 * Runs as in an allocation that reclaims. Lockdep reports a lock taken here that any task holds
 * while it allocates.
 */
static void reclaim_may_take_pages(struct kunit *test)
{
	struct span_heap *cached = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap *plain = retaining_heap(test);
	unsigned long pages;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(plain, 20), 0);
	span_free(must_alloc(test, cached, 10));
	span_free(must_alloc(test, plain, 100));
	fs_reclaim_acquire(GFP_KERNEL);
	pages = pressure_count(NUMA_NO_NODE);
	pages -= pressure_release(ULONG_MAX, RELEASE_PRESSURE);
	fs_reclaim_release(GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, pages, 0UL);
	KUNIT_EXPECT_EQ(test, idle(plain), 20ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(requested_pages_are_released),
	KUNIT_CASE(surplus_is_released_first),
	KUNIT_CASE(cached_spans_are_released_last),
	KUNIT_CASE(a_reserve_stays),
	KUNIT_CASE(relief_takes_the_surplus),
	KUNIT_CASE(light_reclaim_releases_surplus),
	KUNIT_CASE(light_reclaim_leaves_age_only_heaps),
	KUNIT_CASE(heavy_reclaim_leaves_the_caches),
	KUNIT_CASE(a_short_zone_makes_reclaim_heavy),
	KUNIT_CASE(last_reclaim_releases_all),
	KUNIT_CASE(the_pool_is_released_last),
	KUNIT_CASE(heaps_take_turns),
	KUNIT_CASE(the_other_node_is_left_alone),
	KUNIT_CASE(a_kill_is_put_off_once),
	KUNIT_CASE(the_oom_notifier_releases_all),
	KUNIT_CASE(zones_below_the_min_watermark_are_short),
	KUNIT_CASE(the_shrinker_keeps_its_contract),
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
