// SPDX-License-Identifier: GPL-2.0-only
/*
 * Caches: what is cached, what comes back, and when it leaves.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/nodemask.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "cache/cache.h"
#include "cache/depot.h"
#include "cache/magazine.h"
#include "heap/heap_alloc.h"
#include "heap/span.h"
#include "index/lookup.h"

#include "common.h"
#include "faults.h"

#define AGE_MS		1000

static u64 cached_pages(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.cached_pages;
}

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

static void the_next_life_knows_nothing_of_the_last(struct kunit *test)
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

static void the_longest_are_not_kept(struct kunit *test)
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

/* Two chains more than a cache has room for. */
static unsigned int too_many(unsigned int npages)
{
	return cache_max_pages / npages + 2 * 8;
}

#define MANY	too_many(CACHE_MAX_SHORT)

static void **alloc_some(struct kunit *test, struct span_heap *heap, unsigned int nr,
			 unsigned long npages)
{
	void **addr = kunit_kcalloc(test, nr, sizeof(*addr), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, addr);
	for (i = 0; i < nr; i++)
		addr[i] = must_alloc(test, heap, npages);
	return addr;
}

static void free_some(void **addr, unsigned int nr)
{
	while (nr--)
		span_free(addr[nr]);
}

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
	/* Two chains had to go, to the depot: they are cached all the same. */
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

/* === Filling ============================================================ */

/* Of 600 idle pages, which are more than a cache keeps in one piece. */
static struct span_heap *heap_with_idle_pages(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);

	span_free(must_alloc(test, heap, 600));
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 600UL);
	return heap;
}

/* Spans of idle pages come several at a time, in order of address. */
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

/* Without a descriptor pages stay what they are. */
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
	/* Seven times, but that the slab has to grow for some, where that is hit instead. */
	KUNIT_EXPECT_GT(test, some, 3U);
}

/* === Callers that cannot wait =========================================== */

/* cache_shed() makes at most 32 spans idle, however many are cached. */
static void a_cache_sheds_a_few(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	void **addr = alloc_some(test, heap, 200, 2);
	void **other = alloc_some(test, heap, 20, 20);
	unsigned long pages, flags, rounds = 0;

	free_some(addr, 200);
	free_some(other, 20);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 800ULL);
	local_irq_save(flags);
	pages = cache_shed(heap);
	local_irq_restore(flags);
	/* The longest first: 20 of these, and 12 others. */
	KUNIT_EXPECT_EQ(test, pages, 424UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 376ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 424UL);
	while (cache_shed(heap))
		rounds++;
	KUNIT_EXPECT_EQ(test, rounds, 6UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	test_heap_check(test, heap);
}

/* All pages below the limit are cached: an atomic caller that retries gets them in the end. */
static void atomic_callers_get_what_is_cached(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 640, 0);
	void **addr = alloc_some(test, heap, 320, 2);
	void *span = NULL;
	unsigned int tries;

	free_some(addr, 320);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 640ULL);
	for (tries = 0; !span && tries < 60 * HZ; tries++) {
		span = span_alloc(heap, 400, GFP_ATOMIC | __GFP_NOWARN);
		if (!span)
			schedule_timeout_uninterruptible(1);
	}
	KUNIT_EXPECT_NOT_NULL(test, span);
	span_free(span);
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

/* Each span leads to that which is allocated a little later, wherever a chain ends. */
static void a_span_knows_a_later_one(struct kunit *test)
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
 * A cache full of spans that are not used any more, short or long, and a depot, too:
 * half a cache of another length is soon served without the heap all the same.
 */
static void what_is_not_used_gives_way(struct kunit *test)
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

/* Both in use, each less than half of what there is room for. */
static void lengths_in_use_stay(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	unsigned int nr = cache_max_pages / 16 / 3, nr_long = cache_max_pages / 128 / 3;
	unsigned int round;

	for (round = 0; round < 4; round++) {
		free_some(alloc_some(test, heap, nr, 16), nr);
		free_some(alloc_some(test, heap, nr_long, 128), nr_long);
		/* Something comes by that is used once. */
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

/* Every one is there, and its own. */
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
 * An owner is the client's own value, and may point anywhere: here to another
 * live span. It links nothing once its span is cached, has to leave for a later
 * one, and finds the depot full.
 */
static void what_finds_no_room_is_alone(struct kunit *test)
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
	/* Some had to leave, or nothing was tested. */
	KUNIT_EXPECT_LT(test, cached_pages(heap), (u64)nr * TOO_LONG);

	addr = alloc_some(test, heap, nr, TOO_LONG);
	tag_all(addr, nr, TOO_LONG);
	expect_tagged(test, addr, nr, TOO_LONG);
	expect_tagged(test, other, nr, 1);
	free_some(addr, nr);
	free_some(other, nr);
}

/* Go to a CPU of the same node: CPUs of other nodes use another depot. */
static bool move_to_another_cpu(void)
{
	unsigned int here = raw_smp_processor_id();
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (cpu != here && cpu_to_node(cpu) == cpu_to_node(here))
			return !set_cpus_allowed_ptr(current, cpumask_of(cpu));
	return false;
}

/*
 * Keeps that CPU online, for it would take the test elsewhere, until cpus_read_unlock().
 * No assertion may fail in between.
 */
static bool visit_another_cpu(void)
{
	cpus_read_lock();
	if (move_to_another_cpu())
		return true;
	cpus_read_unlock();
	return false;
}

/* Spans that one CPU frees and its cache cannot keep serve another CPU, without the heap. */
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

/* Long spans reach another CPU, too: a full cache evicts half of the spans of a length. */
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
	/* The depot has the spans cached first. The first allocation brings all of them here. */
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

/* Unless it was set, it depends on the machine. */
static void a_cache_has_its_share_of_memory(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, cache_max_pages,
			(unsigned int)clamp(totalram_pages() / 32 / num_present_cpus(),
					    256UL, 4096UL));
}

static void caches_of_other_cpus_are_emptied(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);

	span_free(must_alloc(test, heap, 3));
	span_free(must_alloc(test, heap, 30));
	if (!move_to_another_cpu())
		kunit_skip(test, "needs two CPUs of one node");
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 33ULL);
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 33UL);
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
}

static void an_accounted_span_is_cached_like_others(struct kunit *test)
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

static void a_heap_may_do_without(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 0, 0);

	span_free(must_alloc(test, heap, 1));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 0ULL);
	KUNIT_EXPECT_EQ(test, heap->index.nr_idle, 1UL);
}

static void a_forced_release_empties_caches(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats stats;

	span_free(must_alloc(test, heap, 7));
	KUNIT_EXPECT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 7UL);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.idle_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.released_pages, stats.grown_pages);
}

static void a_limit_takes_cached_pages_first(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 20, 0);
	struct span_heap_stats stats;
	void *addr;

	span_free(must_alloc(test, heap, 12));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 12ULL);
	addr = span_alloc(heap, 20, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.fail_limit_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_LE(test, stats.peak_backed_pages, 20ULL);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(heap, 5), 0);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_LE(test, stats.idle_pages, 5ULL);
}

/* A cached span that is not needed is released, no earlier than other idle pages are. */
static void a_cached_span_is_released_in_time(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	unsigned long age = msecs_to_jiffies(AGE_MS);
	struct span_heap_stats stats;
	unsigned long idle = 0;

	span_free(must_alloc(test, heap, 4));
	scavenger_run();
	do {
		test_clock_pass(1);
		idle++;
		span_heap_stats(heap, &stats);
	} while (!stats.released_age_pages && idle <= 3 * age);
	KUNIT_EXPECT_GE(test, idle, age);
	KUNIT_EXPECT_LE(test, idle, 2 * age + 1);
	KUNIT_EXPECT_EQ(test, stats.released_age_pages, 4ULL);
	KUNIT_EXPECT_EQ(test, stats.cached_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, scavenger_run(), (unsigned long)MAX_SCHEDULE_TIMEOUT);
}

/*
 * Of the chains of one length, the oldest one is evicted: of three chains two have been
 * used since the pass before.
 */
static void who_was_cached_first_goes_first(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	unsigned int length = chain_length(4), i;
	void **addr = alloc_some(test, heap, 3 * length, 4);
	void **used;

	free_some(addr, 3 * length);
	scavenger_run();
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 12ULL * length);
	used = alloc_some(test, heap, 2 * length, 4);
	free_some(used, 2 * length);
	test_clock_pass(msecs_to_jiffies(AGE_MS));
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 8ULL * length);
	for (i = 0; i < 2 * length; i++)
		KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 4, GFP_KERNEL), used[i]);
	free_some(used, 2 * length);
}

static void a_span_in_regular_use_stays(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, AGE_MS);
	void *addr = must_alloc(test, heap, 4);
	unsigned int i;

	span_free(addr);
	scavenger_run();
	for (i = 0; i < 5; i++) {
		test_clock_pass(msecs_to_jiffies(AGE_MS));
		KUNIT_EXPECT_PTR_EQ(test, span_alloc(heap, 4, GFP_KERNEL), addr);
		span_free(addr);
	}
	KUNIT_EXPECT_EQ(test, cached_pages(heap), 4ULL);
}

static void an_atomic_caller_is_served(struct kunit *test)
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
	KUNIT_CASE(the_next_life_knows_nothing_of_the_last),
	KUNIT_CASE(kinds_are_counted_apart),
	KUNIT_CASE(a_cached_span_cannot_be_freed_again),
	KUNIT_CASE(lengths_do_not_mix),
	KUNIT_CASE(the_longest_are_not_kept),
	KUNIT_CASE(a_full_cache_makes_room),
	KUNIT_CASE(what_finds_no_room_is_alone),
	KUNIT_CASE(cpus_hand_on_spans),
	KUNIT_CASE(cpus_hand_on_long_spans),
	KUNIT_CASE(idle_pages_fill_a_cache),
	KUNIT_CASE(a_reserve_fills_no_cache),
	KUNIT_CASE(filling_may_fail),
	KUNIT_CASE(a_cache_sheds_a_few),
	KUNIT_CASE(atomic_callers_get_what_is_cached),
	KUNIT_CASE(a_span_knows_a_later_one),
	KUNIT_CASE(what_is_not_used_gives_way),
	KUNIT_CASE(lengths_in_use_stay),
	KUNIT_CASE(a_cache_has_its_share_of_memory),
	KUNIT_CASE(caches_of_other_cpus_are_emptied),
	KUNIT_CASE(an_accounted_span_is_cached_like_others),
	KUNIT_CASE(a_node_is_checked),
	KUNIT_CASE(a_heap_may_do_without),
	KUNIT_CASE(a_forced_release_empties_caches),
	KUNIT_CASE(a_limit_takes_cached_pages_first),
	KUNIT_CASE(a_cached_span_is_released_in_time),
	KUNIT_CASE(who_was_cached_first_goes_first),
	KUNIT_CASE(a_span_in_regular_use_stays),
	KUNIT_CASE(an_atomic_caller_is_served),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_cache",
	.init = test_clock_init,
	.exit = test_clock_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
