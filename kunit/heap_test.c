// SPDX-License-Identifier: GPL-2.0-only
/*
 * Heaps: their parameters, names and nodes, and their destruction.
 */
#include <linux/vmalloc.h>

#include "heap/span.h"
#include "heap/span_map.h"

#include "common.h"
#include "faults.h"

static void a_heap_keeps_its_parameters(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 1234, 77);
	struct span_heap_stats stats;

	KUNIT_EXPECT_STREQ(test, span_heap_name(heap), heap->name);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.limit_pages, 1234ULL);
	KUNIT_EXPECT_EQ(test, heap->age_ms, 77U);
	KUNIT_EXPECT_EQ(test, stats.grown_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.arena_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.page_table_bytes, 0ULL);
}

/* A name of the greatest length. It can be used again once its heap is destroyed. */
static void a_name_is_used_once_at_a_time(struct kunit *test)
{
	char name[SPAN_HEAP_NAME_SIZE];
	struct span_heap_params params = { .name = name, .node = NUMA_NO_NODE };
	struct span_heap *heap;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	heap = span_heap_create(&params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_STREQ(test, span_heap_name(heap), (const char *)name);
	KUNIT_EXPECT_PTR_EQ(test, span_heap_create(&params), ERR_PTR(-EEXIST));
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
	heap = span_heap_create(&params);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
}

static void the_default_heap_exists(struct kunit *test)
{
	struct span_heap *heap = span_heap_default();
	struct span_info info;
	void *addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	KUNIT_EXPECT_STREQ(test, span_heap_name(heap), "default");
	addr = must_alloc(test, heap, 3);
	KUNIT_EXPECT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.heap, heap);
	span_free(addr);
	span_heap_scavenge(heap, ULONG_MAX);
	test_heap_check(test, heap);
}

static void expect_memory_of_node(struct kunit *test, int node)
{
	struct span_heap_params params = { .name = "kunit-node", .node = node };
	struct span_heap *heap = span_heap_create(&params);
	unsigned long i, elsewhere = 0;
	void *addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	addr = span_alloc(heap, 100, GFP_KERNEL | __GFP_THISNODE);
	for (i = 0; addr && i < 100; i++)
		elsewhere += page_to_nid(vmalloc_to_page(page_at(addr, i))) != node;
	span_free(addr);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, elsewhere, 0UL);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
}

static void memory_comes_from_the_requested_node(struct kunit *test)
{
	int node;

	for_each_node_state(node, N_MEMORY)
		expect_memory_of_node(test, node);
}

/* A destroyed heap leaves nothing behind: no address space, no arenas, no name. */
static void a_destroyed_heap_leaves_nothing(struct kunit *test)
{
	struct span_heap *heap;
	unsigned long base;
	unsigned int round;

	for (round = 0; round < 5; round++) {
		heap = test_heap(test);
		span_free(must_alloc(test, heap, 1000));
		base = test_page_address(heap, 0);
		KUNIT_EXPECT_NOT_NULL(test, arena_of(base));
		test_heap_end(test, heap);
		KUNIT_EXPECT_NULL(test, arena_of(base));
		KUNIT_EXPECT_FALSE(test, found_at((void *)base));
	}
}

static void heap_creation_may_fail(struct kunit *test)
{
	struct span_heap_params params = { .name = "kunit-fault", .node = NUMA_NO_NODE };
	unsigned int nth, failed = 0;
	struct span_heap *heap;
	bool hit = true;

	faults_require(test, FAULT_FOR_GOOD);
	for (nth = 1; hit && nth < 100; nth++) {
		faults_begin(FAULT_FOR_GOOD, nth);
		heap = span_heap_create(&params);
		hit = faults_end();
		if (IS_ERR(heap)) {
			KUNIT_EXPECT_PTR_EQ(test, heap, ERR_PTR(-ENOMEM));
			failed++;
		} else {
			/* Files in debugfs may be missing; the heap works without them. */
			if (nth % 8 == 0)
				span_free(must_alloc(test, heap, 1));
			KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
		}
	}
	KUNIT_EXPECT_FALSE(test, hit);
	KUNIT_EXPECT_GE(test, failed, 2U);
	KUNIT_EXPECT_GT(test, nth, 8U);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_heap_keeps_its_parameters),
	KUNIT_CASE(a_name_is_used_once_at_a_time),
	KUNIT_CASE(the_default_heap_exists),
	KUNIT_CASE(memory_comes_from_the_requested_node),
	KUNIT_CASE(a_destroyed_heap_leaves_nothing),
	KUNIT_CASE(heap_creation_may_fail),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_heap",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
