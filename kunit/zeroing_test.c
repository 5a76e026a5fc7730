// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeroing: memory is cleared for callers that ask for cleared memory, and for no others.
 *
 * With init_on_alloc every allocation asks for cleared memory, and with init_on_free
 * freed pages are known to be clear. The expected numbers depend on both.
 */
#include "heap/deferred.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

static bool is_zero(const void *addr, unsigned long npages)
{
	return !memchr_inv(addr, 0, npages << PAGE_SHIFT);
}

static void *zalloc(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	void *addr = span_alloc(heap, npages, GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	return addr;
}

/* Make @npages idle pages with contents in a new heap. */
static void dirty(struct kunit *test, struct span_heap *heap, unsigned long npages)
{
	void *addr = must_alloc(test, heap, npages);

	memset(addr, 0xa5, npages << PAGE_SHIFT);
	span_free(addr);
}

static void fresh_pages_are_zero(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	void *addr;

	addr = zalloc(test, heap, CHUNK + 100);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, CHUNK + 100));
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.zeroed_pages, (u64)CHUNK + 100);
	KUNIT_EXPECT_EQ(test, stats.zero_skipped_pages, 0ULL);
	span_free(addr);
}

static void used_pages_are_cleared(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr;

	dirty(test, heap, 600);
	span_heap_stats(heap, &before);
	addr = zalloc(test, heap, 600);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 600));
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 600),
		       CHANGE(in_use_heap_pages, 600), CHANGE(idle_pages, -600),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1),
		       CHANGE(zeroed_pages, want_init_on_free() ? 0 : 600),
		       CHANGE(zero_skipped_pages, want_init_on_free() ? 600 : 0));
	span_free(addr);
}

/* Without __GFP_ZERO nothing is cleared. */
static void unrequested_pages_are_not_cleared(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr;

	if (want_init_on_alloc(GFP_KERNEL) || want_init_on_free())
		kunit_skip(test, "init_on_alloc or init_on_free is on");
	dirty(test, heap, 10);
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 10);
	KUNIT_EXPECT_EQ(test, *(u8 *)addr, 0xa5);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 10),
		       CHANGE(in_use_heap_pages, 10), CHANGE(idle_pages, -10),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1));
	span_free(addr);
}

static void init_on_alloc_is_honoured(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr;

	if (!want_init_on_alloc(GFP_KERNEL))
		kunit_skip(test, "init_on_alloc is off");
	dirty(test, heap, 10);
	addr = must_alloc(test, heap, 10);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 10));
	span_free(addr);
}

static void init_on_free_is_honoured(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr;

	if (!want_init_on_free())
		kunit_skip(test, "init_on_free is off");
	dirty(test, heap, 10);
	/* The pages are idle: still mapped, and not allocated to any caller. */
	addr = (void *)test_page_address(heap, 0);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 10));
}

/* A free with interrupts off leaves the clearing of a long span to the scavenger. */
static void long_spans_are_cleared_later(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned long flags;
	void *addr;

	if (!want_init_on_free())
		kunit_skip(test, "init_on_free is off");
	deferred_clear_pages = TEST_CLEAR_PAGES;
	addr = must_alloc(test, heap, 3 * CHUNK);
	memset(addr, 0xa5, 3 * CHUNK_BYTES);
	span_heap_stats(heap, &before);
	local_irq_save(flags);
	span_free(addr);
	local_irq_restore(flags);
	deferred_finish(heap, ULONG_MAX);
	test_wait_for_scavenger();
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -3 * (s64)CHUNK),
		       CHANGE(in_use_heap_pages, -3 * (s64)CHUNK),
		       CHANGE(idle_pages, 3 * CHUNK), CHANGE(span_count, -1),
		       CHANGE(free_count, 1), CHANGE(deferred_count, 1));
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 3 * CHUNK));
}

/* A run of idle, released and again idle pages. */
static void mixed_runs_are_cleared(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *part[3];
	unsigned int i;
	void *addr;

	for (i = 0; i < 3; i++) {
		part[i] = must_alloc(test, heap, 100);
		memset(part[i], 0xa5, 100 << PAGE_SHIFT);
	}
	span_free(part[1]);
	span_heap_scavenge(heap, ULONG_MAX);
	span_free(part[0]);
	span_free(part[2]);
	KUNIT_ASSERT_EQ(test, heap->index.nr_idle, 200UL);
	addr = zalloc(test, heap, 300);
	KUNIT_ASSERT_PTR_EQ(test, addr, part[0]);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 300));
	span_free(addr);
}

/* Pages of a reserve are known to be clear until they have been used. */
static void reserved_pages_are_not_cleared_again(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, CHUNK), 0);
	KUNIT_ASSERT_EQ(test, heap->index.nr_idle, CHUNK);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.zeroed_pages, (u64)CHUNK);
	addr = span_alloc(heap, CHUNK, GFP_NOWAIT | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, CHUNK));
	/* The scavenger may be refilling the reserve: other statistics change. */
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.zero_skipped_pages, (u64)CHUNK);
	memset(addr, 0xa5, CHUNK_BYTES);
	span_free(addr);
	addr = zalloc(test, heap, CHUNK);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, CHUNK));
	span_free(addr);
}

/* 200 pages of a reserve have been used: only these 200 are cleared. */
static void only_used_pages_are_cleared(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before, after;
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, CHUNK), 0);
	dirty(test, heap, 200);
	span_heap_stats(heap, &before);
	addr = zalloc(test, heap, CHUNK);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, CHUNK));
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.zero_skipped_pages - before.zero_skipped_pages,
			(u64)(want_init_on_free() ? CHUNK : CHUNK - 200));
	span_free(addr);
}

static void released_pages_come_back_clear(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before, after;
	void *addr;

	dirty(test, heap, 600);
	KUNIT_ASSERT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 600UL);
	span_heap_stats(heap, &before);
	addr = zalloc(test, heap, 600);
	KUNIT_EXPECT_TRUE(test, is_zero(addr, 600));
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.zeroed_pages - before.zeroed_pages, 600ULL);
	KUNIT_EXPECT_EQ(test, after.zero_skipped_pages, before.zero_skipped_pages);
	span_free(addr);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(fresh_pages_are_zero),
	KUNIT_CASE(used_pages_are_cleared),
	KUNIT_CASE(unrequested_pages_are_not_cleared),
	KUNIT_CASE(init_on_alloc_is_honoured),
	KUNIT_CASE(init_on_free_is_honoured),
	KUNIT_CASE(long_spans_are_cleared_later),
	KUNIT_CASE(mixed_runs_are_cleared),
	KUNIT_CASE(reserved_pages_are_not_cleared_again),
	KUNIT_CASE(only_used_pages_are_cleared),
	KUNIT_CASE(released_pages_come_back_clear),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_zeroing",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
