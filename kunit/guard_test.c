// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guard: frees by functions of vmalloc() do nothing to spans.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "common.h"

typedef void (*free_fn)(const void *addr);

struct stray {
	const char *name;
	free_fn free;
};

static const struct stray strays[] = {
	{ "vfree", vfree },
	{ "kvfree", kvfree },
	{ "vunmap", vunmap },
};

PARAM_NAME(stray)
KUNIT_ARRAY_PARAM(stray, strays, stray_name);

static void spans_survive(struct kunit *test)
{
	const struct stray *stray = test->param_value;
	struct span_heap *heap = test_heap(test);
	void *other = must_alloc(test, heap, 600);
	void *addr = must_alloc(test, heap, 3);
	struct span_heap_stats before;

	tag_pages(other, 600, 1);
	tag_pages(addr, 3, 2);
	span_heap_stats(heap, &before);
	stray->free(addr);
	/* An address inside the span, neither its first byte nor page-aligned. */
	stray->free(page_at(addr, 1) + 8);
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 2));
	KUNIT_EXPECT_TRUE(test, found_at(addr));
	KUNIT_EXPECT_EQ(test, mistagged_pages(addr, 3, 2), 0UL);
	KUNIT_EXPECT_EQ(test, mistagged_pages(other, 600, 1), 0UL);
	span_free(addr);
	/* The span is dead; its pages still belong to the heap. */
	stray->free(addr);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, before.bad_free_count, 3ULL);
	span_free(other);
}

/* vfree() may be called in interrupts. */
static void vfree_works_with_interrupts_off(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr = must_alloc(test, heap, 3);
	struct span_heap_stats before;
	unsigned long flags;

	span_heap_stats(heap, &before);
	local_bh_disable();
	local_irq_save(flags);
	vfree(addr);
	local_irq_restore(flags);
	local_bh_enable();
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 1));
	span_free(addr);
}

/* vfree() and kvfree() free memory that is no span. */
static void other_memory_is_freed(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr;

	span_heap_stats(heap, &before);
	addr = vmalloc(3 * PAGE_SIZE);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	vfree(addr);
	KUNIT_EXPECT_NULL(test, vmalloc_to_page(addr));
	addr = kvmalloc(64, GFP_KERNEL);
	kvfree(addr);
	vfree(NULL);
	kvfree(NULL);
	EXPECT_NO_CHANGE(test, heap, &before);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(spans_survive, stray_gen_params),
	KUNIT_CASE(vfree_works_with_interrupts_off),
	KUNIT_CASE(other_memory_is_freed),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_guard",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
