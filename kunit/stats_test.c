// SPDX-License-Identifier: GPL-2.0-only
/*
 * Statistics: exact after any number of random operations, compared with books
 * that the test keeps itself.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched/task.h>

#include "heap/locktime.h"
#include "heap/span.h"
#include "index/lookup.h"

#include "common.h"

#define SLOTS	64
#define ROUNDS	4000

static unsigned int seed;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "repeat the random tests of a run that printed this seed (default 0: a new one)");

/* === The test's own books =============================================== */

struct slot {
	void *addr;
	unsigned long npages;
	enum span_kind kind;
	unsigned long tag;
};

/**
 * struct books - the test's own statistics
 * @heap: the heap
 * @random: random numbers for the operations
 * @slot: the live spans
 * @in_use: pages of live spans, by kind
 * @spans: number of live spans
 * @limit: the heap's limit
 * @peak: most pages in use and idle so far
 * @allocs: spans allocated
 * @frees: spans freed
 * @splits: spans split
 * @limit_failures: allocations refused for the limit
 * @forced: sum of what span_heap_scavenge() has returned
 * @to_clear: pages of allocations that had to be zero
 * @corrupt: pages with wrong contents when freed, and allocations that were not zero
 */
struct books {
	struct span_heap *heap;
	struct rnd_state random;
	struct slot slot[SLOTS];
	u64 in_use[SPAN_NR_KINDS];
	u64 spans;
	u64 limit;
	u64 peak;
	u64 allocs;
	u64 frees;
	u64 splits;
	u64 limit_failures;
	u64 forced;
	u64 to_clear;
	unsigned long corrupt;
};

static u32 below(struct books *books, u32 n)
{
	return prandom_u32_state(&books->random) % n;
}

static u64 total_in_use(const struct books *books)
{
	return books->in_use[SPAN_KIND_HEAP] + books->in_use[SPAN_KIND_STACK] +
	       books->in_use[SPAN_KIND_BITS] + books->in_use[SPAN_KIND_WORK];
}

/* === Operations ========================================================= */

static void do_alloc(struct kunit *test, struct books *books, struct slot *slot)
{
	/* Each power of two is as likely as the next, up to two chunks. */
	unsigned long npages = 1UL << below(books, 10);
	enum span_kind kind = SPAN_KIND_HEAP;
	gfp_t gfp = GFP_KERNEL;
	void *addr;

	npages += below(books, npages);
	if (below(books, 4) == 0)
		gfp |= __GFP_ZERO;
	if (below(books, 3) == 0) {
		addr = span_alloc_aligned(books->heap, npages, 1UL << below(books, 10), gfp);
	} else {
		kind = below(books, SPAN_NR_KINDS);
		addr = span_alloc_kind(books->heap, npages, kind, gfp);
	}
	/* Idle pages are released for the limit, so only pages in use make it refuse. */
	KUNIT_EXPECT_EQ(test, !addr,
			books->limit && total_in_use(books) + npages > books->limit);
	if (!addr) {
		books->limit_failures++;
		return;
	}
	if (gfp & __GFP_ZERO || want_init_on_alloc(gfp)) {
		books->to_clear += npages;
		books->corrupt += !!memchr_inv(addr, 0, npages << PAGE_SHIFT);
	}
	slot->addr = addr;
	slot->npages = npages;
	slot->kind = kind;
	slot->tag = prandom_u32_state(&books->random);
	tag_pages(addr, npages, slot->tag);
	books->in_use[kind] += npages;
	books->spans++;
	books->allocs++;
}

static void do_free(struct books *books, struct slot *slot)
{
	books->corrupt += mistagged_pages(slot->addr, slot->npages, slot->tag);
	span_free(slot->addr);
	slot->addr = NULL;
	books->in_use[slot->kind] -= slot->npages;
	books->spans--;
	books->frees++;
}

static void do_split(struct kunit *test, struct books *books, struct slot *slot)
{
	struct slot *other = &books->slot[below(books, SLOTS)];
	unsigned long first;

	if (other->addr || slot->npages < 2)
		return;
	first = 1 + below(books, slot->npages - 1);
	KUNIT_EXPECT_EQ(test, span_split(slot->addr, first), 0);
	*other = *slot;
	other->addr = page_at(slot->addr, first);
	other->npages -= first;
	other->tag += first;
	slot->npages = first;
	books->spans++;
	books->splits++;
}

static void do_scavenge(struct books *books)
{
	unsigned long npages = below(books, 4) ? below(books, 1000) : ULONG_MAX;

	books->forced += span_heap_scavenge(books->heap, npages);
}

static void do_limit(struct kunit *test, struct books *books)
{
	books->limit = below(books, 3) ? total_in_use(books) + below(books, 3000) : 0;
	KUNIT_EXPECT_EQ(test, span_heap_set_limit(books->heap, books->limit), 0);
}

static void do_something(struct kunit *test, struct books *books)
{
	struct slot *slot = &books->slot[below(books, SLOTS)];
	unsigned int what = below(books, 100);

	if (what < 2)
		do_scavenge(books);
	else if (what < 3)
		do_limit(test, books);
	else if (!slot->addr)
		do_alloc(test, books, slot);
	else if (what < 20)
		do_split(test, books, slot);
	else
		do_free(books, slot);
}

/* === Comparison ========================================================= */

static void expect_levels(struct kunit *test, struct books *books,
			  const struct span_heap_stats *stats)
{
	KUNIT_EXPECT_EQ(test, stats->in_use_pages, total_in_use(books));
	KUNIT_EXPECT_EQ(test, stats->in_use_heap_pages, books->in_use[SPAN_KIND_HEAP]);
	KUNIT_EXPECT_EQ(test, stats->in_use_stack_pages, books->in_use[SPAN_KIND_STACK]);
	KUNIT_EXPECT_EQ(test, stats->in_use_bits_pages, books->in_use[SPAN_KIND_BITS]);
	KUNIT_EXPECT_EQ(test, stats->in_use_work_pages, books->in_use[SPAN_KIND_WORK]);
	KUNIT_EXPECT_EQ(test, stats->grown_pages,
			stats->in_use_pages + stats->idle_pages + stats->released_pages);
	KUNIT_EXPECT_EQ(test, stats->span_count, books->spans);
	KUNIT_EXPECT_EQ(test, stats->limit_pages, books->limit);
	KUNIT_EXPECT_EQ(test, stats->reserve_target_pages, 0ULL);
	if (books->limit)
		KUNIT_EXPECT_LE(test, stats->in_use_pages + stats->idle_pages,
				max(books->limit, total_in_use(books)));
}

static void expect_counts(struct kunit *test, struct books *books,
			  const struct span_heap_stats *stats)
{
	KUNIT_EXPECT_EQ(test, stats->alloc_count, books->allocs);
	KUNIT_EXPECT_EQ(test, stats->free_count, books->frees);
	KUNIT_EXPECT_EQ(test, stats->split_count, books->splits);
	KUNIT_EXPECT_EQ(test, stats->fail_limit_count, books->limit_failures);
	KUNIT_EXPECT_EQ(test, stats->fail_invalid_count + stats->fail_space_count +
			stats->fail_backing_count + stats->fail_metadata_count +
			stats->bad_free_count, 0ULL);
	KUNIT_EXPECT_EQ(test, stats->released_forced_pages, books->forced);
	KUNIT_EXPECT_EQ(test, stats->released_age_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats->released_pressure_pages, 0ULL);
	KUNIT_EXPECT_EQ(test, stats->zeroed_pages + stats->zero_skipped_pages, books->to_clear);
	KUNIT_EXPECT_EQ(test, stats->peak_backed_pages, books->peak);
	KUNIT_EXPECT_LE(test, stats->rebacked_pages, stats->backed_pages);
	KUNIT_EXPECT_LE(test, stats->lock_contend_count, stats->lock_acquire_count);
}

struct variant {
	const char *name;
	struct span_heap *(*make)(struct kunit *test, unsigned long limit_pages,
				  unsigned int age_ms);
};

static const struct variant variants[] = {
	{ "without caches", test_heap_make },
	{ "with caches", test_heap_make_cached },
};

PARAM_NAME(variant)
KUNIT_ARRAY_PARAM(variant, variants, variant_name);

static void random_operations_are_counted(struct kunit *test)
{
	struct books *books = kunit_kzalloc(test, sizeof(*books), GFP_KERNEL);
	const struct variant *variant = test->param_value;
	u32 start = seed ? seed : get_random_u32();
	struct span_heap_stats stats;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, books);
	kunit_info(test, "seed=%u", start);
	prandom_seed_state(&books->random, start);
	books->heap = variant->make(test, 0, 0);
	for (i = 0; i < ROUNDS; i++) {
		do_something(test, books);
		span_heap_stats(books->heap, &stats);
		books->peak = max(books->peak, stats.in_use_pages + stats.idle_pages);
		expect_levels(test, books, &stats);
		if (i % 500 == 0)
			test_heap_check(test, books->heap);
	}
	for (i = 0; i < SLOTS; i++)
		if (books->slot[i].addr)
			do_free(books, &books->slot[i]);
	span_heap_stats(books->heap, &stats);
	expect_levels(test, books, &stats);
	expect_counts(test, books, &stats);
	KUNIT_EXPECT_EQ(test, books->corrupt, 0UL);
	KUNIT_EXPECT_GT(test, books->limit_failures, 0ULL);
	KUNIT_EXPECT_GT(test, books->splits, 100ULL);
}

/* === Single counters ==================================================== */

static u64 rebacked_pages(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.rebacked_pages;
}

/* A page counts if it, or a higher one of its chunk, has had memory before. */
static void pages_backed_again_are_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *low = must_alloc(test, heap, 100);
	void *high, *addr, *gap;

	span_free(must_alloc(test, heap, 200));
	KUNIT_EXPECT_EQ(test, rebacked_pages(heap), 0ULL);
	KUNIT_ASSERT_EQ(test, span_heap_scavenge(heap, ULONG_MAX), 200UL);

	/* 200 pages were released and are backed again; 30 are backed for the first time. */
	addr = must_alloc(test, heap, 230);
	KUNIT_EXPECT_EQ(test, rebacked_pages(heap), 200ULL);
	span_free(addr);
	KUNIT_EXPECT_EQ(test, rebacked_pages(heap), 200ULL);

	/* The aligned allocation skips 54 pages. */
	addr = must_alloc(test, heap, 230);
	high = span_alloc_aligned(heap, 64, 128, GFP_KERNEL);
	KUNIT_ASSERT_PTR_EQ(test, high, page_at(low, 384));
	KUNIT_EXPECT_EQ(test, rebacked_pages(heap), 200ULL);
	gap = must_alloc(test, heap, 54);
	KUNIT_EXPECT_PTR_EQ(test, gap, page_at(low, 330));
	KUNIT_EXPECT_EQ(test, rebacked_pages(heap), 254ULL);
	span_free(low);
	span_free(addr);
	span_free(high);
	span_free(gap);
}

static void the_peak_stays(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats stats;
	void *addr = must_alloc(test, heap, 100);

	span_free(must_alloc(test, heap, 200));
	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.peak_backed_pages, 300ULL);
	span_free(must_alloc(test, heap, 150));
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.peak_backed_pages, 300ULL);
	KUNIT_ASSERT_EQ(test, span_heap_reserve(heap, 250), 0);
	span_heap_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.peak_backed_pages, 350ULL);
	span_free(addr);
}

/*
 * A read of the statistics takes the lock, and changes no other counter. The scavenger may also
 * run.
 */
static void acquisitions_of_the_lock_are_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats first, second;

	span_heap_stats(heap, &first);
	span_heap_stats(heap, &second);
	KUNIT_EXPECT_GE(test, second.lock_acquire_count, first.lock_acquire_count + 1);
	second.lock_acquire_count = first.lock_acquire_count;
	second.lock_contend_count = first.lock_contend_count;
	second.scavenge_ns = first.scavenge_ns;
	KUNIT_EXPECT_EQ(test, memcmp(&first, &second, sizeof(first)), 0);
}

static int waiter_thread(void *data)
{
	struct span_heap_stats stats;

	span_heap_stats(data, &stats);
	return 0;
}

/* Another task tries to take the lock while this task holds it. */
static void waiting_for_the_lock_is_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned int here, cpu, i;
	struct task_struct *task;
	unsigned long flags;

	here = raw_smp_processor_id();
	cpu = cpumask_any_but(cpu_online_mask, here);
	if (cpu >= nr_cpu_ids) {
		kunit_skip(test, "needs two CPUs");
		return;
	}
	for (i = 0; i < 1000 && !READ_ONCE(heap->count.lock_contend_count); i++) {
		task = kthread_create(waiter_thread, heap, "kunit_waiter");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
		get_task_struct(task);
		flags = heap_lock(heap);
		wake_up_process(task);
		mdelay(1);
		heap_unlock(heap, flags);
		kthread_stop(task);
		put_task_struct(task);
	}
	KUNIT_EXPECT_GT(test, heap->count.lock_contend_count, 0ULL);
}

static u64 longest_hold(struct span_heap *heap)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	return stats.lock_hold_max_ns;
}

static u64 test_ns;

static u64 test_ns_clock(void)
{
	return READ_ONCE(test_ns);
}

static void hold(struct span_heap *heap, u64 ns)
{
	unsigned long flags = heap_lock(heap);

	WRITE_ONCE(test_ns, test_ns + ns);
	heap_unlock(heap, flags);
}

static void holds_of_the_lock_are_timed(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	u64 longest;

	WRITE_ONCE(locktime_clock, test_ns_clock);
	locktime_switch(false);
	longest = longest_hold(heap);
	hold(heap, 2000);
	KUNIT_EXPECT_EQ(test, longest_hold(heap), longest);

	locktime_switch(true);
	hold(heap, 700);
	hold(heap, 20000);
	hold(heap, 1000);
	KUNIT_EXPECT_EQ(test, longest_hold(heap), 20000ULL);

	/* The longest hold stays when timing ends, and is reset when timing begins again. */
	locktime_switch(false);
	hold(heap, 30000);
	KUNIT_EXPECT_EQ(test, longest_hold(heap), 20000ULL);
	locktime_switch(true);
	hold(heap, 10);
	KUNIT_EXPECT_EQ(test, longest_hold(heap), 10ULL);
	/* A hold in which the clock steps back does not count. */
	hold(heap, -5);
	KUNIT_EXPECT_EQ(test, longest_hold(heap), 10ULL);
	locktime_switch(false);
	WRITE_ONCE(locktime_clock, NULL);
}

/* Descriptors of cached spans count as metadata, too: each counts as an object of its slab. */
static void descriptors_are_counted(struct kunit *test)
{
	struct span_heap *heap = test_heap_make_cached(test, 0, 0);
	struct span_heap_stats before, after;
	void *addr[40];
	unsigned int i;

	KUNIT_EXPECT_GE(test, span_bytes(), sizeof(struct span));
	span_free(must_alloc(test, heap, 3000));
	span_heap_stats(heap, &before);
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		addr[i] = must_alloc(test, heap, 40);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.metadata_bytes,
			before.metadata_bytes + ARRAY_SIZE(addr) * span_bytes());
	for (i = 0; i < ARRAY_SIZE(addr); i++)
		span_free(addr[i]);
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.cached_pages, 40ULL * ARRAY_SIZE(addr));
	KUNIT_EXPECT_EQ(test, after.metadata_bytes,
			before.metadata_bytes + ARRAY_SIZE(addr) * span_bytes());
}

/* Holds of the lock by the allocator itself are timed, not only holds by a test. */
static void holds_of_allocations_are_timed(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);

	locktime_switch(true);
	span_free(must_alloc(test, heap, 600));
	locktime_switch(false);
	KUNIT_EXPECT_GT(test, longest_hold(heap), 0ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(random_operations_are_counted, variant_gen_params),
	KUNIT_CASE(pages_backed_again_are_counted),
	KUNIT_CASE(the_peak_stays),
	KUNIT_CASE(acquisitions_of_the_lock_are_counted),
	KUNIT_CASE(waiting_for_the_lock_is_counted),
	KUNIT_CASE(holds_of_the_lock_are_timed),
	KUNIT_CASE(holds_of_allocations_are_timed),
	KUNIT_CASE(descriptors_are_counted),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_stats",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
