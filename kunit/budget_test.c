// SPDX-License-Identifier: GPL-2.0-only
/*
 * The budget: a limit on the pages in use or idle of all heaps together.
 */
#include "heap/budget.h"
#include "heap/release.h"
#include "reclaim/pressure.h"

#include "common.h"
#include "faults.h"

/*
 * Set the limit on all heaps to @more pages above what is backed. Callers reset the limit
 * before any assertion that can end the test.
 */
static void set_total(unsigned long more)
{
	WRITE_ONCE(budget_limit, budget_backed() + more);
}

static void all_heaps_share_a_limit(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap *other = test_heap(test);
	struct span_heap_stats before;
	void *addr[2], *refused;

	pressure_release(ULONG_MAX, RELEASE_FORCED);
	set_total(100);
	addr[0] = span_alloc(heap, 70, GFP_KERNEL);
	span_heap_stats(other, &before);
	refused = span_alloc(other, 31, GFP_KERNEL);
	/* The refused heap has not grown for the request. */
	EXPECT_CHANGES(test, other, &before, CHANGE(fail_limit_count, 1));
	addr[1] = span_alloc(other, 30, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, budget_backed(), budget_limit);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 1, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 1), -EDQUOT);
	WRITE_ONCE(budget_limit, 0);
	KUNIT_EXPECT_NULL(test, refused);
	KUNIT_EXPECT_NOT_NULL(test, addr[0]);
	KUNIT_EXPECT_NOT_NULL(test, addr[1]);
	span_free(addr[0]);
	span_free(addr[1]);
}

/* Idle and cached pages of all heaps are released before a request fails. */
static void other_heaps_make_room(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap *other = test_heap_make_cached(test, 0, 0);
	void *keep = must_alloc(test, other, 600);
	void *addr, *atomic;

	test_heap_grow(test, heap, 1);
	pressure_release(ULONG_MAX, RELEASE_FORCED);
	set_total(0);
	span_free(keep);
	span_free(span_alloc(other, 20, GFP_KERNEL));
	atomic = span_alloc(heap, 100, GFP_ATOMIC);
	addr = span_alloc(heap, 600, GFP_KERNEL);
	KUNIT_EXPECT_LE(test, budget_backed(), budget_limit);
	WRITE_ONCE(budget_limit, 0);
	KUNIT_EXPECT_NULL(test, atomic);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, other->count.released_limit_pages, 600ULL);
	span_free(addr);
}

/* Idle pages already count towards the limit: an allocation of idle pages needs no room. */
static void idle_pages_need_no_room(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long total = budget_backed();
	void *addr[2];

	span_free(must_alloc(test, heap, 100));
	KUNIT_EXPECT_EQ(test, budget_backed(), total + 100);
	set_total(0);
	addr[0] = span_alloc(heap, 60, GFP_KERNEL);
	addr[1] = span_alloc(heap, 40, GFP_ATOMIC);
	WRITE_ONCE(budget_limit, 0);
	KUNIT_EXPECT_NOT_NULL(test, addr[0]);
	KUNIT_EXPECT_NOT_NULL(test, addr[1]);
	KUNIT_EXPECT_EQ(test, budget_backed(), total + 100);
	span_free(addr[0]);
	span_free(addr[1]);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 100UL);
	KUNIT_EXPECT_EQ(test, budget_backed(), total);
}

/* Only the limit on all heaps makes an allocation release pages of other heaps. */
static void other_heaps_are_left_alone(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 50, 0);
	struct span_heap *other = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;
	void *addr;

	span_free(must_alloc(test, other, 600));
	span_free(must_alloc(test, other, 20));
	span_heap_stats(other, &before);
	set_total(1UL << 20);
	addr = span_alloc(heap, 51, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, addr);
	EXPECT_NO_CHANGE(test, other, &before);
	/* A failure to put memory behind a span does not release pages of other heaps. */
	faults_begin(FAULT_FOR_GOOD, 3);
	addr = span_alloc(heap, 40, GFP_KERNEL | __GFP_NOWARN);
	faults_end();
	WRITE_ONCE(budget_limit, 0);
	EXPECT_NO_CHANGE(test, other, &before);
	if (addr)
		span_free(addr);
}

/* A request that would not fit even without all idle pages releases nothing. */
static void a_hopeless_request_releases_nothing(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap *other = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;

	span_free(must_alloc(test, other, 600));
	span_free(must_alloc(test, other, 20));
	span_heap_stats(other, &before);
	set_total(100);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, budget_backed() + 101, GFP_KERNEL));
	EXPECT_NO_CHANGE(test, other, &before);
	WRITE_ONCE(budget_limit, 0);
}

/* An allocation with __GFP_NOFAIL may exceed the limit on all heaps. */
static void nofail_allocations_exceed_the_limit(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr, *longer;

	set_total(1);
	addr = span_alloc(heap, 40, GFP_KERNEL | __GFP_NOFAIL);
	longer = span_alloc(heap, 3000, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_NOT_NULL(test, longer);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 40, GFP_KERNEL | __GFP_NOWARN));
	WRITE_ONCE(budget_limit, 0);
	span_free(addr);
	span_free(longer);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_heaps_share_a_limit),
	KUNIT_CASE(other_heaps_make_room),
	KUNIT_CASE(idle_pages_need_no_room),
	KUNIT_CASE(other_heaps_are_left_alone),
	KUNIT_CASE(a_hopeless_request_releases_nothing),
	KUNIT_CASE(nofail_allocations_exceed_the_limit),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_budget",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
