// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backing failures: every allocation that span_alloc() makes fails in turn, and
 * each time the heap has to be as before, or the allocation has to succeed.
 */
#include "index/pageindex.h"

#include "common.h"
#include "faults.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

enum state {
	NOT_GROWN,	/* address space has to be reserved first */
	RELEASED,	/* the run has no memory */
	MIXED,		/* idle and released pages by turns */
	IDLE		/* all pages of the run have memory */
};

struct failure {
	const char *name;
	enum fault fault;
	enum state state;
	unsigned long npages;
	gfp_t gfp;
	unsigned int stride;	/* every stride-th allocation is made to fail */
	unsigned int hits;	/* least number of failures expected */
};

#define SLEEP	(GFP_KERNEL | __GFP_NOWARN)
#define ATOMIC	(GFP_ATOMIC | __GFP_NOWARN)

static const struct failure failures[] = {
	{ "one failure, new heap", FAULT_ONCE, NOT_GROWN, 100, SLEEP, 8, 3 },
	{ "one failure, released pages", FAULT_ONCE, RELEASED, 600, SLEEP, 1, 10 },
	{ "one failure, mixed pages", FAULT_ONCE, MIXED, 600, SLEEP, 1, 10 },
	{ "one failure, mixed pages, atomic", FAULT_ONCE, MIXED, 600, ATOMIC, 1, 10 },
	{ "one failure, mixed pages, cleared", FAULT_ONCE, MIXED, 600, SLEEP | __GFP_ZERO, 1, 10 },
	{ "one failure, idle pages", FAULT_ONCE, IDLE, 600, SLEEP, 1, 1 },
	{ "no more memory, new heap", FAULT_FOR_GOOD, NOT_GROWN, 100, SLEEP, 8, 3 },
	{ "no more memory, one page", FAULT_FOR_GOOD, RELEASED, 1, SLEEP, 1, 2 },
	{ "no more memory, released pages", FAULT_FOR_GOOD, RELEASED, 600, SLEEP, 1, 10 },
	{ "no more memory, released pages, atomic", FAULT_FOR_GOOD, RELEASED, 600, ATOMIC, 1, 10 },
	{ "no more memory, mixed pages", FAULT_FOR_GOOD, MIXED, 600, SLEEP, 1, 10 },
	{ "no more memory, mixed pages, atomic", FAULT_FOR_GOOD, MIXED, 600, ATOMIC, 1, 10 },
	{ "no more memory, idle pages, atomic", FAULT_FOR_GOOD, IDLE, 600, ATOMIC, 1, 1 },
};

PARAM_NAME(failure)
KUNIT_ARRAY_PARAM(failure, failures, failure_name);

/* Release every other 50 of the first @npages pages. */
static void mix(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	void *addr = must_alloc(test, heap, npages);
	unsigned long at;

	for (at = 0; at + 50 < npages; at += 50)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, at), 50), 0);
	for (at = 0; at < npages; at += 100)
		span_free(page_at(addr, at));
	span_heap_scavenge(heap, ULONG_MAX);
	for (at = 50; at < npages; at += 100)
		span_free(page_at(addr, at));
}

static void prepare(struct kunit *test, struct span_heap *heap, const struct failure *failure)
{
	span_heap_scavenge(heap, ULONG_MAX);
	switch (failure->state) {
	case NOT_GROWN:
		break;
	case RELEASED:
		test_heap_grow(test, heap, failure->npages);
		break;
	case MIXED:
		mix(test, heap, failure->npages);
		break;
	case IDLE:
		span_free(must_alloc(test, heap, failure->npages));
		break;
	}
}

/* Only the count of failures may change, and pages backed before the failure may be idle. */
static void expect_as_before(struct kunit *test, struct span_heap *heap,
			     const struct span_heap_stats *before, gfp_t gfp)
{
	struct span_heap_stats after;

	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.fail_backing_count + after.fail_metadata_count +
			after.fail_space_count, before->fail_backing_count +
			before->fail_metadata_count + before->fail_space_count + 1);
	KUNIT_EXPECT_EQ(test, after.in_use_pages, before->in_use_pages);
	KUNIT_EXPECT_EQ(test, after.span_count, before->span_count);
	KUNIT_EXPECT_EQ(test, after.alloc_count, before->alloc_count);
	KUNIT_EXPECT_EQ(test, after.zeroed_pages, before->zeroed_pages);
	KUNIT_EXPECT_GE(test, after.grown_pages, before->grown_pages);
	KUNIT_EXPECT_GE(test, after.idle_pages, before->idle_pages);
	/* A caller that cannot flush the TLB leaves the pages idle; other callers release them. */
	if (gfpflags_allow_blocking(gfp))
		KUNIT_EXPECT_EQ(test, after.idle_pages, before->idle_pages);
	KUNIT_EXPECT_EQ(test, after.backed_pages - before->backed_pages,
			after.idle_pages - before->idle_pages);
	/* Pages that were never backed cannot have been backed again. */
	KUNIT_EXPECT_LE(test, after.rebacked_pages - before->rebacked_pages,
			after.backed_pages - before->backed_pages);
}

/* Returns whether an injected failure occurred. */
static bool alloc_with_fault(struct kunit *test, struct span_heap *heap,
			     const struct failure *failure, unsigned int nth)
{
	struct span_heap_stats before;
	void *addr;
	bool hit;

	span_heap_stats(heap, &before);
	faults_begin(failure->fault, nth);
	addr = span_alloc(heap, failure->npages, failure->gfp);
	hit = faults_end();
	if (addr) {
		tag_pages(addr, failure->npages, nth);
		KUNIT_EXPECT_EQ(test, mistagged_pages(addr, failure->npages, nth), 0UL);
		span_free(addr);
	} else {
		KUNIT_EXPECT_TRUE_MSG(test, hit, "failed without an injected failure");
		expect_as_before(test, heap, &before, failure->gfp);
	}
	return hit;
}

static void a_failure_leaves_the_heap_as_it_was(struct kunit *test)
{
	const struct failure *failure = test->param_value;
	struct span_heap *heap = NULL;
	unsigned int nth = 1, hits = 0;
	bool hit;

	faults_require(test, failure->fault);
	do {
		/* A heap keeps its address space: only a new heap has to reserve it. */
		if (heap && failure->state == NOT_GROWN) {
			test_heap_end(test, heap);
			heap = NULL;
		}
		if (!heap)
			heap = test_heap(test);
		prepare(test, heap, failure);
		hit = alloc_with_fault(test, heap, failure, nth);
		hits += hit;
		nth += failure->stride;
	} while (hit && nth < 1000);
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_GE(test, hits, failure->hits);
	span_free(must_alloc(test, heap, failure->npages));
}

/* Pages backed for the first time after failed attempts do not count as rebacked. */
static void failed_backing_is_not_rebacking(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	unsigned int nth = 1;
	void *addr;

	faults_require(test, FAULT_FOR_GOOD);
	test_heap_grow(test, heap, CHUNK);
	do {
		faults_begin(FAULT_FOR_GOOD, nth++);
		addr = span_alloc(heap, 400, SLEEP);
		faults_end();
	} while (!addr && nth < 1000);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	span_free(addr);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_GT(test, stats.fail_backing_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.backed_pages, 400ULL);
	KUNIT_EXPECT_EQ(test, stats.rebacked_pages, 0ULL);
}

/* Pages that a failed atomic allocation has backed stay idle, for the next allocation. */
static void an_atomic_failure_leaves_idle_pages(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long idle = 0;
	unsigned int nth;
	void *addr;

	faults_require(test, FAULT_FOR_GOOD);
	test_heap_grow(test, heap, 600);
	for (nth = 2; !idle && nth < 100; nth++) {
		faults_begin(FAULT_FOR_GOOD, nth);
		addr = span_alloc(heap, 600, ATOMIC);
		faults_end();
		if (addr)
			span_free(addr);
		idle = heap->index.nr_idle;
	}
	KUNIT_EXPECT_GT(test, idle, 0UL);
	KUNIT_EXPECT_LT(test, idle, 600UL);
	test_heap_check(test, heap);
	addr = must_alloc(test, heap, 600);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 0UL);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, 600ULL);
	span_free(addr);
}

/* A failed span_heap_reserve() returns -ENOMEM and sets no reserve. A later call succeeds. */
static void a_reserve_may_fail(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	bool hit = true;
	unsigned int nth;
	int ret = -1;

	faults_require(test, FAULT_FOR_GOOD);
	test_heap_grow(test, heap, 300);
	for (nth = 1; hit && nth < 1000; nth++) {
		span_heap_scavenge(heap, ULONG_MAX);
		faults_begin(FAULT_FOR_GOOD, nth);
		ret = span_heap_reserve(heap, 300);
		hit = faults_end();
		if (ret)
			KUNIT_EXPECT_EQ(test, heap->reserve, 0UL);
		if (ret)
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	}
	KUNIT_EXPECT_GT(test, nth, 3U);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 300UL);
}

/* Without memory for a descriptor the span stays in one piece. */
static void a_split_may_fail(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 10);
	struct span_heap_stats before;
	int ret;

	faults_require(test, FAULT_ONCE);
	span_heap_stats(heap, &before);
	faults_begin(FAULT_ONCE, 1);
	ret = span_split(addr, 5);
	faults_end();
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	EXPECT_NO_CHANGE(test, heap, &before);
	KUNIT_EXPECT_EQ(test, span_split(addr, 5), 0);
	span_free(addr);
	span_free(page_at(addr, 5));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_failure_leaves_the_heap_as_it_was, failure_gen_params),
	KUNIT_CASE(failed_backing_is_not_rebacking),
	KUNIT_CASE(an_atomic_failure_leaves_idle_pages),
	KUNIT_CASE(a_reserve_may_fail),
	KUNIT_CASE(a_split_may_fail),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_backing",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
