// SPDX-License-Identifier: GPL-2.0-only
/*
 * Long spans: allocated and freed in pieces, while other tasks use the heap in between.
 */
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "heap/span.h"
#include "index/lookup.h"
#include "index/pageindex.h"

#include "common.h"
#include "faults.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES
#define PIECE	PAGEINDEX_PIECE_PAGES
#define SLEEP	(GFP_KERNEL | __GFP_NOWARN)

static void long_spans_are_allocated_and_freed(struct kunit *test)
{
	const unsigned long npages[] = { PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 5 * PIECE + 77 };
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(npages); i++) {
		void *addr = must_alloc(test, heap, npages[i]);

		tag_pages(addr, npages[i], i);
		KUNIT_EXPECT_EQ(test, mistagged_pages(addr, npages[i], i), 0UL);
		KUNIT_EXPECT_TRUE(test, found_at(page_at(addr, npages[i]) - 1));
		KUNIT_EXPECT_FALSE(test, found_at(page_at(addr, npages[i])));
		span_heap_stats(heap, &before);
		span_free(addr);
		EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, -(s64)npages[i]),
			       CHANGE(in_use_heap_pages, -(s64)npages[i]),
			       CHANGE(idle_pages, npages[i]), CHANGE(span_count, -1),
			       CHANGE(free_count, 1));
		test_heap_check(test, heap);
	}
}

static void long_spans_work_with_interrupts_off(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	unsigned long flags;
	void *addr;

	span_free(must_alloc(test, heap, 3 * PIECE));
	local_irq_save(flags);
	addr = span_alloc(heap, 3 * PIECE, GFP_ATOMIC);
	if (addr)
		span_free(addr);
	local_irq_restore(flags);
	KUNIT_EXPECT_NOT_NULL(test, addr);
}

static void a_long_span_may_be_aligned(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	void *low = must_alloc(test, heap, 7);
	void *addr = span_alloc_aligned(heap, 2 * PIECE, 4 * CHUNK, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)addr, 4 * CHUNK_BYTES));
	span_free(low);
	span_free(addr);
}

/* === Limits ============================================================= */

/* For a limit, idle pages that the new span cannot use are released, and no more than needed. */
static void a_limit_is_kept(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 3 * PIECE, 0);
	void *low, *keep, *addr;
	struct span_heap_stats before;

	low = must_alloc(test, heap, PIECE);
	keep = must_alloc(test, heap, 10);
	span_free(low);
	span_heap_stats(heap, &before);
	addr = must_alloc(test, heap, 2 * PIECE + 100);
	EXPECT_CHANGES(test, heap, &before, CHANGE(in_use_pages, 2 * PIECE + 100),
		       CHANGE(in_use_heap_pages, 2 * PIECE + 100), CHANGE(idle_pages, -110),
		       CHANGE(released_pages, heap->index.nr_released - before.released_pages),
		       CHANGE(grown_pages, heap->index.nr_pages - before.grown_pages),
		       CHANGE(grow_count, heap->grows - before.grow_count),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1),
		       CHANGE(backed_pages, 2 * PIECE + 100), CHANGE(released_limit_pages, 110),
		       CHANGE(tlb_flush_count, 1));
	KUNIT_EXPECT_EQ(test, before.peak_backed_pages, PIECE + 10ULL);
	KUNIT_EXPECT_EQ(test, heap->count.peak_backed_pages, 3ULL * PIECE);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, PIECE + 1, SLEEP));
	span_free(addr);
	span_free(keep);
}

/* A limit is checked before the heap grows: a refused request fills no page table. */
static void a_limit_counts_before_the_heap_grows(struct kunit *test)
{
	struct span_heap *heap = test_heap_make(test, 4 * PIECE, 0);
	void *addr = must_alloc(test, heap, PIECE);
	struct span_heap_stats before;

	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 4 * PIECE, SLEEP));
	KUNIT_EXPECT_NULL(test, span_alloc(heap, 3 * PIECE + 1, SLEEP));
	EXPECT_CHANGES(test, heap, &before, CHANGE(fail_limit_count, 2));
	span_free(addr);
}

/* === Failures =========================================================== */

/*
 * Pages are allocated before address space is mapped: a failed request leaves no page
 * tables. A bulk request asks the fault injection once for up to 512 pages.
 */
static void a_failure_leaves_no_page_tables(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before;
	unsigned int nth;
	void *addr = NULL;

	faults_require(test, FAULT_FOR_GOOD);
	span_free(must_alloc(test, heap, 1));
	span_heap_stats(heap, &before);
	for (nth = 1; nth < 10000; nth++) {
		struct span_heap_stats after;

		faults_begin(FAULT_FOR_GOOD, nth);
		addr = span_alloc(heap, 3 * PIECE, SLEEP);
		faults_end();
		if (addr)
			break;
		span_heap_stats(heap, &after);
		KUNIT_EXPECT_EQ_MSG(test, after.grown_pages, before.grown_pages,
				    "failures from allocation %u on", nth);
		KUNIT_EXPECT_EQ(test, after.page_table_bytes, before.page_table_bytes);
		test_heap_check(test, heap);
	}
	span_free(addr);
	KUNIT_EXPECT_GT(test, nth, 5U);
}

/**
 * struct victim - a task that allocates while it is being killed
 * @heap: the heap it allocates from
 * @npages: length of the span
 * @gfp: flags of the allocation
 * @addr: the span, or %NULL
 * @done: the allocation has returned
 */
struct victim {
	struct span_heap *heap;
	unsigned long npages;
	gfp_t gfp;
	void *addr;
	bool done;
};

static int victim_thread(void *data)
{
	struct victim *victim = data;

	allow_signal(SIGKILL);
	send_sig(SIGKILL, current, 1);
	victim->addr = span_alloc(victim->heap, victim->npages, victim->gfp);
	flush_signals(current);
	WRITE_ONCE(victim->done, true);
	return 0;
}

static void *alloc_as_victim(struct kunit *test, struct span_heap *heap, unsigned long npages,
			     gfp_t gfp)
{
	struct victim victim = { .heap = heap, .npages = npages, .gfp = gfp };
	struct task_struct *task = kthread_create(victim_thread, &victim, "kunit_victim");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	get_task_struct(task);
	wake_up_process(task);
	while (!READ_ONCE(victim.done))
		cond_resched();
	kthread_stop(task);
	put_task_struct(task);
	return victim.addr;
}

/* A task that is killed in a long allocation does not wait for the rest of its memory. */
static void a_kill_ends_a_long_allocation(struct kunit *test)
{
	struct span_heap *heap = test_heap(test);
	struct span_heap_stats before, after;
	void *addr;

	test_heap_grow(test, heap, 4 * PIECE);
	span_heap_stats(heap, &before);
	KUNIT_EXPECT_NULL(test, alloc_as_victim(test, heap, 4 * PIECE, SLEEP));
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.fail_backing_count, 1ULL);
	KUNIT_EXPECT_EQ(test, after.released_pages, before.released_pages);
	KUNIT_EXPECT_EQ(test, after.idle_pages, 0ULL);
	/* A killed task does not make the heap grow either. */
	KUNIT_EXPECT_NULL(test, alloc_as_victim(test, heap, 9 * PIECE, SLEEP));
	span_heap_stats(heap, &after);
	KUNIT_EXPECT_EQ(test, after.grown_pages, before.grown_pages);
	/* A killed task still gets short spans, and long ones with __GFP_NOFAIL. */
	addr = alloc_as_victim(test, heap, 500, SLEEP);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	span_free(addr);
	addr = alloc_as_victim(test, heap, PIECE, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, addr);
	span_free(addr);
}

/* === Together =========================================================== */

#define WORKERS	3
#define ROUNDS	60

struct worker {
	struct task_struct *task;
	struct span_heap *heap;
	unsigned long npages;
	unsigned int rounds;
	unsigned long wrong;
	unsigned long nulls;
	bool done;
};

static int worker_thread(void *data)
{
	struct worker *worker = data;
	unsigned long n = worker->npages;
	unsigned int i;

	for (i = 0; i < worker->rounds; i++) {
		u32 *addr = span_alloc(worker->heap, n, SLEEP);

		if (!addr) {
			worker->nulls++;
			continue;
		}
		addr[0] = i;
		((u32 *)page_at(addr, n))[-1] = i;
		cond_resched();
		worker->wrong += addr[0] != i || ((u32 *)page_at(addr, n))[-1] != i;
		span_free(addr);
		cond_resched();
	}
	WRITE_ONCE(worker->done, true);
	return 0;
}

static bool all_done(const struct worker *workers)
{
	unsigned int i;

	for (i = 0; i < WORKERS; i++)
		if (!READ_ONCE(workers[i].done))
			return false;
	return true;
}

/* Two tasks allocate long spans and a third one short spans, while this task releases pages. */
static void long_and_short_spans_coexist(struct kunit *test)
{
	struct worker *workers = kunit_kcalloc(test, WORKERS, sizeof(*workers), GFP_KERNEL);
	struct span_heap *heap = test_heap_make(test, 16 * PIECE, 0);
	static const unsigned long npages[] = { 5 * PIECE + 3, 3 * PIECE, 3 };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, workers);
	for (i = 0; i < WORKERS; i++) {
		workers[i].heap = heap;
		workers[i].npages = npages[i];
		workers[i].rounds = npages[i] > PIECE ? ROUNDS : 100 * ROUNDS;
		workers[i].task = kthread_create(worker_thread, &workers[i], "kunit_long");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, workers[i].task);
		get_task_struct(workers[i].task);
	}
	for (i = 0; i < WORKERS; i++)
		wake_up_process(workers[i].task);
	while (!all_done(workers)) {
		span_heap_scavenge(heap, PIECE / 2);
		schedule_timeout_uninterruptible(1);
	}
	for (i = 0; i < WORKERS; i++) {
		kthread_stop(workers[i].task);
		put_task_struct(workers[i].task);
		KUNIT_EXPECT_EQ(test, workers[i].wrong, 0UL);
		/* The limit has room for all three spans once idle pages are released. */
		KUNIT_EXPECT_EQ(test, workers[i].nulls, 0UL);
	}
	KUNIT_EXPECT_EQ(test, heap->index.fence_end, 0UL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(long_spans_are_allocated_and_freed),
	KUNIT_CASE(long_spans_work_with_interrupts_off),
	KUNIT_CASE(a_long_span_may_be_aligned),
	KUNIT_CASE(a_limit_is_kept),
	KUNIT_CASE(a_limit_counts_before_the_heap_grows),
	KUNIT_CASE(a_failure_leaves_no_page_tables),
	KUNIT_CASE(a_kill_ends_a_long_allocation),
	KUNIT_CASE(long_and_short_spans_coexist),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_long",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
