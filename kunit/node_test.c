// SPDX-License-Identifier: GPL-2.0-only
/*
 * NUMA nodes: which node the memory of a span is of, how idle pages of another node are
 * replaced, and that caches keep nodes apart.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/limits.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "cache/cache.h"
#include "cache/depot.h"
#include "index/pageindex.h"

#include "common.h"
#include "faults.h"

#define HERE	(GFP_KERNEL | __GFP_THISNODE)

/* === CPUs and nodes ===================================================== */

/*
 * Go to a CPU of a node, and keep it from going offline until leave_node(). No
 * assertion may fail in between.
 */
static bool enter_node(int node)
{
	unsigned int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		if (cpu_to_mem(cpu) == node &&
		    !set_cpus_allowed_ptr(current, cpumask_of(cpu)))
			return true;
	cpus_read_unlock();
	return false;
}

static void leave_node(void)
{
	test_go_home();
	cpus_read_unlock();
}

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

/* === Required nodes: __GFP_THISNODE ===================================== */

/* Allocates a span whose pages are all of @node. A failure ends the test. */
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

/* All idle pages are of the wrong node, and are replaced in two batches, of 64 and 36. */
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
	/* The idle pages are of the requested node: none is replaced. */
	span_heap_stats(heap, &before);
	span_free(must_alloc_node(test, heap, 100, nodes.b));
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, before.released_node_pages);
}

/* By turns ten idle pages of node a, ten idle pages of node b, and ten released pages. */
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

static void only_pages_of_other_nodes_are_replaced(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *addr, *again;

	addr = stripes(test, heap, nodes);
	span_heap_stats(heap, &before);
	again = must_alloc_node(test, heap, 300, nodes.b);
	KUNIT_EXPECT_PTR_EQ(test, again, addr);
	/* 100 pages of the other node are replaced, and 100 released pages are backed. */
	KUNIT_EXPECT_EQ(test, heap->count.released_node_pages, before.released_node_pages + 100);
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages + 200);
	KUNIT_EXPECT_EQ(test, heap->count.rebacked_pages, before.rebacked_pages + 200);
	span_free(again);
}

/* A run of kept, replaced and newly backed pages, some of which are known to be clear. */
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

/* An atomic caller cannot flush TLBs, so it cannot replace pages of another node. */
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
	/* The idle pages still serve callers that can sleep, and callers of their own node. */
	addr = span_alloc_node(heap, 10, nodes.a, GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	KUNIT_EXPECT_EQ(test, pages_of_node(addr, 10, nodes.a), 10UL);
	span_free(addr);
	span_free(must_alloc_node(test, heap, 10, nodes.b));
}

/* Idle pages of the right node are found although pages of another node lie below. */
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

/* Without __GFP_THISNODE idle pages of another node are used. */
static void a_preferred_node_is_not_required(struct kunit *test)
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

/* With __GFP_THISNODE, a call that names no node gets pages of the heap's node. */
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

/* The pages of a reserve are of the heap's node, and the page index records the node. */
static void the_reserve_has_a_node(struct kunit *test)
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
	KUNIT_EXPECT_EQ(test, span_heap_reserve(heap, 100), 0);
	KUNIT_EXPECT_EQ(test, pageindex_tag(&heap->index, 0, 100), nodes.b + 1U);
	addr = span_alloc(heap, 100, GFP_NOWAIT | __GFP_NOWARN | __GFP_THISNODE);
	KUNIT_EXPECT_EQ(test, addr ? pages_of_node(addr, 100, nodes.b) : 0, 100UL);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
}

/* Whichever allocation fails, the heap has as many idle pages as before. */
static void a_failure_leaves_pages_behind_the_run(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	struct span_heap *heap = test_heap(test);
	unsigned int nth, failures = 0;
	void *addr = NULL;

	faults_require(test, FAULT_FOR_GOOD);
	for (nth = 1; !addr && nth < 1000; nth++) {
		struct span_heap_stats before, after;

		/*
		 * Pages replaced in an earlier round stay replaced: release them, and make new
		 * stripes.
		 */
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

/* === Preferred nodes ==================================================== */

struct length {
	const char *name;
	unsigned long npages;
};

static const struct length lengths[] = {
	{ "one page", 1 },
	{ "the longest short span", CACHE_MAX_SHORT },
	{ "a long span", 64 },
	{ "the longest cached span", CACHE_MAX_LARGE },
};

PARAM_NAME(length)
KUNIT_ARRAY_PARAM(length, lengths, length_name);

static unsigned long test_length(const struct kunit *test)
{
	return ((const struct length *)test->param_value)->npages;
}

static bool is_of_node(const void *addr, unsigned long npages, int node)
{
	return addr && pages_of_node(addr, npages, node) == npages;
}

/* In a heap without idle pages the memory is of the preferred node. */
static void expect_preferred_nodes(struct kunit *test, struct span_heap *heap)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	void *a = span_alloc_node(heap, npages, nodes.a, GFP_KERNEL);
	void *b = span_alloc_node(heap, npages, nodes.b, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, is_of_node(a, npages, nodes.a));
	KUNIT_EXPECT_TRUE(test, is_of_node(b, npages, nodes.b));
	span_free(a);
	span_free(b);
}

static void a_preferred_node_is_used(struct kunit *test)
{
	expect_preferred_nodes(test, test_heap(test));
}

static void a_preferred_node_is_used_with_caches(struct kunit *test)
{
	expect_preferred_nodes(test, test_heap_make_cached(test, 0, 0));
}

static void idle_pages_of_the_node_go_first(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	void *a = must_alloc_node(test, heap, PAGEINDEX_CHUNK_PAGES, nodes.a);
	void *b = must_alloc_node(test, heap, PAGEINDEX_CHUNK_PAGES, nodes.b);

	span_free(a);
	span_free(b);
	span_heap_stats(heap, &before);
	b = span_alloc_node(heap, npages, nodes.b, GFP_KERNEL);
	a = span_alloc_node(heap, npages, nodes.a, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_of_node(b, npages, nodes.b));
	KUNIT_EXPECT_TRUE(test, is_of_node(a, npages, nodes.a));
	KUNIT_EXPECT_EQ(test, heap->count.backed_pages, before.backed_pages);
	span_free(a);
	span_free(b);
}

static void memory_is_local_by_default(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	struct span_heap *heap = test_heap(test);
	void *a, *b;

	if (!enter_node(nodes.b))
		kunit_skip(test, "needs a CPU of the second node");
	b = span_alloc(heap, npages, GFP_KERNEL);
	leave_node();
	a = span_alloc(heap, npages, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_of_node(b, npages, nodes.b));
	KUNIT_EXPECT_TRUE(test, is_of_node(a, npages, nodes.a));
	span_free(a);
	span_free(b);
}

static void a_heap_keeps_to_its_node(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	struct span_heap_params params = { .name = "kunit-node-b", .node = nodes.b };
	struct span_heap *heap = span_heap_create(&params);
	void *addr, *other;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heap);
	addr = span_alloc(heap, npages, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_of_node(addr, npages, nodes.b));
	/* The cache of any CPU keeps spans of the heap's node. */
	span_free(addr);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), (u64)npages);
	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, npages, GFP_KERNEL), addr);
	/* A call may prefer another node than the heap's. */
	other = span_alloc_node(heap, npages, nodes.a, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_of_node(other, npages, nodes.a));
	span_free(other);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_destroy(heap), 0);
}

/* === Caches ============================================================= */

static void a_cache_has_nothing_for_another_node(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *cached, *other, *again;
	u64 before, after;

	if (!enter_node(nodes.b))
		kunit_skip(test, "needs a CPU of the second node");
	cached = span_alloc_node(heap, npages, nodes.b, GFP_KERNEL);
	span_free(cached);
	before = cached_pages(heap);
	other = span_alloc_node(heap, npages, nodes.a, GFP_KERNEL);
	after = cached_pages(heap);
	again = span_alloc_node(heap, npages, nodes.b, GFP_KERNEL);
	leave_node();

	KUNIT_EXPECT_EQ(test, before, (u64)npages);
	KUNIT_EXPECT_EQ(test, after, (u64)npages);
	KUNIT_EXPECT_TRUE(test, is_of_node(other, npages, nodes.a));
	KUNIT_EXPECT_PTR_EQ(test, again, cached);
	KUNIT_EXPECT_TRUE(test, is_of_node(again, npages, nodes.b));
	/* The first CPU, of the first node, does not cache a span of the second node. */
	span_free(again);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	span_free(other);
}

/* Allocate @nr spans. Returns how many of their pages are of @node. */
static unsigned long alloc_all(struct span_heap *heap, void **addr, unsigned int nr,
			       unsigned long npages, int node)
{
	unsigned long nr_pages = 0;

	while (nr--) {
		addr[nr] = span_alloc_node(heap, npages, node, GFP_KERNEL);
		if (addr[nr])
			nr_pages += pages_of_node(addr[nr], npages, node);
	}
	return nr_pages;
}

/* More spans than a cache has room for: some go to the depot, which has room for them. */
static void a_depot_has_nothing_for_another_node(struct kunit *test)
{
	struct nodes nodes = two_nodes(test);
	unsigned long npages = test_length(test);
	unsigned int nr = cache_max_pages / npages + 12;
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void **addr = kunit_kcalloc(test, nr, sizeof(*addr), GFP_KERNEL);
	struct span_heap_stats before, after;
	unsigned long in_a, in_b;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	if (!enter_node(nodes.b))
		kunit_skip(test, "needs a CPU of the second node");
	in_b = alloc_all(heap, addr, nr, npages, nodes.b);
	free_some(addr, nr);
	span_heap_stats(heap, &before);
	/* CPUs still must not go offline: the spans they have cached would become idle. */
	test_go_home();
	in_a = alloc_all(heap, addr, nr, npages, nodes.a);
	span_heap_stats(heap, &after);
	leave_node();

	KUNIT_EXPECT_EQ(test, in_b, nr * npages);
	KUNIT_EXPECT_EQ(test, before.cached_pages, (u64)nr * npages);
	KUNIT_EXPECT_EQ(test, in_a, nr * npages);
	KUNIT_EXPECT_EQ(test, after.cache_hit_count, before.cache_hit_count);
	free_some(addr, nr);
}

/* === Bad nodes ========================================================== */

struct bad_node {
	const char *name;
	int node;
};

#define SOME_OFFLINE_NODE	NUMA_NO_NODE

static const struct bad_node bad_nodes[] = {
	{ "below NUMA_NO_NODE", -2 },
	{ "smallest int", INT_MIN },
	{ "above the maximum", MAX_NUMNODES },
	{ "greatest int", INT_MAX },
	{ "offline", SOME_OFFLINE_NODE },
};

PARAM_NAME(bad_node)
KUNIT_ARRAY_PARAM(bad_node, bad_nodes, bad_node_name);

static void bad_nodes_are_refused(struct kunit *test)
{
	const struct bad_node *bad = test->param_value;
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;
	int node = bad->node;

	if (node == SOME_OFFLINE_NODE)
		node = first_unset_node(node_online_map);
	if (bad->node == SOME_OFFLINE_NODE && node >= MAX_NUMNODES)
		kunit_skip(test, "all node numbers are online");
	/* The cache has a span of the requested length. */
	span_free(must_alloc(test, heap, 1));
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc_node(heap, 1, node, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, span_alloc_node(heap, 1, node, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, span_alloc_node(heap, 1, node, GFP_KERNEL_ACCOUNT));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, 3));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_node_is_honoured),
	KUNIT_CASE(idle_pages_of_another_node_are_replaced),
	KUNIT_CASE(only_pages_of_other_nodes_are_replaced),
	KUNIT_CASE(replaced_pages_are_clear),
	KUNIT_CASE(atomic_callers_get_null),
	KUNIT_CASE(atomic_callers_find_their_node),
	KUNIT_CASE(a_preferred_node_is_not_required),
	KUNIT_CASE(the_heaps_node_is_honoured),
	KUNIT_CASE(the_reserve_has_a_node),
	KUNIT_CASE(a_failure_leaves_pages_behind_the_run),
	KUNIT_CASE_PARAM(a_preferred_node_is_used, length_gen_params),
	KUNIT_CASE_PARAM(a_preferred_node_is_used_with_caches, length_gen_params),
	KUNIT_CASE_PARAM(idle_pages_of_the_node_go_first, length_gen_params),
	KUNIT_CASE_PARAM(memory_is_local_by_default, length_gen_params),
	KUNIT_CASE_PARAM(a_heap_keeps_to_its_node, length_gen_params),
	KUNIT_CASE_PARAM(a_cache_has_nothing_for_another_node, length_gen_params),
	KUNIT_CASE_PARAM(a_depot_has_nothing_for_another_node, length_gen_params),
	KUNIT_CASE_PARAM(bad_nodes_are_refused, bad_node_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_node",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
