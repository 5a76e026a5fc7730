// SPDX-License-Identifier: GPL-2.0-only
/*
 * Retention: idle pages that passes keep because of demand, and the order of releases.
 */
#include <linux/jiffies.h>

#include "heap/span_map.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES
#define AGE_MS	1000

/* The module's default of retain_floor_pages. */
#define FLOOR	64UL

static unsigned long age(void)
{
	return msecs_to_jiffies(AGE_MS);
}

static struct span_heap *retaining_heap(struct kunit *test)
{
	return test_heap_make_flags(test, 0, AGE_MS, SPAN_HEAP_NO_CACHE);
}

static unsigned long backed(struct span_heap *heap)
{
	return heap->index.nr_pages - heap->index.nr_released;
}

static unsigned int idle_in(struct span_heap *heap, unsigned long chunk)
{
	return arena_of_page(&heap->index, chunk * CHUNK)->block.meta[chunk].idle;
}

/* Cut a span of @npages pages into single ones. */
static void *must_alloc_pages(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	void *addr = must_alloc(test, heap, npages);
	unsigned long i;

	for (i = 0; i + 1 < npages; i++)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, i), 1), 0);
	return addr;
}

static void free_pages_of(void *addr, unsigned long from, unsigned long to)
{
	for (; from < to; from++)
		span_free(page_at(addr, from));
}

/* Two passes: pages that are idle before the first one are due at the second. */
static void pass_twice(struct span_heap *heap, struct span_heap_stats *stats)
{
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age());
	span_heap_stats(heap, stats);
}

/* === How much stays ===================================================== */

/*
 * Run a load every one and a half ages, with its pages idle in between. Returns the number of
 * allocations with refaults.
 */
static u64 run_returning_load(struct kunit *test, struct span_heap *heap)
{
	struct span_heap_stats stats;
	unsigned int i, tick;

	scavenger_run();
	for (i = 0; i < 10; i++) {
		span_free(must_alloc(test, heap, 1000));
		for (tick = 0; tick < 12; tick++)
			test_clock_pass(age() / 8);
	}
	span_heap_stats(heap, &stats);
	return stats.refault_count;
}

static void a_returning_load_keeps_its_pages(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);

	KUNIT_EXPECT_EQ(test, run_returning_load(test, heap), 0ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 1000UL);
}

static void age_only_heaps_release_a_returning_load(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);

	KUNIT_EXPECT_NE(test, run_returning_load(test, heap), 0ULL);
}

/* The demand of a load that runs once in four ages is forgotten: only the floor stays. */
static void a_rare_load_keeps_only_the_floor(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		span_free(must_alloc(test, heap, 1000));
		scavenger_run();
		test_clock_pass(age());
		test_clock_pass(age());
		KUNIT_EXPECT_EQ(test, heap->index.nr_idle, FLOOR);
		test_clock_pass(2 * age());
	}
}

struct fall {
	const char *name;
	unsigned long live;
	unsigned long left;	/* idle in the end */
};

static const struct fall falls[] = {
	{ "to no live pages", 0, FLOOR },
	{ "to 100 live pages: the floor stays", 100, FLOOR },
	{ "to 1024 live pages: the floor is a sixteenth", 1024, FLOOR },
	{ "to 3200 live pages: a sixteenth stays", 3200, 200 },
};

PARAM_NAME(fall)
KUNIT_ARRAY_PARAM(fall, falls, fall_name);

/* Pages are released after one age at the earliest, after two ages and a tick at the latest. */
static void a_burst_is_released(struct kunit *test)
{
	const struct fall *fall = test->param_value;
	struct span_heap *heap = retaining_heap(test);
	void *live = fall->live ? must_alloc(test, heap, fall->live) : NULL;
	unsigned long burst = 8000 - fall->live;
	unsigned long passed;

	span_free(must_alloc(test, heap, burst));
	scavenger_run();
	for (passed = 0; backed(heap) == 8000 && passed <= 3 * age(); passed++)
		test_clock_pass(1);
	KUNIT_EXPECT_GE(test, passed, age());
	KUNIT_EXPECT_LE(test, passed, 2 * age() + 1);
	KUNIT_EXPECT_EQ(test, backed(heap), fall->live + fall->left);
	span_free(live);
}

/*
 * A burst may end at any time between two passes. The test reads statistics at every tick, which
 * rolls the buckets of remembered demand.
 */
static void a_burst_is_forgotten_in_time(struct kunit *test)
{
	unsigned int eighths;

	for (eighths = 0; eighths < 8; eighths++) {
		struct span_heap *heap = retaining_heap(test);
		void *burst = must_alloc(test, heap, 7000);
		struct span_heap_stats stats;
		unsigned long passed = 0;

		span_free(must_alloc(test, heap, 100));
		scavenger_run();
		test_clock_pass(age());
		test_clock_pass(age() * eighths / 8 + 3);
		span_free(burst);
		do {
			test_clock_wait(1);
			span_heap_stats(heap, &stats);
			scavenger_run();
		} while (backed(heap) > FLOOR && ++passed <= 3 * age());
		KUNIT_EXPECT_GE(test, passed, age());
		KUNIT_EXPECT_LE(test, passed, 2 * age() + 1);
		test_heap_end(test, heap);
	}
}

static void cached_pages_are_released(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_flags(test, 0, AGE_MS, 0);
	struct span_heap_stats stats;
	void *addr[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++)
		addr[i] = must_alloc(test, heap, 16);
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		span_free(addr[i]);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 512ULL);
	pass_twice(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, (u64)FLOOR);
	KUNIT_EXPECT_EQ(test, stats.demand_pages, 0ULL);
}

/*
 * A pass keeps 576 idle pages for demand that ends half an age later. Then only the kept pages
 * are due; 500 younger idle pages are released at the next pass.
 */
static void a_trim_takes_due_pages(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *addr = must_alloc_pages(test, heap, 3 * CHUNK);
	void *instead;

	span_free(must_alloc(test, heap, 100));
	scavenger_run();
	test_clock_pass(age() / 2);
	free_pages_of(addr, 0, CHUNK);
	free_pages_of(addr, CHUNK + 64, CHUNK + 128);
	test_clock_pass(age() / 2);
	test_clock_pass(age() - 10);
	free_pages_of(addr, 2 * CHUNK + 12, 3 * CHUNK);
	instead = must_alloc(test, heap, 500);
	KUNIT_EXPECT_PTR_EQ(test, instead, addr);
	test_clock_pass(10);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 1), 64U);

	test_clock_pass(age() / 2);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 1), 0U);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 2), 500U);
	test_clock_pass(age() / 2);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, FLOOR);
	span_free(instead);
	free_pages_of(addr, CHUNK, CHUNK + 64);
	free_pages_of(addr, CHUNK + 128, 2 * CHUNK + 12);
}

static void retained_pages_are_counted(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	struct span_heap_stats stats;
	void *live = must_alloc(test, heap, 3200);

	span_free(must_alloc(test, heap, 1000));
	pass_twice(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.pass_count, 2ULL);
	KUNIT_EXPECT_EQ(test, stats.released_age_pages, 800ULL);
	KUNIT_EXPECT_EQ(test, stats.retained_pages, 200ULL);
	KUNIT_EXPECT_EQ(test, stats.demand_pages, 3400ULL);
	span_free(live);
}

/* Idle pages that stay for the reserve do not count as retained. */
static void a_reserve_is_not_retention(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	struct span_heap_stats stats;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 300), 0);
	span_free(must_alloc(test, heap, 400));
	pass_twice(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.pass_count, 2ULL);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 300ULL);
	KUNIT_EXPECT_EQ(test, stats.retained_pages, 0ULL);
}

/*
 * Younger pages cover demand before due pages do. Demand of 3700 pages and a sixteenth keeps 731
 * idle pages besides the 3200 pages in use: the 500 young ones, and 231 due ones.
 */
static void young_pages_count_as_reserve_first(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *live = must_alloc(test, heap, 3200);
	void *burst = must_alloc(test, heap, 1000);
	void *late = must_alloc(test, heap, 500);
	struct span_heap_stats stats;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 300), 0);
	span_free(burst);
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age() - 1);
	span_free(late);
	test_clock_pass(1);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 731ULL);
	KUNIT_EXPECT_EQ(test, stats.retained_pages, 231ULL);
	span_free(live);
}

/* === Order of releases ================================================== */

/*
 * Of three chunks with idle pages, one is wholly free, one less than half in use,
 * one more. There is a surplus of 841 pages: 2048 - (1136 + 1136 / 16).
 */
static void whole_chunks_then_sparse_chunks_are_released(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *addr = must_alloc_pages(test, heap, 4 * CHUNK);

	free_pages_of(addr, 0, 300);
	free_pages_of(addr, CHUNK, 2 * CHUNK);
	free_pages_of(addr, 2 * CHUNK, 2 * CHUNK + 100);
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, idle_in(heap, 1), 0U);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 0), 0U);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 2), 71U);
	free_pages_of(addr, 300, CHUNK);
	free_pages_of(addr, 2 * CHUNK + 100, 4 * CHUNK);
}

static void use(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	span_free(must_alloc(test, heap, npages));
	span_free(must_alloc(test, heap, npages));
}

/*
 * Allocations in a chunk at every age do not keep its other pages: pages that demand does not
 * cover are released if other chunks have no such pages.
 */
static void surplus_of_busy_chunks_is_released(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *live = must_alloc(test, heap, 100);
	unsigned int i;

	span_free(must_alloc(test, heap, 400));
	scavenger_run();
	for (i = 0; i < 6; i++) {
		use(test, heap, 130);
		test_clock_pass(age());
	}
	KUNIT_EXPECT_EQ(test, backed(heap), 230UL);
	span_free(live);
}

/* Surplus pages of chunks that are not busy are released before those of busy chunks. */
static void busy_chunks_are_released_last(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *addr = must_alloc_pages(test, heap, 2 * CHUNK);
	unsigned int i;

	free_pages_of(addr, 200, CHUNK);
	free_pages_of(addr, CHUNK + 200, 2 * CHUNK);
	scavenger_run();
	for (i = 0; i < 6; i++) {
		use(test, heap, 140);
		test_clock_pass(age());
	}
	KUNIT_EXPECT_EQ(test, idle_in(heap, 1), 0U);
	KUNIT_EXPECT_EQ(test, idle_in(heap, 0), 140U);
	free_pages_of(addr, 0, 200);
	free_pages_of(addr, CHUNK, CHUNK + 200);
}

/* === Steps ============================================================== */

/* A heap whose 4096 idle pages are due. */
static struct span_heap *heap_with_pages_due(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);

	span_free(must_alloc(test, heap, 4096));
	scavenger_run();
	test_clock_pass(age());
	test_clock_wait(age());
	return heap;
}

static void a_step_is_one_batch(struct kunit *test)
{
	struct span_heap *heap = heap_with_pages_due(test);
	struct span_heap_stats before, after;
	unsigned int steps = 0;

	do {
		span_heap_stats(heap, &before);
		KUNIT_ASSERT_LT(test, steps++, 20U);
		KUNIT_ASSERT_EQ(test, scavenger_step(), 0UL);
		span_heap_stats(heap, &after);
		KUNIT_EXPECT_LE(test, after.released_pages - before.released_pages, 1024ULL);
		KUNIT_EXPECT_LE(test, after.release_batch_count - before.release_batch_count, 1ULL);
	} while (after.pass_count == 1);
	KUNIT_EXPECT_EQ(test, after.released_age_pages, 4096 - (u64)FLOOR);
	KUNIT_EXPECT_EQ(test, after.release_batch_count, 4ULL);
}

static void demand_in_the_middle_of_a_pass_ends_it(struct kunit *test)
{
	struct span_heap *heap = heap_with_pages_due(test);

	while (backed(heap) == 4096)
		KUNIT_ASSERT_EQ(test, scavenger_step(), 0UL);
	KUNIT_EXPECT_EQ(test, backed(heap), 3072UL);
	/* Demand of 3000 pages and a sixteenth covers all 3072 backed pages. */
	span_free(must_alloc(test, heap, 3000));
	scavenger_run();
	KUNIT_EXPECT_EQ(test, backed(heap), 3072UL);
}

/* === When to wake up ==================================================== */

static void a_settled_heap_causes_no_wakeups(struct kunit *test)
{
	struct span_heap *heap = retaining_heap(test);
	void *live = must_alloc(test, heap, 3200);
	unsigned int passes = 0;

	span_free(must_alloc(test, heap, 1000));
	scavenger_run();
	while (test_clock_pass(age()) != MAX_SCHEDULE_TIMEOUT)
		KUNIT_ASSERT_LT(test, passes++, 4U);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 200UL);
	KUNIT_EXPECT_FALSE(test, heap->watched);
	span_free(live);
	KUNIT_EXPECT_TRUE(test, heap->watched);
	KUNIT_EXPECT_EQ(test, scavenger_run(), age());
}

/* At 1 %, a pause of 99 jiffies for each jiffy of work; fractions of a jiffy add up. */
static void pauses_make_up_for_work(struct kunit *test)
{
	unsigned long paused = 0;
	u64 owed = TICK_NSEC;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, scavenger_pause(&owed), 99UL);
	KUNIT_EXPECT_LT(test, owed, 100ULL);
	owed = 0;
	for (i = 0; i < 1000; i++) {
		owed += TICK_NSEC / 1000;
		paused += scavenger_pause(&owed);
	}
	KUNIT_EXPECT_GE(test, paused, 98UL);
	KUNIT_EXPECT_LE(test, paused, 99UL);
	owed = 0;
	KUNIT_EXPECT_EQ(test, scavenger_pause(&owed), 0UL);
	/* A step that took a minute. */
	owed = 60 * (u64)NSEC_PER_SEC;
	paused = scavenger_pause(&owed);
	KUNIT_EXPECT_GE(test, paused, 60UL * 98 * HZ);
	KUNIT_EXPECT_LE(test, paused, 60UL * 99 * HZ);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_returning_load_keeps_its_pages),
	KUNIT_CASE(age_only_heaps_release_a_returning_load),
	KUNIT_CASE(a_rare_load_keeps_only_the_floor),
	KUNIT_CASE_PARAM(a_burst_is_released, fall_gen_params),
	KUNIT_CASE(a_burst_is_forgotten_in_time),
	KUNIT_CASE(cached_pages_are_released),
	KUNIT_CASE(a_trim_takes_due_pages),
	KUNIT_CASE(retained_pages_are_counted),
	KUNIT_CASE(a_reserve_is_not_retention),
	KUNIT_CASE(young_pages_count_as_reserve_first),
	KUNIT_CASE(whole_chunks_then_sparse_chunks_are_released),
	KUNIT_CASE(surplus_of_busy_chunks_is_released),
	KUNIT_CASE(busy_chunks_are_released_last),
	KUNIT_CASE(a_step_is_one_batch),
	KUNIT_CASE(demand_in_the_middle_of_a_pass_ends_it),
	KUNIT_CASE(a_settled_heap_causes_no_wakeups),
	KUNIT_CASE(pauses_make_up_for_work),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_retention",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
