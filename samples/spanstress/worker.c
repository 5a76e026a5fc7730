// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "call.h"
#include "span.h"
#include "stress.h"
#include "worker.h"

#define MAX_ALIGN_SHIFT	9	/* alignments of up to 512 pages */

static const struct stress_mode {
	enum stress_context context;
	gfp_t gfp;
} modes[] = {
	{ IN_THREAD,	GFP_KERNEL },
	{ IN_THREAD,	GFP_KERNEL | __GFP_ZERO },
	{ IN_THREAD,	GFP_NOWAIT | __GFP_NOWARN },
	{ IRQS_OFF,	GFP_ATOMIC | __GFP_NOWARN },
	{ IN_IRQ,	GFP_ATOMIC | __GFP_NOWARN },
	{ IN_IRQ,	GFP_ATOMIC | __GFP_NOWARN | __GFP_ZERO },
};

static struct stress_worker *workers;
static atomic_t steps_done;
static atomic_t workers_busy;
static bool stopping;
static DECLARE_COMPLETION(all_idle);

/* log2(n) with 16 bits of fraction, linear between powers of two. */
static u32 log2_fixed(u32 n)
{
	u32 whole = ilog2(n);
	u64 fraction = ((u64)n << 16 >> whole) - BIT(16);

	return (whole << 16) + fraction;
}

static unsigned long random_length(struct stress_worker *w)
{
	u32 log = stress_below(w, log2_fixed(spanstress.max_pages + 1));

	return (u64)(BIT(16) + (log & (BIT(16) - 1))) << (log >> 16) >> 16;
}

static void hand_over(struct stress_worker *w, struct stress_span *s)
{
	/* Any worker but this one. */
	unsigned int to = (w->id + 1 + stress_below(w, spanstress.threads - 1)) %
			  spanstress.threads;

	w->counts.handed++;
	llist_add(&s->inbox, &workers[to].inbox);
}

static void empty_inbox(struct stress_worker *w)
{
	struct stress_span *s, *next;

	llist_for_each_entry_safe(s, next, llist_del_all(&w->inbox), inbox)
		stress_span_retire(w, s);
}

static void empty_slots(struct stress_worker *w)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		if (w->live[i])
			stress_span_retire(w, w->live[i]);
		w->live[i] = NULL;
	}
}

/* Claim pages for a span under live_mb. While there are too few, free this worker's spans. */
static void claim_live(struct stress_worker *w, unsigned long npages)
{
	while (atomic_long_add_return(npages, &spanstress.live_pages) >
	       MIB_TO_PAGES(spanstress.live_mb)) {
		atomic_long_sub(npages, &spanstress.live_pages);
		empty_slots(w);
		empty_inbox(w);
		schedule_timeout_uninterruptible(1);
	}
}

static struct stress_span *new_span(struct stress_worker *w)
{
	const struct stress_mode *mode = &modes[stress_below(w, ARRAY_SIZE(modes))];
	struct stress_call call = { .npages = random_length(w), .gfp = mode->gfp };
	struct stress_span *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s) {
		complain("no memory for a record of %zu bytes", sizeof(*s));
		return NULL;
	}

	switch (stress_below(w, 8)) {
	case 0:
		call.align_pages = BIT(stress_below(w, MAX_ALIGN_SHIFT + 1));
		break;
	case 1:
		call.kind = stress_below(w, SPAN_NR_KINDS);
		break;
	}

	claim_live(w, call.npages);
	stress_call_make(w, mode->context, &call);
	if (!call.base && !gfpflags_allow_blocking(call.gfp)) {
		/* Atomic allocations may fail. Retry in a context that may sleep. */
		w->counts.nulls++;
		call.gfp = GFP_KERNEL | (call.gfp & __GFP_ZERO);
		stress_call_make(w, IN_THREAD, &call);
	}
	if (!call.base) {
		w->counts.nulls++;
		if (!spanstress.limit_mb)
			complain("no span of %lu pages, gfp %#x", call.npages,
				 (__force unsigned int)call.gfp);
		atomic_long_sub(call.npages, &spanstress.live_pages);
		kfree(s);
		return NULL;
	}
	w->counts.allocs++;
	w->counts.zeroed += !!(call.gfp & __GFP_ZERO);

	s->base = call.base;
	s->npages = call.npages;
	s->tag = (u64)w->id << 32 | w->serial++;
	stress_span_check_new(s, &call);
	stress_span_write_marks(s);
	if (stress_below(w, 2))
		stress_span_set_owner(s, s);
	stress_span_check_lookup(w, s);
	return s;
}

static void report_progress(unsigned int done)
{
	struct span_heap_stats stats;

	span_heap_stats(spanstress.heap, &stats);
	pr_info("%u of %u spans; pages in use %llu, idle %llu, released %llu\n", done,
		spanstress.ops, stats.in_use_pages, stats.idle_pages, stats.released_pages);
}

static void worker_step(struct stress_worker *w)
{
	struct stress_span **slot = &w->live[stress_below(w, SLOTS)];
	unsigned int done;

	if (*slot && spanstress.threads > 1 && !stress_below(w, 4))
		hand_over(w, *slot);
	else if (*slot)
		stress_span_retire(w, *slot);
	/* The slot must be empty here, since new_span() may retire the spans in all slots. */
	*slot = NULL;
	*slot = new_span(w);
	empty_inbox(w);

	/* Few idle pages reach the age under load. Release some of them on demand. */
	if (!stress_below(w, 256))
		span_heap_scavenge(spanstress.heap, 1 + stress_below(w, 1024));

	done = atomic_inc_return(&steps_done);
	if (done % max(spanstress.ops / 10, 1U) == 0)
		report_progress(done);
}

static int stress_thread(void *arg)
{
	struct stress_worker *w = arg;
	unsigned int i;

	for (i = 0; i < w->quota && !READ_ONCE(stopping); i++) {
		worker_step(w);
		cond_resched();
	}
	empty_slots(w);

	if (atomic_dec_and_test(&workers_busy))
		complete(&all_idle);

	/* Other workers may still post spans here, and wait until their pages are freed. */
	while (!kthread_should_stop()) {
		empty_inbox(w);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

/**
 * stress_workers_create() - create the threads, which wait for stress_workers_run()
 * @seed: seed of all random choices
 *
 * Context: Process context. May sleep.
 *
 * Return: 0 or a negative error code
 */
int __init stress_workers_create(unsigned long seed)
{
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed);

	workers = kvcalloc(spanstress.threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;

	for (i = 0; i < spanstress.threads; i++) {
		struct stress_worker *w = &workers[i];

		w->id = i;
		w->quota = spanstress.ops / spanstress.threads +
			   (i < spanstress.ops % spanstress.threads);
		prandom_seed_state(&w->rnd, (u64)prandom_u32_state(&rnd) << 32 |
						    prandom_u32_state(&rnd));
		init_llist_head(&w->inbox);
		spin_lock_init(&w->lock);
		init_irq_work(&w->irq_work, stress_call_irq_work);

		w->task = kthread_create(stress_thread, w, "spanstress/%u", i);
		if (IS_ERR(w->task)) {
			int err = PTR_ERR(w->task);

			while (i--)
				kthread_stop(workers[i].task);
			kvfree(workers);
			return err;
		}
		kthread_bind(w->task, cpu);
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	return 0;
}

/**
 * stress_workers_run() - run the threads until all have allocated their spans
 * @sum: the counts of all threads are added here
 *
 * Context: Process context. Sleeps until the test is over or a signal comes.
 */
void __init stress_workers_run(struct stress_counts *sum)
{
	unsigned int i, c;

	atomic_set(&workers_busy, spanstress.threads);
	for (i = 0; i < spanstress.threads; i++)
		wake_up_process(workers[i].task);

	/*
	 * No worker is stopped before all are idle: a worker that allocates may wait
	 * for spans in the inbox of another worker to be freed.
	 */
	if (wait_for_completion_interruptible(&all_idle)) {
		complain("interrupted after %d spans", atomic_read(&steps_done));
		WRITE_ONCE(stopping, true);
		wait_for_completion(&all_idle);
	}

	for (i = 0; i < spanstress.threads; i++)
		kthread_stop(workers[i].task);

	for (i = 0; i < spanstress.threads; i++) {
		struct stress_worker *w = &workers[i];

		/* Free spans posted after the worker looked at its inbox for the last time. */
		empty_inbox(w);
		irq_work_sync(&w->irq_work);

		sum->allocs += w->counts.allocs;
		sum->frees += w->counts.frees;
		sum->splits += w->counts.splits;
		sum->nulls += w->counts.nulls;
		sum->handed += w->counts.handed;
		sum->zeroed += w->counts.zeroed;
		for (c = 0; c < NR_CONTEXTS; c++)
			sum->by_context[c] += w->counts.by_context[c];
	}
	kvfree(workers);
}
