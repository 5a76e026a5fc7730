// SPDX-License-Identifier: GPL-2.0-only
/*
 * Atomic context: allocating, looking up and freeing where a caller may not sleep.
 */
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/spinlock.h>

#include "heap/span_map.h"
#include "index/pageindex.h"

#include "common.h"

#define CHUNK	PAGEINDEX_CHUNK_PAGES

/* === Contexts =========================================================== */

/**
 * struct job - a function to be called in another context
 * @fn: the function
 * @heap: the heap that @fn uses
 * @addr: the span that @fn allocates or uses
 * @npages: length of the span
 * @gfp: flags of the allocation
 * @ok: whether @fn succeeded
 * @context_ok: whether the context was the intended one
 * @tasklet: calls @fn in a softirq
 * @irq: calls @fn in a hardirq
 * @done: completed after the call
 */
struct job {
	void (*fn)(struct job *job);
	struct span_heap *heap;
	void *addr;
	unsigned long npages;
	gfp_t gfp;
	bool ok;
	bool context_ok;
	struct tasklet_struct tasklet;
	struct irq_work irq;
	struct completion done;
};

static void run_in_task(struct job *job)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;

	spin_lock_irqsave(&lock, flags);
	job->context_ok = irqs_disabled() && in_task();
	job->fn(job);
	spin_unlock_irqrestore(&lock, flags);
}

static void tasklet_fn(struct tasklet_struct *tasklet)
{
	struct job *job = container_of(tasklet, struct job, tasklet);

	job->context_ok = in_serving_softirq() && !in_hardirq();
	job->fn(job);
	complete(&job->done);
}

static void run_in_softirq(struct job *job)
{
	init_completion(&job->done);
	tasklet_setup(&job->tasklet, tasklet_fn);
	tasklet_schedule(&job->tasklet);
	wait_for_completion(&job->done);
	tasklet_kill(&job->tasklet);
}

static void irq_fn(struct irq_work *irq)
{
	struct job *job = container_of(irq, struct job, irq);

	job->context_ok = in_hardirq();
	job->fn(job);
	complete(&job->done);
}

static void run_in_hardirq(struct job *job)
{
	init_completion(&job->done);
	job->irq = IRQ_WORK_INIT_HARD(irq_fn);
	irq_work_queue(&job->irq);
	wait_for_completion(&job->done);
	irq_work_sync(&job->irq);
}

struct context {
	const char *name;
	void (*run)(struct job *job);
};

static const struct context contexts[] = {
	{ "spinlock held, interrupts off", run_in_task },
	{ "softirq", run_in_softirq },
	{ "hardirq", run_in_hardirq },
};

PARAM_NAME(context)
KUNIT_ARRAY_PARAM(context, contexts, context_name);

/* === Jobs =============================================================== */

static void do_alloc(struct job *job)
{
	job->addr = span_alloc(job->heap, job->npages, job->gfp);
	job->ok = job->addr;
}

static void do_free(struct job *job)
{
	span_free(job->addr);
	job->ok = true;
}

static void do_lookup(struct job *job)
{
	struct span_info info;

	job->ok = span_lookup(page_at(job->addr, job->npages) - 1, &info) &&
		  info.base == job->addr && info.npages == job->npages &&
		  info.heap == job->heap && info.owner == job;
}

static void do_set_owner(struct job *job)
{
	job->ok = !span_set_owner(job->addr, job);
}

static void do_split(struct job *job)
{
	job->ok = !span_split(job->addr, 1);
}

static void do_stats(struct job *job)
{
	struct span_heap_stats stats;

	span_heap_stats(job->heap, &stats);
	job->ok = stats.span_count == 1;
}

/* Call @fn in the context of the test's parameter. Returns whether @fn succeeded. */
static bool run(struct kunit *test, struct job *job, void (*fn)(struct job *job))
{
	const struct context *context = test->param_value;

	job->fn = fn;
	job->ok = false;
	context->run(job);
	KUNIT_EXPECT_TRUE(test, job->context_ok);
	return job->ok;
}

static struct job *new_job(struct kunit *test, unsigned long npages, gfp_t gfp)
{
	struct job *job = kunit_kzalloc(test, sizeof(*job), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, job);
	job->heap = test_heap(test);
	job->npages = npages;
	job->gfp = gfp;
	return job;
}

/* === Tests ============================================================== */

static void idle_pages_are_served(struct kunit *test)
{
	struct job *job = new_job(test, 600, GFP_ATOMIC);
	struct span_heap_stats before;

	span_free(must_alloc(test, job->heap, 600));
	span_heap_stats(job->heap, &before);
	KUNIT_ASSERT_TRUE(test, run(test, job, do_alloc));
	EXPECT_CHANGES(test, job->heap, &before, CHANGE(in_use_pages, 600),
		       CHANGE(in_use_heap_pages, 600), CHANGE(idle_pages, -600),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1));
	tag_pages(job->addr, 600, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(job->addr, 600, 1), 0UL);
	KUNIT_EXPECT_TRUE(test, run(test, job, do_free));
	KUNIT_EXPECT_FALSE(test, found_at(job->addr));
}

/* The lowest free pages are released: idle pages above them are preferred. */
static void idle_pages_are_preferred(struct kunit *test)
{
	struct job *job = new_job(test, 100, GFP_ATOMIC);
	struct span_heap_stats before;
	void *low, *keep, *high;

	low = must_alloc(test, job->heap, 100);
	keep = must_alloc(test, job->heap, 1);
	high = must_alloc(test, job->heap, 100);
	span_free(low);
	span_heap_scavenge(job->heap, ULONG_MAX);
	span_free(high);
	span_heap_stats(job->heap, &before);
	KUNIT_ASSERT_TRUE(test, run(test, job, do_alloc));
	KUNIT_EXPECT_PTR_EQ(test, job->addr, high);
	KUNIT_EXPECT_EQ(test, job->heap->count.backed_pages, before.backed_pages);
	KUNIT_EXPECT_TRUE(test, run(test, job, do_free));
	span_free(keep);
}

/* More released pages than one batch are backed in atomic context. */
static void released_pages_are_backed(struct kunit *test)
{
	struct job *job = new_job(test, 300, GFP_ATOMIC | __GFP_ZERO);
	struct span_heap_stats before;

	test_heap_grow(test, job->heap, CHUNK);
	span_heap_stats(job->heap, &before);
	KUNIT_ASSERT_TRUE(test, run(test, job, do_alloc));
	EXPECT_CHANGES(test, job->heap, &before, CHANGE(in_use_pages, 300),
		       CHANGE(in_use_heap_pages, 300), CHANGE(released_pages, -300),
		       CHANGE(span_count, 1), CHANGE(alloc_count, 1), CHANGE(backed_pages, 300),
		       CHANGE(zeroed_pages, 300));
	KUNIT_EXPECT_NULL(test, memchr_inv(job->addr, 0, 300 << PAGE_SHIFT));
	KUNIT_EXPECT_TRUE(test, run(test, job, do_free));
}

/* A run of idle and released pages, of which only the released ones are backed. */
static void mixed_pages_are_backed(struct kunit *test)
{
	struct job *job = new_job(test, 300, GFP_NOWAIT | __GFP_NOWARN);

	span_free(must_alloc(test, job->heap, 300));
	KUNIT_ASSERT_EQ(test, span_heap_scavenge(job->heap, 120), 120UL);
	KUNIT_ASSERT_TRUE(test, run(test, job, do_alloc));
	tag_pages(job->addr, 300, 1);
	KUNIT_EXPECT_EQ(test, mistagged_pages(job->addr, 300, 1), 0UL);
	KUNIT_EXPECT_TRUE(test, run(test, job, do_free));
}

static void atomic_callers_grow_no_heap(struct kunit *test)
{
	struct job *job = new_job(test, 1, GFP_ATOMIC);
	struct span_heap_stats before;

	span_heap_stats(job->heap, &before);
	KUNIT_EXPECT_FALSE(test, run(test, job, do_alloc));
	EXPECT_CHANGES(test, job->heap, &before, CHANGE(fail_space_count, 1));
	/* The heap has grown, but by less than the request needs. */
	test_heap_grow(test, job->heap, CHUNK);
	span_heap_stats(job->heap, &before);
	job->npages = CHUNK + 1;
	KUNIT_EXPECT_FALSE(test, run(test, job, do_alloc));
	job->gfp = GFP_NOWAIT;
	KUNIT_EXPECT_FALSE(test, run(test, job, do_alloc));
	EXPECT_CHANGES(test, job->heap, &before, CHANGE(fail_space_count, 2));
}

static void other_calls_work(struct kunit *test)
{
	struct job *job = new_job(test, 10, GFP_KERNEL);

	job->addr = must_alloc(test, job->heap, 10);
	KUNIT_EXPECT_TRUE(test, run(test, job, do_set_owner));
	KUNIT_EXPECT_TRUE(test, run(test, job, do_lookup));
	KUNIT_EXPECT_TRUE(test, run(test, job, do_stats));
	KUNIT_EXPECT_TRUE(test, run(test, job, do_split));
	KUNIT_EXPECT_FALSE(test, run(test, job, do_lookup));
	span_free(page_at(job->addr, 1));
	KUNIT_EXPECT_TRUE(test, run(test, job, do_free));
	/* A double free is refused in this context, too. */
	run(test, job, do_free);
	KUNIT_EXPECT_EQ(test, job->heap->count.bad_free_count, 1ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(idle_pages_are_served, context_gen_params),
	KUNIT_CASE_PARAM(idle_pages_are_preferred, context_gen_params),
	KUNIT_CASE_PARAM(released_pages_are_backed, context_gen_params),
	KUNIT_CASE_PARAM(mixed_pages_are_backed, context_gen_params),
	KUNIT_CASE_PARAM(atomic_callers_grow_no_heap, context_gen_params),
	KUNIT_CASE_PARAM(other_calls_work, context_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "spanalloc_atomic",
	.init = test_heaps_init,
	.exit = test_heaps_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
