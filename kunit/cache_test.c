// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caches: which spans are cached, and which allocations cached spans serve.
 */
#include <linux/nodemask.h>
#include <linux/vmalloc.h>

#include "cache/cache.h"
#include "cache/depot.h"
#include "heap/heap_alloc.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "index/prefetch.h"

#include "common.h"
#include "faults.h"

static void a_freed_span_comes_back(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = must_alloc(test, heap, 3);
	struct span_heap_stats before;

	span_set_owner(addr, heap);
	span_free(addr);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, before.cached_pages, 3ULL);
	KUNIT_EXPECT_EQ(test, before.idle_pages, 3ULL);
	KUNIT_EXPECT_EQ(test, before.in_use_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, before.span_count, 0ULL);
	KUNIT_EXPECT_FALSE(test, found_at(addr));

	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 3, GFP_KERNEL), addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, -3), CHANGE(idle_pages, -3),
		       CHANGE(in_use_pages, 3), CHANGE(in_use_heap_pages, 3),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1), CHANGE(cache_hit_count, 1),
		       CHANGE(zeroed_pages, want_init_on_alloc(GFP_KERNEL) ? 3 : 0));
	KUNIT_EXPECT_TRUE(test, found_at(addr));
	KUNIT_EXPECT_TRUE(test, found_at(page_at(addr, 3) - 1));
	span_free(addr);
}

static void a_reused_span_is_reset(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = must_alloc(test, heap, 2);
	struct span_info info;

	memset(addr, 0xa5, 2 * PAGE_SIZE);
	span_set_owner(addr, heap);
	span_free(addr);
	addr = span_alloc_kind(heap, 2, SPAN_KIND_WORK, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_NULL(test, memchr_inv(addr, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, span_lookup(addr, &info));
	KUNIT_EXPECT_NULL(test, info.owner);
	KUNIT_EXPECT_EQ(test, info.npages, 2UL);
	span_free(addr);
}

static void kinds_are_counted_apart(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;
	void *addr;

	span_free(must_alloc(test, heap, 5));
	span_heap_stats(heap, &before);
	addr = span_alloc_kind(heap, 5, SPAN_KIND_STACK, GFP_KERNEL);
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, -5), CHANGE(idle_pages, -5),
		       CHANGE(in_use_pages, 5), CHANGE(in_use_stack_pages, 5),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1), CHANGE(cache_hit_count, 1),
		       CHANGE(zeroed_pages, want_init_on_alloc(GFP_KERNEL) ? 5 : 0));
	span_free(addr);
}

static void a_cached_span_cannot_be_freed_again(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = must_alloc(test, heap, 1);
	struct span_heap_stats before;

	span_free(addr);
	span_heap_stats(heap, &before);
	span_free(addr);
	EXPECT_CHANGES(test, heap, &before, CHANGE(bad_free_count, 1));
	KUNIT_EXPECT_EQ(test, span_split(addr, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, span_set_owner(addr, heap), -EINVAL);
}

static void lengths_do_not_mix(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr[CACHE_MAX_SHORT + 2];
	unsigned long n;

	for (n = 1; n <= CACHE_MAX_SHORT + 1; n++)
		addr[n] = must_alloc(test, heap, n);
	for (n = 1; n <= CACHE_MAX_SHORT + 1; n++)
		span_free(addr[n]);
	KUNIT_EXPECT_EQ(test, cached_pages(heap),
			(u64)(CACHE_MAX_SHORT + 1) * (CACHE_MAX_SHORT + 2) / 2);
	for (n = 1; n <= CACHE_MAX_SHORT + 1; n++)
		KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, n, GFP_KERNEL), addr[n]);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	for (n = 1; n <= CACHE_MAX_SHORT + 1; n++)
		span_free(addr[n]);
}

static void spans_above_the_maximum_are_not_cached(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = must_alloc(test, heap, CACHE_MAX_LARGE);

	span_free(addr);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), (u64)CACHE_MAX_LARGE);
	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, CACHE_MAX_LARGE, GFP_KERNEL), addr);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX),
			(unsigned long)CACHE_MAX_LARGE);
	span_free(must_alloc(test, heap, CACHE_MAX_LARGE + 1));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
}

/* === Filling ============================================================ */

/* A heap with one run of 600 idle pages, which is longer than any cached span. */
static struct span_heap *heap_with_idle_pages(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);

	span_free(must_alloc(test, heap, 600));
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 600UL);
	return heap;
}

/* A miss fills the cache with several spans of idle pages, in order of address. */
static void idle_pages_fill_a_cache(struct kunit *test)
{
	struct span_heap *heap = heap_with_idle_pages(test);
	struct span_heap_stats before;
	void *addr[1 + FILL_SPANS];
	unsigned int i;

	span_heap_stats(heap, &before);
	addr[0] = must_alloc(test, heap, 4);
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, FILL_SPANS * 4),
		       CHANGE(idle_pages, -4), CHANGE(in_use_pages, 4),
		       CHANGE(in_use_heap_pages, 4), CHANGE(span_count, 1),
		       CHANGE(alloc_count, 1), CHANGE(cache_miss_count, 1),
		       CHANGE(zeroed_pages, want_init_on_alloc(GFP_KERNEL) ? 4 : 0));
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 596UL - FILL_SPANS * 4);
	KUNIT_EXPECT_FALSE(test, found_at(page_at(addr[0], 4)));
	for (i = 1; i < ARRAY_SIZE(addr); i++) {
		addr[i] = must_alloc(test, heap, 4);
		KUNIT_EXPECT_PTR_EQ(test, addr[i], page_at(addr[0], 4UL * i));
		KUNIT_EXPECT_TRUE(test, found_at(page_at(addr[i], 4) - 1));
	}
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_EQ(test, before.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, before.cache_hit_count, 0ULL + FILL_SPANS);
	free_some(addr, ARRAY_SIZE(addr));
}

static void a_reserve_fills_no_cache(struct kunit *test)
{
	struct span_heap *heap = heap_with_idle_pages(test);
	void *addr;

	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 590), 0);
	addr = must_alloc(test, heap, 4);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 4ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 592UL);
	span_free(addr);
}

/* Pages for which no descriptor can be allocated stay idle. */
static void filling_may_fail(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int nth, some = 0;
	bool hit = true;
	void *addr;

	faults_require(test, FAULT_ONCE);
	for (nth = 1; hit && nth < 100; nth++) {
		span_free(must_alloc(test, heap, 600));
		faults_begin(FAULT_ONCE, nth);
		addr = span_alloc(heap, 16, GFP_KERNEL | __GFP_NOWARN);
		hit = faults_end();
		some += addr && heap->index.nr_idle > 584 - 7 * 16;
		test_heap_check(test, heap);
		span_free(addr);
		span_heap_scavenge(heap, ULONG_MAX);
	}
	KUNIT_EXPECT_FALSE(test, hit);
	/*
	 * The fault hits each of the seven descriptors, or an allocation by which the slab grows.
	 */
	KUNIT_EXPECT_GT(test, some, 3U);
}

/* === Looking ahead ====================================================== */

static const struct span *span_of(void *addr)
{
	struct span_view view = {};

	rcu_read_lock();
	span_at(addr, &view);
	rcu_read_unlock();
	return view.span;
}

/* Each span notes the span allocated CACHE_AHEAD spans later, also across ends of chains. */
static void a_span_notes_a_later_one(struct kunit *test)
{
	static const unsigned long lengths[] = { 1, 16, 32 };
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	const unsigned int nr = 4 * CACHE_AHEAD;
	unsigned int i, l;
	void **addr;

	for (l = 0; l < ARRAY_SIZE(lengths); l++) {
		free_some(alloc_some(test, heap, nr, lengths[l]), nr);
		addr = alloc_some(test, heap, nr, lengths[l]);

		for (i = 0; i + CACHE_AHEAD < nr; i++)
			KUNIT_EXPECT_EQ(test, (long)span_of(addr[i])->ahead << SPAN_AHEAD_SHIFT,
					(long)span_of(addr[i + CACHE_AHEAD]) -
					(long)span_of(addr[i]));
		free_some(addr, nr);
	}
}

/* The default of cache_pages is a share of the machine's memory. */
static void a_cache_has_its_share_of_memory(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cache_max_pages,
			(unsigned int)clamp(totalram_pages() / 32 / num_present_cpus(),
					    256UL, 4096UL));
}

static void accounted_spans_are_cached(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = span_alloc(heap, 2, GFP_KERNEL_ACCOUNT);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 2ULL);
	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 2, GFP_KERNEL), addr);
	span_free(addr);
}

static void a_node_is_checked(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before;
	int node;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc_node(heap, 1, MAX_NUMNODES, GFP_KERNEL));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_invalid_count, 1));
	for_each_online_node(node) {
		void *addr = span_alloc_node(heap, 3, node, GFP_KERNEL | __GFP_THISNODE);

		KUNIT_ASSERT_NOT_NULL(test, addr);
		KUNIT_EXPECT_EQ(test, page_to_nid(vmalloc_to_page(addr)), node);
		span_free(addr);
	}
}

static void a_heap_may_have_no_cache(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, 0);

	span_free(must_alloc(test, heap, 1));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 1UL);
}

static void atomic_callers_are_served(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void *addr = must_alloc(test, heap, 1);
	unsigned long flags;
	void *again;

	local_irq_save(flags);
	span_free(addr);
	again = span_alloc(heap, 1, GFP_ATOMIC);
	local_irq_restore(flags);
	KUNIT_EXPECT_PTR_EQ(test, again, addr);
	span_free(again);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_freed_span_comes_back),
	KUNIT_CASE(a_reused_span_is_reset),
	KUNIT_CASE(kinds_are_counted_apart),
	KUNIT_CASE(a_cached_span_cannot_be_freed_again),
	KUNIT_CASE(lengths_do_not_mix),
	KUNIT_CASE(spans_above_the_maximum_are_not_cached),
	KUNIT_CASE(idle_pages_fill_a_cache),
	KUNIT_CASE(a_reserve_fills_no_cache),
	KUNIT_CASE(filling_may_fail),
	KUNIT_CASE(a_span_notes_a_later_one),
	KUNIT_CASE(a_cache_has_its_share_of_memory),
	KUNIT_CASE(accounted_spans_are_cached),
	KUNIT_CASE(a_node_is_checked),
	KUNIT_CASE(a_heap_may_have_no_cache),
	KUNIT_CASE(atomic_callers_are_served),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_cache",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
