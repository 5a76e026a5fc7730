// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that contradict the page index, which takes a defect or other code that changes
 * them. No page is freed twice, no mapped page is freed, and the contradiction is reported.
 */
#include <linux/mm.h>

#include "heap/span.h"
#include "index/lookup.h"
#include "vm/vm.h"

#include "common.h"

/* From here on reports are counted but not printed. Returns the count so far. */
static int reports_begin(void)
{
	WRITE_ONCE(vm_inconsistency_is_expected, true);
	return atomic_read(&vm_inconsistencies);
}

static int reports_end(int before)
{
	WRITE_ONCE(vm_inconsistency_is_expected, false);
	return atomic_read(&vm_inconsistencies) - before;
}

/* Unmap a page without the heap's knowledge. Returns the page. */
static struct page *steal(unsigned long addr)
{
	struct page *page = NULL;

	vm_pages(addr, &page, 1);
	vm_unmap(addr, 1);
	vm_flush(addr, addr + PAGE_SIZE);
	return page;
}

static void a_missing_page_is_not_released(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 100);
	struct page *stolen;
	int before;

	span_free(addr);
	stolen = steal((unsigned long)page_at(addr, 40));
	KUNIT_ASSERT_NOT_NULL(test, stolen);
	before = reports_begin();
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 100UL);
	KUNIT_EXPECT_EQ(test, reports_end(before), 1);
	KUNIT_EXPECT_EQ(test, page_count(stolen), 1);
	__free_page(stolen);
	/* The heap has reported and accounted for the stolen page: it works normally again. */
	addr = must_alloc(test, heap, 100);
	tag_pages(addr, 100, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(addr, 100, 1), 0UL);
	span_free(addr);
}

/* A page mapped where none should be: the heap neither overwrites nor frees this page. */
static void a_foreign_page_stays(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct page *alien = alloc_page(GFP_KERNEL);
	struct span_heap_stats before, after;
	unsigned long at;
	int reports;
	void *addr;

	KUNIT_ASSERT_NOT_NULL(test, alien);
	test_heap_grow(test, heap, 1);
	at = test_page_address(heap, 70);
	KUNIT_ASSERT_EQ(test, vm_map(at, &alien, 1), 0);
	span_heap_stats(heap, &before);
	reports = reports_begin();
	addr = span_alloc(heap, 100, GFP_KERNEL | __GFP_NOWARN);
	KUNIT_EXPECT_GE(test, reports_end(reports), 1);
	KUNIT_EXPECT_NULL(test, addr);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.fail_backing_count, before.fail_backing_count + 1);
	KUNIT_EXPECT_EQ(test, after.idle_pages, before.idle_pages);
	KUNIT_EXPECT_EQ(test, page_count(alien), 1);
	KUNIT_EXPECT_PTR_EQ(test, steal(at), alien);
	__free_page(alien);
	addr = must_alloc(test, heap, 100);
	span_free(addr);
}

/* If one page of a batch cannot be mapped, none is: the caller can free the batch. */
static void a_batch_is_mapped_as_a_whole(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct page *pages[8];
	unsigned long at, missing = 0;
	unsigned int i;
	int before;

	test_heap_grow(test, heap, 1);
	at = test_page_address(heap, 0);
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
	}
	KUNIT_ASSERT_EQ(test, vm_map(at + 5 * PAGE_SIZE, &pages[5], 1), 0);
	before = reports_begin();
	KUNIT_EXPECT_EQ(test, vm_map(at, pages, ARRAY_SIZE(pages)), -EBUSY);
	KUNIT_EXPECT_EQ(test, reports_end(before), 1);
	KUNIT_EXPECT_EQ(test, vm_missing(at, &missing, ARRAY_SIZE(pages)), 7UL);
	KUNIT_EXPECT_EQ(test, missing, 0xdfUL);
	steal(at + 5 * PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		__free_page(pages[i]);
}

/* Address space that was never populated has no pages and no page tables. */
static void an_unpopulated_range_is_empty(struct kunit *test)
{
	struct page *pages[3] = { ZERO_PAGE(0), ZERO_PAGE(0), ZERO_PAGE(0) };
	unsigned long missing = 0;
	struct vm_range range;

	KUNIT_ASSERT_EQ(test, vm_reserve(&range, ARENA_BYTES, ARENA_BYTES), 0);
	KUNIT_EXPECT_EQ(test, vm_pages(range.base, pages, 3), 0UL);
	KUNIT_EXPECT_NULL(test, pages[0]);
	KUNIT_EXPECT_NULL(test, pages[2]);
	KUNIT_EXPECT_EQ(test, vm_missing(range.base + CHUNK_BYTES - PAGE_SIZE, &missing, 3), 3UL);
	KUNIT_EXPECT_EQ(test, missing, 7UL);
	vm_unreserve(&range);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_missing_page_is_not_released),
	KUNIT_CASE(a_foreign_page_stays),
	KUNIT_CASE(a_batch_is_mapped_as_a_whole),
	KUNIT_CASE(an_unpopulated_range_is_empty),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_broken",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
