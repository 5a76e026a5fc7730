// SPDX-License-Identifier: GPL-2.0-only
/*
 * Depot: spans that a full cache evicts, and spans that one CPU hands on to another.
 */
#include <linux/cpu.h>
#include <linux/minmax.h>

#include "cache/cache.h"
#include "cache/depot.h"
#include "heap/span.h"
#include "index/lookup.h"

#include "common.h"

/* The spans that a cache has room for, and 16 more: two chains of the longest short spans. */
static unsigned int too_many(unsigned int npages)
{
	return cache_max_pages / npages + 2 * 8;
}

#define MANY	too_many(CACHE_MAX_SHORT)

static void **alloc_many(struct kunit *test, struct span_heap *heap)
{
	return alloc_some(test, heap, MANY, CACHE_MAX_SHORT);
}

static void a_full_cache_makes_room(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void **addr = alloc_many(test, heap);
	struct span_heap_stats before;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		span_free(addr[i]);
	/* Two chains were evicted to the depot, where their pages still count as cached. */
	KUNIT_EXPECT_EQ(test, cached_pages(heap), (u64)MANY * CACHE_MAX_SHORT);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 0UL);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, CACHE_MAX_SHORT, GFP_KERNEL), addr[MANY - 1]);
	span_free(addr[MANY - 1]);
	for (i = 0; i < MANY; i++)
		addr[i] = must_alloc(test, heap, CACHE_MAX_SHORT);
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, -(s64)MANY * CACHE_MAX_SHORT),
		       CHANGE(idle_pages, -(s64)MANY * CACHE_MAX_SHORT),
		       CHANGE(in_use_pages, MANY * CACHE_MAX_SHORT),
		       CHANGE(in_use_heap_pages, MANY * CACHE_MAX_SHORT), CHANGE(span_count, MANY),
		       CHANGE(alloc_count, MANY + 1), CHANGE(free_count, 1),
		       CHANGE(cache_hit_count, MANY + 1),
		       CHANGE(zeroed_pages,
			      want_init_on_alloc(GFP_KERNEL) ? (MANY + 1) * CACHE_MAX_SHORT : 0));
	for (i = 0; i < MANY; i++)
		span_free(addr[i]);
}

/* === Giving way ========================================================= */

/* Expect the caches to serve @nr allocations of @npages pages, without the heap. */
static void expect_cached(struct kunit *test, struct span_heap *heap, unsigned int nr,
			  unsigned long npages)
{
	struct span_heap_stats before, after;

	span_heap_stats(heap, &before);
	free_some(alloc_some(test, heap, nr, npages), nr);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.cache_hit_count - before.cache_hit_count, (u64)nr);
}

/*
 * The cache is full of spans of lengths not in use. After three rounds of another length the
 * cache serves this length, up to half of its room.
 */
static void unused_lengths_are_evicted(struct kunit *test)
{
	static const unsigned int lengths[] = { 1, 40, 4, 512, 16, 64 };
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int i, round, nr;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		nr = too_many(lengths[i]);
		free_some(alloc_some(test, heap, nr, lengths[i]), nr);
		nr = min(cache_max_pages / lengths[i], CACHE_CPU_LARGE + 0U) / 2;
		for (round = 0; round < 3; round++)
			free_some(alloc_some(test, heap, nr, lengths[i]), nr);
		expect_cached(test, heap, nr, lengths[i]);
	}
}

/* Two lengths are used repeatedly, each for a third of the cache's pages: both stay cached. */
static void used_lengths_stay(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int nr = cache_max_pages / 16 / 3, nr_long = cache_max_pages / 128 / 3;
	unsigned int round;

	for (round = 0; round < 4; round++) {
		free_some(alloc_some(test, heap, nr, 16), nr);
		free_some(alloc_some(test, heap, nr_long, 128), nr_long);
		/* Spans of a third length, which is used once. */
		free_some(alloc_some(test, heap, nr, 3 + round), nr);
	}
	expect_cached(test, heap, nr_long, 128);
	expect_cached(test, heap, nr, 16);
}

/* More long spans than a cache and the depot behind it keep together. */
#define TOO_LONG	64UL
#define TOO_MANY	(6 * cache_max_pages / TOO_LONG)

static void tag_all(void **addr, unsigned int nr, unsigned long npages)
{
	while (nr--)
		tag_pages(addr[nr], npages, (unsigned long)addr[nr]);
}

/* Each span is found, and its pages are unchanged. */
static void expect_tagged(struct kunit *test, void **addr, unsigned int nr,
			  unsigned long npages)
{
	unsigned int wrong = 0;

	while (nr--)
		wrong += !found_at(addr[nr]) ||
			 mistagged_pages(addr[nr], npages, (unsigned long)addr[nr]);
	KUNIT_EXPECT_EQ(test, wrong, 0U);
}

static struct span *descriptor_of(const void *addr)
{
	struct span_view view = {};

	rcu_read_lock();
	span_at(addr, &view);
	rcu_read_unlock();
	return view.span;
}

/*
 * The link of a cached span has the storage of the owner. Here owners point to descriptors of
 * live spans, and spans are evicted while the depot is full: no owner is followed as a link.
 */
static void owners_link_no_evicted_spans(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int i, nr = TOO_MANY;
	void **other = alloc_some(test, heap, nr, 1);
	void **addr = alloc_some(test, heap, nr, TOO_LONG);
	struct span_heap_stats before;

	tag_all(other, nr, 1);
	span_heap_stats(heap, &before);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, span_set_owner(addr[i], descriptor_of(other[i])), 0);
		span_free(addr[i]);
	}
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, cached_pages(heap)),
		       CHANGE(idle_pages, nr * TOO_LONG),
		       CHANGE(in_use_pages, -(s64)(nr * TOO_LONG)),
		       CHANGE(in_use_heap_pages, -(s64)(nr * TOO_LONG)),
		       CHANGE(span_count, -(s64)nr), CHANGE(free_count, nr));
	/* The depot was full: some spans have become idle. */
	KUNIT_EXPECT_LT(test, cached_pages(heap), (u64)nr * TOO_LONG);

	addr = alloc_some(test, heap, nr, TOO_LONG);
	tag_all(addr, nr, TOO_LONG);
	expect_tagged(test, addr, nr, TOO_LONG);
	expect_tagged(test, other, nr, 1);
	free_some(addr, nr);
	free_some(other, nr);
}

/* === Other CPUs ========================================================= */

/*
 * Moves to another CPU, and keeps it online until cpus_read_unlock(). No assertion may fail in
 * between.
 */
static bool visit_another_cpu(void)
{
	cpus_read_lock();
	if (move_to_another_cpu())
		return true;
	cpus_read_unlock();
	return false;
}

/* Spans that a full cache evicts serve another CPU of the node, from the depot. */
static void cpus_hand_on_spans(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void **addr = alloc_many(test, heap);
	struct span_heap_stats before;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		span_free(addr[i]);
	if (!visit_another_cpu()) {
		kunit_skip(test, "needs two CPUs of one node");
		return;
	}
	span_heap_stats(heap, &before);
	addr[0] = span_alloc(heap, CACHE_MAX_SHORT, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, addr[0]);
	EXPECT_CHANGES(test, heap, &before, CHANGE(cached_pages, -CACHE_MAX_SHORT),
		       CHANGE(idle_pages, -CACHE_MAX_SHORT), CHANGE(in_use_pages, CACHE_MAX_SHORT),
		       CHANGE(in_use_heap_pages, CACHE_MAX_SHORT), CHANGE(span_count, 1),
		       CHANGE(alloc_count, 1), CHANGE(cache_hit_count, 1),
		       CHANGE(zeroed_pages,
			      want_init_on_alloc(GFP_KERNEL) ? CACHE_MAX_SHORT : 0));
	cpus_read_unlock();
	span_free(addr[0]);
}

/* Long spans serve another CPU, too: a full cache evicts half of its spans of one length. */
static void cpus_hand_on_long_spans(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int nr = min(cache_max_pages / 100, CACHE_CPU_LARGE + 0U);
	struct span_heap_stats before;
	void **addr = alloc_some(test, heap, nr + 1, 100);
	unsigned int i;

	free_some(addr, nr + 1);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), (nr + 1) * 100ULL);
	if (!visit_another_cpu()) {
		kunit_skip(test, "needs two CPUs of one node");
		return;
	}
	/* The depot has the spans cached first. The first allocation takes all of them. */
	span_heap_stats(heap, &before);
	for (i = 0; i < DIV_ROUND_UP(nr, 2); i++)
		addr[i] = span_alloc(heap, 100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), (nr + 1 - DIV_ROUND_UP(nr, 2)) * 100ULL);
	KUNIT_EXPECT_EQ(test, before.cache_miss_count,
			(u64)READ_ONCE(heap->count.alloc_count));
	cpus_read_unlock();
	free_some(addr, DIV_ROUND_UP(nr, 2));
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), (nr + 1) * 100UL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_full_cache_makes_room),
	KUNIT_CASE(owners_link_no_evicted_spans),
	KUNIT_CASE(cpus_hand_on_spans),
	KUNIT_CASE(cpus_hand_on_long_spans),
	KUNIT_CASE(unused_lengths_are_evicted),
	KUNIT_CASE(used_lengths_stay),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_depot",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
