// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic pool: idle pages that a heap keeps ready once it has had callers that cannot wait.
 *
 * The scavenger's thread refills the pool when it is woken. A test that expects a full
 * pool calls scavenger_run(), which refills the pool if the thread has not yet.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "heap/pool.h"
#include "index/pageindex.h"

#include "common.h"
#include "faults.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES
#define AGE_MS	1000
#define ATOMIC	(GFP_NOWAIT | __GFP_NOWARN)

static struct span_heap *pool_heap(struct kunit *test, unsigned long limit_pages)
{
	return test_heap_make_flags(test, limit_pages, AGE_MS,
				    SPAN_HEAP_NO_CACHE | SPAN_HEAP_AGE_ONLY);
}

static unsigned long an_age_passes(void)
{
	return test_clock_pass(msecs_to_jiffies(AGE_MS));
}

/* The least time between two refills of a pool. */
static void a_period_passes(void)
{
	test_clock_pass(max(HZ / 100, 1));
}

static void expect_marks(struct kunit *test, struct span_heap *heap, u64 low, u64 high)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.pool_low_pages, low);
	KUNIT_EXPECT_EQ(test, stats.pool_high_pages, high);
}

/* A heap whose pool is full, for requests of @npages. */
static struct span_heap *pooled(struct kunit *test, unsigned long npages)
{
	struct span_heap *heap = pool_heap(test, 0);

	KUNIT_EXPECT_NULL(test, span_alloc(heap, npages, ATOMIC));
	scavenger_run();
	return heap;
}

/* === Filling up ========================================================= */

/* The first atomic request fails, since the heap has not grown, and makes the heap keep a pool. */
static void the_first_atomic_request_fills_the_pool(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, ATOMIC));
	scavenger_run();
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_space_count, 1),
		       CHANGE(pool_low_pages, 64), CHANGE(pool_high_pages, 128),
		       CHANGE(pool_refill_count, 1), CHANGE(grow_count, 1),
		       CHANGE(grown_pages, CHUNK), CHANGE(idle_pages, 128),
		       CHANGE(released_pages, CHUNK - 128), CHANGE(backed_pages, 128),
		       CHANGE(zeroed_pages, 128), CHANGE(arena_count, 1));
	/* The pool is full: a second run changes nothing. */
	span_heap_stats(heap, &before);
	scavenger_run();
	EXPECT_NO_CHANGE(test, heap, &before);
}

static void free_descriptors(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(addr); i++)
		addr[i] = must_alloc(test, heap, 1);
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		span_free(addr[i]);
}

/* All allocations fail but the first one, which is for the descriptor. */
static void a_full_pool_needs_no_page_allocator(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 32);
	struct span_heap_stats before;
	void *addr[2];
	unsigned int i;

	faults_require(test, FAULT_FOR_GOOD);
	/* Leave free descriptors in their slab, which then does not have to grow. */
	free_descriptors(test);
	span_heap_stats(heap, &before);
	for (i = 0; i < 2; i++) {
		faults_begin(FAULT_FOR_GOOD, 2);
		addr[i] = span_alloc(heap, 32, ATOMIC | __GFP_ZERO);
		faults_end();
		KUNIT_ASSERT_NOT_NULL(test, addr[i]);
	}
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 64),
		       CHANGE(in_use_heap_pages, 64), CHANGE(idle_pages, -64),
		       CHANGE(span_count, 2), CHANGE(alloc_count, 2),
		       CHANGE(zero_skipped_pages, 64));
	for (i = 0; i < 2; i++)
		span_free(addr[i]);
}

struct taker {
	const char *name;
	gfp_t gfp;
};

static const struct taker takers[] = {
	{ "by callers that may not sleep", ATOMIC },
	{ "by callers that may sleep", GFP_KERNEL },
};

PARAM_NAME(taker)
KUNIT_ARRAY_PARAM(taker, takers, taker_name);

/* Each allocation takes 10 of 128 pages: after the seventh, fewer than 64 are left. */
static void taken_pages_are_replaced(struct kunit *test)
{
	const struct taker *taker = test->param_value;
	struct span_heap *heap = pooled(test, 10);
	struct span_heap_stats stats;
	void *addr[7];
	unsigned int i;

	for (i = 0; i < 7; i++) {
		span_heap_stats(heap, &stats);
		KUNIT_EXPECT_EQ(test, stats.idle_pages, 128 - 10ULL * i);
		KUNIT_EXPECT_EQ(test, stats.backed_pages, 128ULL);
		KUNIT_EXPECT_EQ(test, stats.pool_refill_count, 1ULL);
		addr[i] = span_alloc(heap, 10, taker->gfp);
		KUNIT_ASSERT_NOT_NULL(test, addr[i]);
	}
	scavenger_run();
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.pool_refill_count, 1ULL);
	a_period_passes();
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 128ULL);
	KUNIT_EXPECT_EQ(test, stats.backed_pages, 128 + 70ULL);
	KUNIT_EXPECT_EQ(test, stats.pool_refill_count, 2ULL);
	for (i = 0; i < 7; i++)
		span_free(addr[i]);
}

/* The watermarks follow the longest request, within bounds. */
static void long_requests_need_more(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);
	struct span_heap_stats stats;

	KUNIT_EXPECT_NULL(test, span_alloc(heap, 100, ATOMIC));
	expect_marks(test, heap, 200, 400);
	scavenger_run();
	span_free(span_alloc(heap, 40, ATOMIC));
	expect_marks(test, heap, 200, 400);
	span_free(span_alloc(heap, 2 * CHUNK, ATOMIC));
	expect_marks(test, heap, 512, 1024);
	a_period_passes();
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_GE(test, stats.idle_pages, 1024ULL);
}

/* === Where pages lie ==================================================== */

/* A chunk of single pages, of which every other one is free. */
static void *checkerboard(struct kunit *test, struct span_heap *heap)
{
	void *addr = must_alloc(test, heap, CHUNK);
	unsigned long i;

	for (i = 0; i + 1 < CHUNK; i++)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, i), 1), 0);
	for (i = 0; i < CHUNK; i += 2)
		span_free(page_at(addr, i));
	return addr;
}

static void free_every_other(void *addr)
{
	unsigned long i;

	for (i = 1; i < CHUNK; i += 2)
		span_free(page_at(addr, i));
}

/* The heap has many idle pages, but no two adjacent ones: the pool backs a run elsewhere. */
static void a_run_is_made_ready(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);
	struct span_heap_stats before;
	void *board, *addr;

	board = checkerboard(test, heap);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, ATOMIC));
	scavenger_run();
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_space_count, 1),
		       CHANGE(pool_low_pages, 64), CHANGE(pool_high_pages, 128),
		       CHANGE(pool_refill_count, 1), CHANGE(grow_count, 1),
		       CHANGE(grown_pages, CHUNK), CHANGE(idle_pages, 10),
		       CHANGE(released_pages, CHUNK - 10), CHANGE(backed_pages, 10),
		       CHANGE(zeroed_pages, 10));
	span_heap_stats(heap, &before);
	addr = span_alloc(heap, 10, ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages);
	span_free(addr);
	free_every_other(board);
}

/* Idle and released pages by turns. */
static void stripes(struct kunit *test, struct span_heap *heap)
{
	void *addr = checkerboard(test, heap);

	span_heap_scavenge(heap, ULONG_MAX);
	free_every_other(addr);
}

/* A run for the pool lacks some pages: the refill backs only the missing pages. */
static void a_run_is_completed(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);
	struct span_heap_stats before;
	void *addr[2];

	stripes(test, heap);
	span_heap_stats(heap, &before);
	addr[0] = span_alloc(heap, 10, ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, addr[0]);
	scavenger_run();
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages + 10);
	KUNIT_EXPECT_EQ(test, heap->count.pool_refill_count, 1ULL);
	addr[1] = span_alloc(heap, 10, ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, addr[1]);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages + 10);
	KUNIT_EXPECT_EQ(test, heap->count.grow_count, 0ULL);
	span_free(addr[0]);
	span_free(addr[1]);
}

/* Record an atomic request for 10 pages, but do not wake the scavenger. */
static void pretend_short(struct span_heap *heap)
{
	unsigned long flags = heap_lock(heap);

	heap->pool = (struct pool) {
		.from = heap_now(),
		.longest = { 10 },
		.low = 64,
		.high = 300,
		.is_short = true,
	};
	heap_unlock(heap, flags);
}

/* Whichever allocation of a refill fails, no page is lost, and the refill is due again. */
static void filling_up_may_fail(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);
	unsigned int nth, failures = 0;
	unsigned long wait;
	bool hit = true;

	faults_require(test, FAULT_FOR_GOOD);
	for (nth = 1; hit && nth < 1000; nth++) {
		span_heap_scavenge(heap, ULONG_MAX);
		stripes(test, heap);
		test_clock_wait(HZ);
		pretend_short(heap);
		faults_begin(FAULT_FOR_GOOD, nth);
		wait = scavenger_run();
		hit = faults_end();
		test_heap_check(test, heap);
		if (!heap->pool.is_short)
			continue;
		failures++;
		KUNIT_EXPECT_LE(test, wait, (unsigned long)HZ);
	}
	KUNIT_EXPECT_GT(test, failures, 3U);
	KUNIT_EXPECT_FALSE(test, heap->pool.is_short);
	KUNIT_EXPECT_GE(test, heap->index.nr_idle, 300UL);
	KUNIT_EXPECT_TRUE(test, pageindex_has_idle(&heap->index, 10));
}

/* === Other users of the pool's pages ==================================== */

static void the_pool_keeps_a_limit(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 100);
	void *addr;

	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, ATOMIC));
	expect_marks(test, heap, 64, 100);
	scavenger_run();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 100UL);

	/* Pages in use leave less room below the limit; the refill is tried again later. */
	addr = must_alloc(test, heap, 60);
	KUNIT_EXPECT_LE(test, scavenger_run(), (unsigned long)HZ);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 40UL);
	KUNIT_EXPECT_EQ(test, heap->count.pool_refill_count, 1ULL);
	span_free(addr);
	test_clock_pass(HZ);
	KUNIT_EXPECT_EQ(test, heap->count.pool_refill_count, 2ULL);
}

static void the_pool_keeps_a_soft_limit(struct kunit *test)
{
	struct span_heap *heap = pool_heap(test, 0);

	KUNIT_EXPECT_EQ(test, span_heap_set_soft_limit(heap, 90), 0);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, ATOMIC));
	scavenger_run();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 90UL);
	/* The refill has not backed more pages and then released them. */
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, 90ULL);
}

/* A forced release of all idle pages takes the pool; the next atomic caller has it refilled. */
static void a_forced_release_takes_the_pool(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 10);
	void *addr;

	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 128UL);
	scavenger_run();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 0UL);
	addr = span_alloc(heap, 10, ATOMIC);
	a_period_passes();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 128UL);
	span_free(addr);
}

/* The heap keeps as many pages as the larger of reserve and pool, not their sum. */
static void a_reserve_is_kept_as_well(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 10);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 200), 0);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 200UL);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 0UL);
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 100), 0);
	for (i = 0; i < 4; i++) {
		span_free(span_alloc(heap, 10, ATOMIC));
		an_age_passes();
	}
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 128UL);
	/* The unused pool is released, the reserve is not. */
	for (i = 0; i < 4; i++)
		an_age_passes();
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 100UL);
}

static void a_heap_may_have_no_pool(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 10, ATOMIC));
	KUNIT_EXPECT_EQ(test, scavenger_run(), (unsigned long)MAX_SCHEDULE_TIMEOUT);
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_space_count, 1));
}

/* === Time =============================================================== */

/* Passes release other idle pages, but not the pool while atomic callers use it. */
static void a_used_pool_stays(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 10);
	unsigned int i;

	span_free(must_alloc(test, heap, 400));
	for (i = 0; i < 5; i++) {
		span_free(span_alloc(heap, 10, ATOMIC));
		an_age_passes();
		expect_marks(test, heap, 64, 128);
	}
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 128UL);
}

/* A long request sets the watermarks for up to two ages, while short requests go on. */
static void long_requests_are_forgotten(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 100);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		expect_marks(test, heap, 200, 400);
		span_free(span_alloc(heap, 10, ATOMIC));
		an_age_passes();
	}
	span_free(span_alloc(heap, 10, ATOMIC));
	an_age_passes();
	expect_marks(test, heap, 64, 128);
}

static void an_unused_pool_is_released(struct kunit *test)
{
	struct span_heap *heap = pooled(test, 10);
	struct span_heap_stats stats;
	unsigned long wait = 0;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, scavenger_run(), msecs_to_jiffies(AGE_MS));
	an_age_passes();
	expect_marks(test, heap, 64, 128);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 128UL);
	an_age_passes();
	expect_marks(test, heap, 0, 0);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 128UL);
	/* Pages of the former pool are released by age. */
	for (i = 0; i < 2; i++)
		wait = an_age_passes();
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.released_age_pages, 128ULL);
	KUNIT_EXPECT_EQ(test, stats.pool_refill_count, 1ULL);
	KUNIT_EXPECT_EQ(test, wait, (unsigned long)MAX_SCHEDULE_TIMEOUT);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_first_atomic_request_fills_the_pool),
	KUNIT_CASE(a_full_pool_needs_no_page_allocator),
	KUNIT_CASE_PARAM(taken_pages_are_replaced, taker_gen_params),
	KUNIT_CASE(long_requests_need_more),
	KUNIT_CASE(a_run_is_made_ready),
	KUNIT_CASE(a_run_is_completed),
	KUNIT_CASE(filling_up_may_fail),
	KUNIT_CASE(the_pool_keeps_a_limit),
	KUNIT_CASE(the_pool_keeps_a_soft_limit),
	KUNIT_CASE(a_forced_release_takes_the_pool),
	KUNIT_CASE(a_reserve_is_kept_as_well),
	KUNIT_CASE(a_heap_may_have_no_pool),
	KUNIT_CASE(a_used_pool_stays),
	KUNIT_CASE(long_requests_are_forgotten),
	KUNIT_CASE(an_unused_pool_is_released),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_pool",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
