// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arenas: how a heap's address space grows, and what a failed growth leaves.
 * Most tests call arena_grow(), which puts no memory behind pages.
 */
#include <linux/slab.h>

#include "heap/arena.h"
#include "heap/span.h"
#include "heap/span_map.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"
#include "faults.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

static int grow(struct span_heap *heap, unsigned long npages)
{
	return arena_grow(heap, npages, heap->grows);
}

static unsigned long reserved_ranges(const struct span_heap *heap)
{
	const struct list_head *at;
	unsigned long nr = 0;

	list_for_each(at, &heap->space.ranges)
		nr++;
	return nr;
}

/* === Growth ============================================================= */

struct growth {
	const char *name;
	unsigned long first, second;	/* pages that heaps are made to grow by */
	unsigned long reserved;
	unsigned long arenas;
};

static const struct growth growths[] = {
	{ "one page", 1, 0, CHUNK, 1 },
	{ "one less than a chunk", CHUNK - 1, 0, CHUNK, 1 },
	{ "a chunk", CHUNK, 0, CHUNK, 1 },
	{ "one more than a chunk", CHUNK + 1, 0, 2 * CHUNK, 1 },
	{ "twice within an arena", 1, 3 * CHUNK, 4 * CHUNK, 1 },
	{ "an arena", ARENA_PAGES, 0, ARENA_PAGES, 1 },
	{ "one more than an arena", ARENA_PAGES + 1, 0, ARENA_PAGES + CHUNK, 2 },
	{ "an arena after a page: also the rest of the first arena", 1, ARENA_PAGES,
	  2 * ARENA_PAGES, 2 },
	{ "a page after an arena", ARENA_PAGES, 1, ARENA_PAGES + CHUNK, 2 },
	{ "several arenas", 3 * ARENA_PAGES + 1, 2 * CHUNK, 3 * ARENA_PAGES + 3 * CHUNK, 4 },
};

PARAM_NAME(growth)
KUNIT_ARRAY_PARAM(growth, growths, growth_name);

static void a_heap_grows_by_chunks(struct kunit *test)
{
	const struct growth *growth = test->param_value;
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	unsigned long i;

	KUNIT_ASSERT_EQ(test, grow(heap, growth->first), 0);
	if (growth->second)
		KUNIT_ASSERT_EQ(test, grow(heap, growth->second), 0);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.grown_pages, growth->reserved);
	KUNIT_EXPECT_EQ(test, stats.released_pages, growth->reserved);
	KUNIT_EXPECT_EQ(test, stats.backed_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.arena_count, growth->arenas);
	KUNIT_EXPECT_EQ(test, stats.page_table_bytes,
			growth->reserved / CHUNK * PAGE_SIZE);

	for (i = 0; i < growth->arenas; i++) {
		struct arena *arena = arena_of_page(&heap->index, i * ARENA_PAGES);

		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(arena->base, ARENA_BYTES));
		KUNIT_EXPECT_PTR_EQ(test, arena->heap, heap);
		KUNIT_EXPECT_EQ(test, arena->first_page, i * ARENA_PAGES);
		KUNIT_EXPECT_PTR_EQ(test, arena_of(arena->base), arena);
		KUNIT_EXPECT_PTR_EQ(test, arena_of(arena->base + ARENA_BYTES - 1), arena);
	}
}

static void growing_is_not_done_twice(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long grows = heap->grows;
	struct span_heap_stats before;

	KUNIT_ASSERT_EQ(test, arena_grow(heap, 1, grows), 0);
	span_heap_stats(heap, &before);
	/* A second caller that found no free run at the same time passes the same @grows. */
	KUNIT_EXPECT_EQ(test, arena_grow(heap, 1, grows), 0);
	EXPECT_NO_CHANGE(test, heap, &before);
}

static void metadata_is_accounted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before, after;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_GE(test, before.metadata_bytes, (u64)sizeof(*heap));
	KUNIT_ASSERT_EQ(test, grow(heap, 1), 0);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_GE(test, after.metadata_bytes,
			before.metadata_bytes + sizeof(struct arena));
}

/* === Runs over several arenas =========================================== */

static void spans_cross_adjoining_arenas(struct kunit *test)
{
	const unsigned long npages = ARENA_PAGES + 300;
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	struct span_info info;
	void *addr, *again;

	addr = must_alloc(test, heap, npages);
	KUNIT_EXPECT_EQ(test, heap->index.nr_blocks, 2UL);
	KUNIT_EXPECT_EQ(test, reserved_ranges(heap), 1UL);
	tag_pages(addr, npages, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(addr, npages, 1), 0UL);
	KUNIT_ASSERT_TRUE(test, span_lookup(page_at(addr, npages) - 1, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.base, (const void *)addr);
	KUNIT_EXPECT_EQ(test, info.npages, npages);
	KUNIT_EXPECT_FALSE(test, found_at(page_at(addr, npages)));
	span_free(addr);

	/* Free memory on both sides of the boundary is one run again. */
	span_heap_stats(heap, &before);
	again = must_alloc(test, heap, npages);
	KUNIT_EXPECT_PTR_EQ(test, again, addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, npages),
		       CHANGE(in_use_heap_pages, npages), CHANGE(idle_pages, -npages),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1));
	span_free(again);
}

static void heaps_have_arenas_of_their_own(struct kunit *test)
{
	struct span_heap *one = test_heap(test);
	struct span_heap *two = test_heap(test);
	struct arena *first, *second;
	unsigned long base;

	KUNIT_ASSERT_EQ(test, grow(one, 1), 0);
	KUNIT_ASSERT_EQ(test, grow(two, 1), 0);
	first = arena_of_page(&one->index, 0);
	second = arena_of_page(&two->index, 0);
	base = second->base;
	KUNIT_EXPECT_NE(test, first->base, base);
	KUNIT_EXPECT_PTR_EQ(test, arena_of(first->base)->heap, one);
	KUNIT_EXPECT_PTR_EQ(test, arena_of(base)->heap, two);

	test_heap_end(test, two);
	KUNIT_EXPECT_NULL(test, arena_of(base));
	KUNIT_EXPECT_PTR_EQ(test, arena_of(first->base), first);
}

static void other_addresses_are_in_no_arena(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	int local;

	KUNIT_ASSERT_EQ(test, grow(heap, 1), 0);
	KUNIT_EXPECT_NULL(test, arena_of(0));
	KUNIT_EXPECT_NULL(test, arena_of(PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, arena_of((unsigned long)&local));
	KUNIT_EXPECT_NULL(test, arena_of((unsigned long)heap));
	KUNIT_EXPECT_NULL(test, arena_of((unsigned long)arena_of));
	KUNIT_EXPECT_NULL(test, arena_of(ULONG_MAX));
}

/* Enough arenas for the index's table to be replaced, several times. */
static void the_table_is_replaced(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long i;
	void *addr;

	addr = must_alloc(test, heap, 1);
	for (i = 0; heap->index.nr_blocks < 18; i++)
		KUNIT_ASSERT_EQ(test, grow(heap, ARENA_PAGES), 0);
	KUNIT_EXPECT_GE(test, heap->index.max_blocks, 18UL);
	KUNIT_EXPECT_LE(test, reserved_ranges(heap), 6UL);
	KUNIT_EXPECT_TRUE(test, found_at(addr));
	span_free(addr);
}

/* === Failures =========================================================== */

/*
 * Every @stride-th allocation of a growth fails in turn. The heap either grows or returns an
 * error and is unchanged; a later growth succeeds.
 */
static void grow_with_faults(struct kunit *test, enum fault fault, unsigned long npages,
			     unsigned int stride)
{
	unsigned int nth, failed = 0;
	bool hit = true;

	faults_require(test, fault);
	for (nth = 1; hit; nth += stride) {
		struct span_heap *heap = test_heap(test);
		struct span_heap_stats stats;
		int ret;

		faults_begin(fault, nth);
		ret = grow(heap, npages);
		hit = faults_end();
		failed += !!ret;
		span_heap_stats(heap, &stats);
		if (ret) {
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_EQ(test, stats.grown_pages, 0ULL);
			KUNIT_EXPECT_TRUE(test, hit);
		} else {
			KUNIT_EXPECT_GE(test, stats.grown_pages, (u64)npages);
		}
		if (nth % 4 == 0)
			KUNIT_EXPECT_EQ(test, grow(heap, npages), 0);
		test_heap_end(test, heap);
	}
	kunit_info(test, "%u allocations, failed %u times", nth - stride, failed);
	KUNIT_EXPECT_GE(test, failed, 5U);
}

static void growing_fails_cleanly(struct kunit *test)
{
	grow_with_faults(test, FAULT_ONCE, 1, 1);
}

static void growing_by_two_arenas_fails_cleanly(struct kunit *test)
{
	grow_with_faults(test, FAULT_FOR_GOOD, ARENA_PAGES + 1, 6);
}

/* A heap that cannot reserve address space ahead reserves only as much as it needs. */
static void a_failed_reservation_is_retried_with_less(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long ahead;
	int ret;

	faults_require(test, FAULT_ONCE);
	KUNIT_ASSERT_EQ(test, grow(heap, 2 * ARENA_PAGES), 0);
	/* In a growth that reserves a range, the first allocation is for the range. */
	faults_begin(FAULT_ONCE, 1);
	ret = grow(heap, 1);
	KUNIT_EXPECT_TRUE(test, faults_end());
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, heap->index.nr_blocks, 3UL);
	ahead = heap->space.end - heap->space.next;
	KUNIT_EXPECT_EQ(test, ahead, ARENA_BYTES - CHUNK_BYTES);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_heap_grows_by_chunks, growth_gen_params),
	KUNIT_CASE(growing_is_not_done_twice),
	KUNIT_CASE(metadata_is_accounted),
	KUNIT_CASE(spans_cross_adjoining_arenas),
	KUNIT_CASE(heaps_have_arenas_of_their_own),
	KUNIT_CASE(other_addresses_are_in_no_arena),
	KUNIT_CASE(the_table_is_replaced),
	KUNIT_CASE(growing_fails_cleanly),
	KUNIT_CASE(growing_by_two_arenas_fails_cleanly),
	KUNIT_CASE(a_failed_reservation_is_retried_with_less),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_arena",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
