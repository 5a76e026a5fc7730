// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scavenger: when idle pages are released, and how many at a time.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "heap/release.h"
#include "heap/span.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES
#define AGE_MS	1000

static u64 released_by_age(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.released_age_pages;
}

static unsigned long age(void)
{
	return msecs_to_jiffies(AGE_MS);
}

/* === Age ================================================================ */

struct start {
	const char *name;
	unsigned int eighths;	/* of an age, after the last pass */
	int ticks;		/* plus this many ticks */
};

static const struct start starts[] = {
	{ "at the pass", 0, 0 },
	{ "a tick after the pass", 0, 1 },
	{ "half an age after the pass", 4, 0 },
	{ "a tick before the next pass", 8, -1 },
};

PARAM_NAME(start)
KUNIT_ARRAY_PARAM(start, starts, start_name);

/* Pages are released after one age at the earliest, after two ages and a tick at the latest. */
static void pages_are_released_in_time(struct kunit *test)
{
	const struct start *start = test->param_value;
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	void *addr = must_alloc(test, heap, 300);
	unsigned long idle;

	/* Because of an idle page, passes go on while the span is in use. */
	span_free(must_alloc(test, heap, 1));
	scavenger_run();
	test_clock_pass(age() * start->eighths / 8 + start->ticks);
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 0ULL);
	span_free(addr);
	for (idle = 0; released_by_age(heap) < 300 && idle <= 3 * age(); idle++)
		test_clock_pass(1);
	KUNIT_EXPECT_GE(test, idle, age());
	KUNIT_EXPECT_LE(test, idle, 2 * age() + 1);
}

static void nothing_is_released_before_the_age(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	struct span_heap_stats before;

	span_free(must_alloc(test, heap, 300));
	span_heap_stats(heap, &before);
	scavenger_run();
	test_clock_pass(age() - 1);
	EXPECT_NO_CHANGE(test, heap, &before);
	/* The first pass makes the idle pages old, and releases none. */
	test_clock_pass(1);
	EXPECT_NO_CHANGE(test, heap, &before);
	test_clock_pass(age());
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, -300), CHANGE(released_pages, 300),
		       CHANGE(released_age_pages, 300), CHANGE(tlb_flush_count, 1));
}

static void used_pages_age_anew(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	void *addr;

	span_free(must_alloc(test, heap, 100));
	scavenger_run();
	test_clock_pass(age());
	/* The lower half is allocated and freed before the pass that would release it. */
	addr = must_alloc(test, heap, 50);
	span_free(addr);
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 50ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 50UL);
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 100ULL);
}

/* Adjacent idle pages are one run for an allocation, but each page keeps its own age. */
static void coalesced_pages_keep_their_ages(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	void *addr = must_alloc(test, heap, 100);

	KUNIT_ASSERT_EQ(test, span_split(addr, 30), 0);
	KUNIT_ASSERT_EQ(test, span_split(page_at(addr, 30), 30), 0);
	span_free(page_at(addr, 30));
	scavenger_run();
	test_clock_pass(age());
	span_free(addr);
	span_free(page_at(addr, 60));
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 30ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 70UL);
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 100ULL);
}

static void the_rest_of_a_span_keeps_its_age(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	void *addr;

	/* An allocation takes 80 of 200 idle pages. */
	span_free(must_alloc(test, heap, 200));
	scavenger_run();
	test_clock_pass(age());
	addr = must_alloc(test, heap, 80);
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 120ULL);
	span_free(addr);
}

static void heaps_without_an_age_use_the_modules(struct kunit *test)
{
	unsigned int old = scavenge_age_ms;
	struct span_heap *heap;

	WRITE_ONCE(scavenge_age_ms, AGE_MS);
	heap = test_heap_make(test, 0, 0);
	span_free(must_alloc(test, heap, 10));
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age() - 1);
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 0ULL);
	test_clock_pass(1);
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 10ULL);
	WRITE_ONCE(scavenge_age_ms, old);
}

static void heaps_have_ages_of_their_own(struct kunit *test)
{
	struct span_heap *quick = test_heap_make(test, 0, AGE_MS);
	struct span_heap *slow = test_heap_make(test, 0, 10 * AGE_MS);

	span_free(must_alloc(test, quick, 10));
	span_free(must_alloc(test, slow, 10));
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age());
	KUNIT_EXPECT_EQ(test, released_by_age(quick), 10ULL);
	KUNIT_EXPECT_EQ(test, released_by_age(slow), 0ULL);
	test_clock_pass(8 * age());
	test_clock_pass(10 * age());
	KUNIT_EXPECT_EQ(test, released_by_age(slow), 10ULL);
}

/* === When to wake up ==================================================== */

static void an_idle_heap_causes_no_wakeups(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	void *addr = must_alloc(test, heap, 10);

	KUNIT_EXPECT_EQ(test, scavenger_run(), (unsigned long)MAX_SCHEDULE_TIMEOUT);
	span_free(addr);
	KUNIT_EXPECT_TRUE(test, heap->watched);
	KUNIT_EXPECT_EQ(test, scavenger_run(), age());
	KUNIT_EXPECT_EQ(test, test_clock_pass(10), age() - 10);
	KUNIT_EXPECT_EQ(test, test_clock_pass(age() - 10), age());
	KUNIT_EXPECT_EQ(test, test_clock_pass(age()), (unsigned long)MAX_SCHEDULE_TIMEOUT);
	KUNIT_EXPECT_EQ(test, released_by_age(heap), 10ULL);
	KUNIT_EXPECT_FALSE(test, heap->watched);

	/* The next free makes the heap watched again. */
	span_free(must_alloc(test, heap, 10));
	KUNIT_EXPECT_EQ(test, scavenger_run(), age());
}

static void the_nearest_heap_counts(struct kunit *test)
{
	struct span_heap *slow = test_heap_make(test, 0, 10 * AGE_MS);
	struct span_heap *quick = test_heap_make(test, 0, AGE_MS);

	span_free(must_alloc(test, slow, 1));
	KUNIT_EXPECT_EQ(test, scavenger_run(), 10 * age());
	span_free(must_alloc(test, quick, 1));
	KUNIT_EXPECT_EQ(test, scavenger_run(), age());
}

/* === Amounts ============================================================ */

static void a_release_is_as_large_as_asked_for(struct kunit *test)
{
	static const unsigned long npages[] = { 0, 1, 10, 64, 511, 512, 513 };
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	span_free(must_alloc(test, heap, 2000));
	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		span_heap_stats(heap, &before);
		KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, npages[i]), npages[i]);
		EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, -npages[i]),
			       CHANGE(released_pages, npages[i]),
			       CHANGE(released_forced_pages, npages[i]),
			       CHANGE(tlb_flush_count, !!npages[i]));
	}
	/* The first call releases the rest, the second one finds no idle page. */
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 2000UL - 1611);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 0UL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 0UL);
}

static void the_highest_pages_are_released_first(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr;

	span_free(must_alloc(test, heap, 1000));
	KUNIT_ASSERT_EQ(test, span_heap_scavenge(heap, 900), 900UL);
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 100);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 100),
		       CHANGE(in_use_heap_pages, 100), CHANGE(idle_pages, -100),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1));
	span_free(addr);
}

static void reasons_are_counted_apart(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;

	span_free(must_alloc(test, heap, 100));
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, release_any(heap, 1, RELEASE_AGE), 1UL);
	KUNIT_EXPECT_EQ(test, release_any(heap, 2, RELEASE_PRESSURE), 2UL);
	KUNIT_EXPECT_EQ(test, release_any(heap, 3, RELEASE_LIMIT), 3UL);
	KUNIT_EXPECT_EQ(test, release_any(heap, 4, RELEASE_FORCED), 4UL);
	EXPECT_CHANGES(test, heap, &before, CHANGE(idle_pages, -10), CHANGE(released_pages, 10),
		       CHANGE(released_age_pages, 1), CHANGE(released_pressure_pages, 2),
		       CHANGE(released_limit_pages, 3), CHANGE(released_forced_pages, 4),
		       CHANGE(tlb_flush_count, 4));
}

/* === Batches ============================================================ */

static void expect_batches(struct kunit *test, struct span_heap *heap, unsigned long npages,
			   u64 max_flushes)
{
	struct span_heap_stats before, after;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), npages);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_LE(test, after.tlb_flush_count - before.tlb_flush_count, max_flushes);
}

static void long_runs_are_released_in_batches(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);

	span_free(must_alloc(test, heap, 8 * CHUNK));
	expect_batches(test, heap, 8 * CHUNK, 5);
}

/* Every other page is idle: each run is one page. One TLB flush serves 512 pages or more. */
static void single_pages_are_released_in_batches(struct kunit *test)
{
	const unsigned long npages = 4 * CHUNK;
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, npages);
	unsigned long i;

	for (i = 0; i + 1 < npages; i++)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, i), 1), 0);
	for (i = 0; i < npages; i += 2)
		span_free(page_at(addr, i));
	expect_batches(test, heap, npages / 2, npages / 2 / CHUNK);
	for (i = 1; i < npages; i += 2)
		span_free(page_at(addr, i));
}

static void a_pass_goes_in_batches(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	struct span_heap_stats before, after;

	span_free(must_alloc(test, heap, 8 * CHUNK));
	scavenger_run();
	test_clock_pass(age());
	span_heap_stats(heap, &before);
	test_clock_pass(age());
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.released_age_pages, (u64)(8 * CHUNK));
	KUNIT_EXPECT_LE(test, after.tlb_flush_count - before.tlb_flush_count, 5ULL);
}

/* Time that the scavenger's thread spends blocked does not count as its work. */
static void blocked_time_is_no_work(struct kunit *test)
{
	const u64 second = NSEC_PER_SEC;

	KUNIT_EXPECT_EQ(test, scavenger_work_ns(1000, 0), 1000ULL);
	KUNIT_EXPECT_EQ(test, scavenger_work_ns(2 * second, 2 * second), 2 * second);
	KUNIT_EXPECT_EQ(test, scavenger_work_ns(2 * second, 0), 0ULL + TICK_NSEC);
	KUNIT_EXPECT_EQ(test, scavenger_work_ns(2 * second, second), second + TICK_NSEC);
}

static void scavenger_time_is_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, AGE_MS);
	struct span_heap_stats stats;

	span_free(must_alloc(test, heap, 2000));
	scavenger_run();
	test_clock_pass(age());
	test_clock_pass(age());
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.released_age_pages, 2000ULL);
	KUNIT_EXPECT_GT(test, stats.scavenge_ns, 0ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(pages_are_released_in_time, start_gen_params),
	KUNIT_CASE(nothing_is_released_before_the_age),
	KUNIT_CASE(used_pages_age_anew),
	KUNIT_CASE(coalesced_pages_keep_their_ages),
	KUNIT_CASE(the_rest_of_a_span_keeps_its_age),
	KUNIT_CASE(heaps_without_an_age_use_the_modules),
	KUNIT_CASE(heaps_have_ages_of_their_own),
	KUNIT_CASE(an_idle_heap_causes_no_wakeups),
	KUNIT_CASE(the_nearest_heap_counts),
	KUNIT_CASE(a_release_is_as_large_as_asked_for),
	KUNIT_CASE(the_highest_pages_are_released_first),
	KUNIT_CASE(reasons_are_counted_apart),
	KUNIT_CASE(long_runs_are_released_in_batches),
	KUNIT_CASE(single_pages_are_released_in_batches),
	KUNIT_CASE(a_pass_goes_in_batches),
	KUNIT_CASE(blocked_time_is_no_work),
	KUNIT_CASE(scavenger_time_is_counted),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_scavenger",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
