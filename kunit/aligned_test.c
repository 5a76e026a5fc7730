// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aligned allocation: every power of two up to an arena.
 */
#include "index/lookup.h"

#include "common.h"

static void addresses_are_aligned(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *below = must_alloc(test, heap, 1);
	unsigned long align;

	for (align = 1; align <= ARENA_PAGES; align *= 2) {
		void *one = span_alloc_aligned(heap, 1, align, GFP_KERNEL);
		void *more = span_alloc_aligned(heap, align / 2 + 1, align, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, one);
		KUNIT_ASSERT_NOT_NULL(test, more);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)one, align << PAGE_SHIFT),
				      "one page, aligned to %lu", align);
		KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)more, align << PAGE_SHIFT),
				      "%lu pages, aligned to %lu", align / 2 + 1, align);
		tag_pages(one, 1, 1);
		tag_pages(more, align / 2 + 1, 2);
		KUNIT_EXPECT_EQ(test, mistagged_pages(one, 1, 1), 0UL);
		span_free(one);
		span_free(more);
	}
	span_free(below);
}

/* Pages that an aligned allocation skips stay free. */
static void the_gap_is_used(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr[3];

	addr[0] = must_alloc(test, heap, 1);
	addr[1] = span_alloc_aligned(heap, 64, 64, GFP_KERNEL);
	KUNIT_ASSERT_PTR_EQ(test, addr[1], page_at(addr[0], 64));
	addr[2] = must_alloc(test, heap, 63);
	KUNIT_EXPECT_PTR_EQ(test, addr[2], page_at(addr[0], 1));
	span_free(addr[0]);
	span_free(addr[1]);
	span_free(addr[2]);
}

static void aligned_runs_are_reused(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;
	void *addr;

	addr = span_alloc_aligned(heap, 512, 512, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	span_free(addr);
	span_heap_stats(heap, &before);
	for (i = 0; i < 100; i++) {
		void *again = span_alloc_aligned(heap, 512, 512, GFP_KERNEL);

		KUNIT_ASSERT_PTR_EQ(test, again, addr);
		span_free(again);
	}
	EXPECT_CHANGES(test, heap, &before, CHANGE(alloc_count, 100), CHANGE(free_count, 100));
}

static void bad_alignments_are_refused(struct kunit *test)
{
	static const unsigned long bad[] = {
		0, 3, 6, 513, ARENA_PAGES - 1, ARENA_PAGES + 1, 2 * ARENA_PAGES, ULONG_MAX,
		1UL << (BITS_PER_LONG - 1),
	};
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	span_free(must_alloc(test, heap, 1));
	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NULL_MSG(test, span_alloc_aligned(heap, 1, bad[i], GFP_KERNEL),
				      "aligned to %lu", bad[i]);
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, ARRAY_SIZE(bad)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(addresses_are_aligned),
	KUNIT_CASE(the_gap_is_used),
	KUNIT_CASE(aligned_runs_are_reused),
	KUNIT_CASE(bad_alignments_are_refused),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_aligned",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
