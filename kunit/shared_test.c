// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages with extra references when their span is freed: in heaps with
 * %SPAN_HEAP_SHARED_PAGES the pages stay with the holder of the reference, and never
 * become part of another span.
 */
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/vmalloc.h>

#include "heap/deferred.h"

#include "common.h"

#define SHARED	(SPAN_HEAP_SHARED_PAGES | SPAN_HEAP_AGE_ONLY | SPAN_HEAP_NO_POOL)

static struct span_heap *shared_heap(struct kunit *test, unsigned long flags)
{
	return test_heap_make_flags(test, 0, 0, SHARED | flags);
}

/* Take a reference to a page of a span, and fill the page. */
static struct page *hold_page(void *addr, unsigned long page)
{
	struct page *held = vmalloc_to_page(page_at(addr, page));

	get_page(held);
	memset(page_at(addr, page), 0x3c, PAGE_SIZE);
	return held;
}

/* The scavenger's thread may be finishing deferred spans, too: wait for the thread. */
static void finish_deferred(struct span_heap *heap)
{
	deferred_finish(heap, ULONG_MAX);
	test_wait_for_scavenger();
}

static bool is_untouched(struct page *page)
{
	return !memchr_inv(page_address(page), 0x3c, PAGE_SIZE);
}

struct shared {
	const char *name;
	unsigned long flags;
	unsigned long npages;
	unsigned long at[3];	/* pages with an extra reference */
	unsigned int nr;
};

static const struct shared shareds[] = {
	{ "one page, cached", 0, 1, { 0 }, 1 },
	{ "the first page, cached", 0, 16, { 0 }, 1 },
	{ "the last page, cached", 0, 16, { 15 }, 1 },
	{ "three pages, long span", 0, 300, { 0, 64, 299 }, 3 },
	{ "three adjacent pages, no cache", SPAN_HEAP_NO_CACHE, 200, { 63, 64, 65 }, 3 },
	{ "too long for a cache", 0, 1500, { 0, 512, 1499 }, 3 },
};

PARAM_NAME(shared)
KUNIT_ARRAY_PARAM(shared, shareds, shared_name);

static void pages_with_references_are_not_reused(struct kunit *test)
{
	const struct shared *shared = test->param_value;
	struct span_heap *heap = shared_heap(test, shared->flags);
	void *addr = must_alloc(test, heap, shared->npages);
	struct page *held[3];
	struct span_heap_stats stats;
	unsigned int i;

	for (i = 0; i < shared->nr; i++)
		held[i] = hold_page(addr, shared->at[i]);
	span_free(addr);
	KUNIT_EXPECT_FALSE(test, found_at(addr));
	finish_deferred(heap);
	addr = must_alloc(test, heap, shared->npages);
	memset(addr, 0x55, shared->npages << PAGE_SHIFT);
	for (i = 0; i < shared->nr; i++) {
		KUNIT_EXPECT_TRUE(test, is_untouched(held[i]));
		KUNIT_EXPECT_EQ(test, page_count(held[i]), 1);
		KUNIT_EXPECT_PTR_NE(test, held[i],
				    vmalloc_to_page(page_at(addr, shared->at[i])));
	}
	span_free(addr);
	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.released_shared_pages, (u64)shared->nr);
	/* Long spans are checked later, whether or not their pages have extra references. */
	KUNIT_EXPECT_EQ(test, stats.deferred_count, shared->npages > 512 ? 2ULL : 1ULL);
	for (i = 0; i < shared->nr; i++) {
		KUNIT_EXPECT_TRUE(test, is_untouched(held[i]));
		put_page(held[i]);
	}
}

/* No page has an extra reference: a span is cached as in other heaps. */
static void pages_without_references_are_cached(struct kunit *test)
{
	struct span_heap *heap = shared_heap(test, 0);
	void *addr = must_alloc(test, heap, 5);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	span_free(addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -5),
		       CHANGE(in_use_heap_pages, -5), CHANGE(idle_pages, 5),
		       CHANGE(cached_pages, 5), CHANGE(span_count, -1), CHANGE(free_count, 1));
}

/* A free with interrupts off is deferred: deferred_finish() looks for extra references. */
static void a_free_with_interrupts_off_is_deferred(struct kunit *test)
{
	struct span_heap *heap = shared_heap(test, SPAN_HEAP_NO_CACHE);
	void *addr = must_alloc(test, heap, 100);
	struct page *held = hold_page(addr, 50);
	struct span_heap_stats before;
	unsigned long flags;

	span_heap_stats(heap, &before);
	local_irq_save(flags);
	span_free(addr);
	span_free(addr);
	local_irq_restore(flags);
	KUNIT_EXPECT_FALSE(test, found_at(addr));
	finish_deferred(heap);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -100),
		       CHANGE(in_use_heap_pages, -100), CHANGE(idle_pages, 99),
		       CHANGE(released_pages, 1), CHANGE(released_shared_pages, 1),
		       CHANGE(span_count, -1), CHANGE(free_count, 1), CHANGE(deferred_count, 1),
		       CHANGE(bad_free_count, 1), CHANGE(tlb_flush_count, 1));
	KUNIT_EXPECT_TRUE(test, is_untouched(held));
	put_page(held);
}

/* The free of a part of a split span checks the pages of this part alone. */
static void parts_of_a_split_span_are_checked(struct kunit *test)
{
	struct span_heap *heap = shared_heap(test, SPAN_HEAP_NO_CACHE);
	void *addr = must_alloc(test, heap, 20);
	struct page *held = hold_page(addr, 15);
	struct span_heap_stats stats;

	KUNIT_ASSERT_EQ(test, span_split(addr, 10), 0);
	span_free(addr);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.deferred_count, 0ULL);
	span_free(page_at(addr, 10));
	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.released_shared_pages, 1ULL);
	KUNIT_EXPECT_TRUE(test, is_untouched(held));
	put_page(held);
}

/* A page that the hardware reports as bad does not become part of another span. */
static void poisoned_pages_are_not_reused(struct kunit *test)
{
#ifdef CONFIG_MEMORY_FAILURE
	struct span_heap *heap = shared_heap(test, 0);
	void *addr = must_alloc(test, heap, 8);
	struct page *bad = vmalloc_to_page(page_at(addr, 3));

	/* The page has no extra reference: only PageHWPoison keeps it from being used again. */
	SetPageHWPoison(bad);
	span_free(addr);
	finish_deferred(heap);
	addr = must_alloc(test, heap, 8);
	KUNIT_EXPECT_PTR_NE(test, bad, vmalloc_to_page(page_at(addr, 3)));
	span_free(addr);
	/* The page allocator refuses a poisoned page. This page is sound, so free it. */
	ClearPageHWPoison(bad);
	init_page_count(bad);
	__free_page(bad);
#else
	kunit_skip(test, "needs CONFIG_MEMORY_FAILURE");
#endif
}

/* At a limit, an allocation finishes deferred spans to get their pages. */
static void deferred_pages_make_room(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_flags(test, 100, 0, SHARED);
	struct page *held[10];
	unsigned int i;

	for (i = 0; i < 10; i++) {
		void *addr = span_alloc(heap, 90, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, addr);
		held[i] = hold_page(addr, i);
		span_free(addr);
	}
	for (i = 0; i < 10; i++)
		put_page(held[i]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(pages_with_references_are_not_reused, shared_gen_params),
	KUNIT_CASE(pages_without_references_are_cached),
	KUNIT_CASE(a_free_with_interrupts_off_is_deferred),
	KUNIT_CASE(parts_of_a_split_span_are_checked),
	KUNIT_CASE(poisoned_pages_are_not_reused),
	KUNIT_CASE(deferred_pages_make_room),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_shared",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
