// SPDX-License-Identifier: GPL-2.0-only
/*
 * NUMA nodes: where the memory of a span is, and what becomes of idle pages that
 * are elsewhere.
 */
#include <linux/nodemask.h>
#include <linux/vmalloc.h>

#include "common.h"
#include "faults.h"

#define HERE	(GFP_KERNEL | __GFP_THISNODE)

/* Two nodes with memory, or the test is skipped. */
struct nodes {
	int a;
	int b;
};

static struct nodes two_nodes(struct kunit *test)
{
	struct nodes nodes = { .a = first_memory_node };

	nodes.b = next_memory_node(nodes.a);
	if (nodes.b >= MAX_NUMNODES)
		kunit_skip(test, "needs two NUMA nodes with memory");
	return nodes;
}

static unsigned long pages_of_node(const void *addr, unsigned long npages, int node)
{
	unsigned long nr = 0;
	unsigned long i;

	for (i = 0; i < npages; i++)
		nr += page_to_nid(vmalloc_to_page(page_at(addr, i))) == node;
	return nr;
}

/* A span of that node, which the test cannot do without. */
static void *must_alloc_node(struct kunit *test, struct span_heap *heap, unsigned long npages,
			     int node)
{
	void *addr = span_alloc_node(heap, npages, node, HERE);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, npages, node), npages);
	return addr;
}

static void every_node_is_honoured(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *addr;
	int node;

	for_each_node_state(node, N_MEMORY) {
		addr = must_alloc_node(test, heap, 100, node);
		span_free(addr);
	}
}

/* What is there is of the wrong node, all of it: two batches, of 64 and 36. */
static void idle_pages_of_another_node_are_replaced(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr, *again;

	addr = must_alloc_node(test, heap, 100, nodes.a);
	span_free(addr);
	span_heap_stats(heap, &before);
	again = must_alloc_node(test, heap, 100, nodes.b);
	KUNIT_EXPECT_PTR_EQ(test, again, addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 100),
		       CHANGE(in_use_heap_pages, 100), CHANGE(idle_pages, -100),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1),
		       CHANGE(released_node_pages, 100), CHANGE(backed_pages, 100),
		       CHANGE(rebacked_pages, 100), CHANGE(tlb_flush_count, 2));
	tag_pages(again, 100, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(again, 100, 1), 0UL);
	span_free(again);
	/* They are where they are wanted now. */
	span_heap_stats(heap, &before);
	span_free(must_alloc_node(test, heap, 100, nodes.b));
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, before.released_node_pages);
}

/* Ten of one node, ten of the other, ten of none, by turns. */
static void *stripes(struct kunit *test, struct span_heap *heap, struct nodes nodes)
{
	void *addr = must_alloc(test, heap, 300);
	unsigned long at;

	for (at = 0; at < 290; at += 10)
		KUNIT_ASSERT_EQ(test, span_split(page_at(addr, at), 10), 0);
	for (at = 0; at < 300; at += 10)
		span_free(page_at(addr, at));
	span_heap_scavenge(heap, ULONG_MAX);
	for (at = 0; at < 300; at += 10) {
		int node = at % 30 == 10 ? nodes.b : nodes.a;

		KUNIT_ASSERT_PTR_EQ(test, must_alloc_node(test, heap, 10, node),
				    page_at(addr, at));
	}
	for (at = 20; at < 300; at += 30)
		span_free(page_at(addr, at));
	span_heap_scavenge(heap, ULONG_MAX);
	for (at = 0; at < 300; at += 30) {
		span_free(page_at(addr, at));
		span_free(page_at(addr, at + 10));
	}
	return addr;
}

static void only_what_has_to_be_is_replaced(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr, *again;

	addr = stripes(test, heap, nodes);
	span_heap_stats(heap, &before);
	again = must_alloc_node(test, heap, 300, nodes.b);
	KUNIT_EXPECT_PTR_EQ(test, again, addr);
	/* What was never there is no page that went. */
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, before.released_node_pages + 100);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages + 200);
	KUNIT_EXPECT_EQ(test, heap->count.rebacked_pages, before.rebacked_pages + 200);
	span_free(again);
}

/* Pages of several sources, of which some are known to be clear. */
static void replaced_pages_are_clear(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	void *addr;

	addr = stripes(test, heap, nodes);
	addr = span_alloc_node(heap, 300, nodes.b, HERE | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, 300 << PAGE_SHIFT));
	memset(addr, 1, 300 << PAGE_SHIFT);
	span_free(addr);
	addr = span_alloc_node(heap, 300, nodes.a, HERE | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, 300 << PAGE_SHIFT));
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, 300, nodes.a), 300UL);
	span_free(addr);
}

/* Nobody flushes TLBs for them, and pages of another node are not what they want. */
static void atomic_callers_get_null(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr;

	span_free(must_alloc_node(test, heap, PAGEINDEX_CHUNK_PAGES, nodes.a));
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc_node(heap, 10, nodes.b,
						GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_backing_count, 1));
	/* Nor is anything lost for others: those who can wait, and those of that node. */
	addr = span_alloc_node(heap, 10, nodes.a, GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, 10, nodes.a), 10UL);
	span_free(addr);
	span_free(must_alloc_node(test, heap, 10, nodes.b));
}

/* Idle pages of the right node are found although others lie below. */
static void atomic_callers_find_their_node(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *low, *high, *addr;

	low = must_alloc_node(test, heap, PAGEINDEX_CHUNK_PAGES, nodes.a);
	high = must_alloc_node(test, heap, PAGEINDEX_CHUNK_PAGES, nodes.b);
	span_free(low);
	span_free(high);
	span_heap_stats(heap, &before);
	addr = span_alloc_node(heap, 10, nodes.b, GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE);
	KUNIT_EXPECT_PTR_EQ(test, addr, high);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages);
	span_free(addr);
}

/* Without the flag a node is a wish. */
static void a_wish_is_no_condition(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	void *addr;

	span_free(must_alloc_node(test, heap, 100, nodes.a));
	addr = span_alloc_node(heap, 100, nodes.b, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, 100, nodes.a), 100UL);
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, 0ULL);
	span_free(addr);
}

/* The node of a heap, or of the CPU, is as good as one that is given. */
static void the_heaps_node_is_honoured(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap_params params = {
		.name = "kunit-node-b",
		.node = nodes.b,
		.flags = SPAN_HEAP_NO_CACHE,
	};
	struct span_heap *heap = span_heap_create(&params);
	void *addr;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	span_free(span_alloc_node(heap, 100, nodes.a, HERE));
	addr = span_alloc(heap, 100, HERE);
	KUNIT_EXPECT_EQ(test, addr ? pages_of_node(addr, 100, nodes.b) : 0, 100UL);
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, 100ULL);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
}

/* Wherever it fails, the pages that were there are there still, or their successors. */
static void a_failure_leaves_pages_behind_the_run(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	unsigned int nth, failures = 0;
	void *addr = NULL;

	faults_require(test, FAULT_FOR_GOOD);
	for (nth = 1; !addr && nth < 1000; nth++) {
		struct span_heap_stats before, after;

		/* Made anew, since what has been replaced stays so. */
		stripes(test, heap, nodes);
		span_heap_stats(heap, &before);
		faults_begin(FAULT_FOR_GOOD, nth);
		addr = span_alloc_node(heap, 300, nodes.b, HERE | __GFP_NOWARN);
		faults_end();
		if (addr)
			break;
		failures++;
		test_heap_check(test, heap);
		span_heap_stats(heap, &after);
		KUNIT_EXPECT_EQ(test, after.idle_pages, before.idle_pages);
		KUNIT_EXPECT_EQ(test, after.span_count, before.span_count);
	}
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_GT(test, failures, 10U);
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, 300, nodes.b), 300UL);
	span_free(addr);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_node_is_honoured),
	KUNIT_CASE(idle_pages_of_another_node_are_replaced),
	KUNIT_CASE(only_what_has_to_be_is_replaced),
	KUNIT_CASE(replaced_pages_are_clear),
	KUNIT_CASE(atomic_callers_get_null),
	KUNIT_CASE(atomic_callers_find_their_node),
	KUNIT_CASE(a_wish_is_no_condition),
	KUNIT_CASE(the_heaps_node_is_honoured),
	KUNIT_CASE(a_failure_leaves_pages_behind_the_run),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_node",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
