// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm layer: address space, and pages in and out of it.
 */
#include <linux/vmalloc.h>

#include "index/lookup.h"
#include "index/pageindex.h"
#include "vm/vm.h"

#include "common.h"

#define NPAGES	70UL

struct vm_fixture {
	struct vm_range range;
	struct page *pages[NPAGES];
	struct page *found[NPAGES];
	DECLARE_BITMAP(missing, NPAGES);
};

static int vm_test_init(struct kunit *test)
{
	struct vm_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned long i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	KUNIT_ASSERT_EQ(test, vm_reserve(&f->range, CHUNK_BYTES, CHUNK_BYTES), 0);
	KUNIT_ASSERT_EQ(test, vm_populate(f->range.base, CHUNK_BYTES), 0);
	for (i = 0; i < NPAGES; i++) {
		f->pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, f->pages[i]);
	}
	return 0;
}

static void vm_test_exit(struct kunit *test)
{
	struct vm_fixture *f = test->priv;
	unsigned long i;

	if (!f)
		return;
	if (f->range.area) {
		vm_unmap(f->range.base, PAGEINDEX_CHUNK_PAGES);
		vm_flush(f->range.base, f->range.base + CHUNK_BYTES);
		vm_unreserve(&f->range);
	}
	for (i = 0; i < NPAGES; i++)
		if (f->pages[i])
			__free_page(f->pages[i]);
}

static unsigned long missing_pages(struct vm_fixture *f)
{
	bitmap_zero(f->missing, NPAGES);
	vm_missing(f->range.base, f->missing, NPAGES);
	return bitmap_weight(f->missing, NPAGES);
}

static void a_range_is_aligned_and_empty(struct kunit *test)
{
	struct vm_fixture *f = test->priv;

	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(f->range.base, CHUNK_BYTES));
	KUNIT_EXPECT_EQ(test, f->range.bytes, CHUNK_BYTES);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr((void *)f->range.base));
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr((void *)(f->range.base + CHUNK_BYTES - 1)));
	KUNIT_EXPECT_EQ(test, missing_pages(f), NPAGES);
}

static void mapped_pages_are_found(struct kunit *test)
{
	struct vm_fixture *f = test->priv;
	void *addr = (void *)f->range.base;
	unsigned long i;

	KUNIT_ASSERT_EQ(test, vm_map(f->range.base, f->pages, NPAGES), 0);
	KUNIT_EXPECT_EQ(test, missing_pages(f), 0UL);
	vm_pages(f->range.base, f->found, NPAGES);
	tag_pages(addr, NPAGES, 7);
	for (i = 0; i < NPAGES; i++) {
		KUNIT_EXPECT_PTR_EQ(test, f->found[i], f->pages[i]);
		KUNIT_EXPECT_PTR_EQ(test, vmalloc_to_page(page_at(addr, i)), f->pages[i]);
		KUNIT_EXPECT_EQ(test, *(unsigned long *)page_address(f->pages[i]), 7 + i);
	}
}

static void pages_can_be_replaced(struct kunit *test)
{
	struct vm_fixture *f = test->priv;
	void *addr = (void *)f->range.base;

	KUNIT_ASSERT_EQ(test, vm_map(f->range.base, f->pages, NPAGES), 0);
	tag_pages(addr, NPAGES, 0);
	vm_unmap(f->range.base + (3 << PAGE_SHIFT), 2);
	vm_flush(f->range.base + (3 << PAGE_SHIFT), f->range.base + (5 << PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, missing_pages(f), 2UL);
	KUNIT_EXPECT_TRUE(test, test_bit(3, f->missing));
	KUNIT_EXPECT_TRUE(test, test_bit(4, f->missing));

	/* Map the two pages in exchanged order. */
	swap(f->pages[3], f->pages[4]);
	KUNIT_ASSERT_EQ(test, vm_map(f->range.base + (3 << PAGE_SHIFT), f->pages + 3, 2), 0);
	KUNIT_EXPECT_EQ(test, missing_pages(f), 0UL);
	KUNIT_EXPECT_EQ(test, *(unsigned long *)page_at(addr, 3), 4UL);
	KUNIT_EXPECT_EQ(test, *(unsigned long *)page_at(addr, 4), 3UL);
	KUNIT_EXPECT_EQ(test, mistagged_pages(addr, 3, 0), 0UL);
	KUNIT_EXPECT_EQ(test, mistagged_pages(page_at(addr, 5), NPAGES - 5, 5), 0UL);
}

static void mapping_works_under_a_spinlock(struct kunit *test)
{
	static DEFINE_SPINLOCK(lock);
	struct vm_fixture *f = test->priv;
	unsigned long flags, missing;
	int ret;

	spin_lock_irqsave(&lock, flags);
	ret = vm_map(f->range.base, f->pages, NPAGES - 1);
	missing = missing_pages(f);
	vm_pages(f->range.base, f->found, NPAGES - 1);
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, missing, 1UL);
	KUNIT_EXPECT_EQ(test, memcmp(f->found, f->pages, (NPAGES - 1) * sizeof(f->pages[0])), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_range_is_aligned_and_empty),
	KUNIT_CASE(mapped_pages_are_found),
	KUNIT_CASE(pages_can_be_replaced),
	KUNIT_CASE(mapping_works_under_a_spinlock),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_vm",
	.init = vm_test_init,
	.exit = vm_test_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
