// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanstress: allocates, writes, looks up and frees spans from many threads
 * at once while the heap's scavenger takes idle pages away, and verifies all
 * that can be verified from outside.
 *
 * Everything happens while the module is loaded. insmod returns when it is
 * over: with success, and the module stays loaded, if nothing was wrong;
 * otherwise it fails with EIO and the log says what was seen. ^C ends it
 * early, after everything has been freed.
 *
 * With account_pages it does something else, which is in account.c; with steady_seconds,
 * what is in steady.c.
 *
 * Each thread is bound to a CPU, until that goes offline, and has SLOTS places
 * for live spans. A step picks a place at random, retires the span in it and
 * puts a new one there. To retire is to check the span, perhaps to split it,
 * and to free it, or to post it to the inbox of another thread, which checks
 * and frees it on another CPU. Allocation and freeing go through one of three
 * contexts: the thread itself, a section with interrupts off, an interrupt.
 *
 * Every page carries its own address and the span's tag (thread and serial
 * number) in its first and last words. So a page that two spans share, that is
 * mapped twice or that was swapped for another under its owner shows itself.
 *
 * Nothing but inboxes, live_pages and the counters at the top is shared
 * between threads.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#include "../common/complain.h"
#include "spanstress.h"

#define SLOTS		64	/* live spans per thread */
#define MAX_ALIGN_SHIFT	9	/* alignments of up to 512 pages */
#define MAX_THREADS	256
#define MIB_TO_PAGES(mb)	((mb) << (20 - PAGE_SHIFT))

static unsigned int threads = 4;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "Threads (default 4)");

static unsigned int ops = 100000;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "Spans to allocate in all (default 100000)");

static unsigned int max_pages = 512;
module_param(max_pages, uint, 0444);
MODULE_PARM_DESC(max_pages, "Longest span in pages; lengths are log-uniform from 1 (default 512)");

static unsigned int age_ms = 10;
module_param(age_ms, uint, 0444);
MODULE_PARM_DESC(age_ms, "The heap's scavenging age in ms (default 10; 0: as spanalloc is set)");

static unsigned long live_mb = 256;
module_param(live_mb, ulong, 0444);
MODULE_PARM_DESC(live_mb, "At most so many MiB are in live spans (default 256)");

static unsigned long limit_mb;
module_param(limit_mb, ulong, 0444);
MODULE_PARM_DESC(limit_mb, "Hard limit of the heap in MiB; allocations may then fail (0, the default: none)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random choices (0, the default: a new one, which is printed)");

enum stress_context {
	IN_THREAD,
	IRQS_OFF,
	IN_IRQ,
	NR_CONTEXTS
};

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

/**
 * struct stress_call - one call of the allocator, to be made in any context
 * @base: span to free, or %NULL to allocate one; then the result
 * @npages: length of the span to allocate
 * @align_pages: its alignment, or 0
 * @kind: its kind
 * @gfp: how it may be allocated
 */
struct stress_call {
	void *base;
	unsigned long npages;
	unsigned long align_pages;
	enum span_kind kind;
	gfp_t gfp;
};

/**
 * struct stress_span - a live span
 * @inbox: entry in the inbox of the thread that is to free it
 * @base: first byte
 * @npages: length
 * @tag: what its pages carry
 * @owner: what it was given as its owner, %NULL if nothing
 */
struct stress_span {
	struct llist_node inbox;
	char *base;
	unsigned long npages;
	u64 tag;
	void *owner;
};

/* At the start of every page; at the end of it the same, complemented. */
struct stress_mark {
	u64 addr;
	u64 tag;
};

struct stress_counts {
	u64 allocs;
	u64 frees;
	u64 splits;
	u64 nulls;
	u64 handed;
	u64 zeroed;
	u64 by_context[NR_CONTEXTS];
};

/**
 * struct stress_worker - a thread and what is its own
 * @task: the thread
 * @id: its number
 * @serial: number of its next span
 * @quota: how many spans it is to allocate
 * @rnd: source of its choices
 * @live: its live spans
 * @inbox: spans of other workers that this worker is to free
 * @lock: stands for the lock that a caller with interrupts off would hold
 * @irq_work: makes calls in an interrupt
 * @irq_call: the call to make there
 * @counts: what it has done
 */
struct stress_worker {
	struct task_struct *task;
	unsigned int id;
	u32 serial;
	unsigned int quota;
	struct rnd_state rnd;
	struct stress_span *live[SLOTS];
	struct llist_head inbox;
	spinlock_t lock; /* guards nothing, see above */
	struct irq_work irq_work;
	struct stress_call *irq_call;
	struct stress_counts counts;
};

static struct span_heap *heap;
static struct stress_worker *workers;
static atomic_long_t live_pages;
static atomic_t steps_done;
static atomic_t workers_busy;
static atomic_t complaints;
static bool stopping;
static DECLARE_COMPLETION(all_idle);

#define complain(...)	complain_to(&complaints, __VA_ARGS__)

static u32 below(struct stress_worker *w, u32 bound)
{
	return (u64)prandom_u32_state(&w->rnd) * bound >> 32;
}

/* log2(n) with 16 bits of fraction, linear between powers of two. */
static u32 log2_fixed(u32 n)
{
	u32 whole = ilog2(n);
	u64 fraction = ((u64)n << 16 >> whole) - BIT(16);

	return (whole << 16) + fraction;
}

static unsigned long random_length(struct stress_worker *w)
{
	u32 log = below(w, log2_fixed(max_pages + 1));

	return (u64)(BIT(16) + (log & (BIT(16) - 1))) << (log >> 16) >> 16;
}

static void make_call(struct stress_call *call)
{
	if (call->base)
		span_free(call->base);
	else if (call->align_pages)
		call->base = span_alloc_aligned(heap, call->npages,
						call->align_pages, call->gfp);
	else if (call->kind != SPAN_KIND_HEAP)
		call->base = span_alloc_kind(heap, call->npages, call->kind, call->gfp);
	else
		call->base = span_alloc(heap, call->npages, call->gfp);
}

static void make_call_in_irq(struct irq_work *work)
{
	struct stress_worker *w = container_of(work, struct stress_worker, irq_work);

	make_call(w->irq_call);
}

static void make_call_in(struct stress_worker *w, enum stress_context context,
			 struct stress_call *call)
{
	unsigned long flags;

	switch (context) {
	case IRQS_OFF:
		spin_lock_irqsave(&w->lock, flags);
		make_call(call);
		spin_unlock_irqrestore(&w->lock, flags);
		break;
	case IN_IRQ:
		w->irq_call = call;
		irq_work_queue(&w->irq_work);
		irq_work_sync(&w->irq_work);
		break;
	default:
		make_call(call);
	}
	w->counts.by_context[context]++;
}

static void check_found(const struct stress_span *s, const char *addr,
			const char *which)
{
	struct span_info info;

	if (!span_lookup(addr, &info)) {
		complain("%s of span %p+%lu is not found", which, s->base, s->npages);
		return;
	}
	if (info.base != s->base || info.npages != s->npages || info.heap != heap ||
	    info.obj != s->base || info.obj_size != s->npages * PAGE_SIZE ||
	    info.owner != s->owner)
		complain("%s of span %p+%lu: found %p+%lu, object %p+%zu, owner %p, not %p",
			 which, s->base, s->npages, info.base, info.npages,
			 info.obj, info.obj_size, info.owner, s->owner);
}

static void check_lookup(struct stress_worker *w, const struct stress_span *s)
{
	const unsigned long bytes = s->npages * PAGE_SIZE;
	const char *end = s->base + bytes;
	struct span_info info;

	check_found(s, s->base, "first byte");
	check_found(s, s->base + below(w, bytes), "inner byte");
	check_found(s, end - 1, "last byte");

	/* If a span has the byte at @end, the span begins there. */
	if (span_lookup(end, &info) && info.base != end)
		complain("byte after span %p+%lu: found span %p+%lu", s->base,
			 s->npages, info.base, info.npages);
}

static struct stress_mark *mark_head(const struct stress_span *s, unsigned long page)
{
	return (struct stress_mark *)(s->base + page * PAGE_SIZE);
}

static struct stress_mark *mark_tail(const struct stress_span *s, unsigned long page)
{
	return mark_head(s, page) + PAGE_SIZE / sizeof(struct stress_mark) - 1;
}

static void write_marks(const struct stress_span *s)
{
	unsigned long i;

	for (i = 0; i < s->npages; i++) {
		u64 addr = (unsigned long)mark_head(s, i);

		*mark_head(s, i) = (struct stress_mark){ addr, s->tag };
		*mark_tail(s, i) = (struct stress_mark){ ~addr, ~s->tag };
	}
}

static void check_marks(const struct stress_span *s)
{
	unsigned long i;

	for (i = 0; i < s->npages; i++) {
		const struct stress_mark *head = mark_head(s, i);
		const struct stress_mark *tail = mark_tail(s, i);
		u64 addr = (unsigned long)head;

		if (head->addr == addr && head->tag == s->tag &&
		    tail->addr == ~addr && tail->tag == ~s->tag)
			continue;
		complain("page %lu of span %p+%lu: head %llx %llx, tail %llx %llx, tag %llx",
			 i, s->base, s->npages, head->addr, head->tag,
			 ~tail->addr, ~tail->tag, s->tag);
		return;
	}
}

static void check_fresh(const struct stress_span *s, const struct stress_call *call)
{
	const void *dirt;

	if (!PAGE_ALIGNED(s->base) || !is_vmalloc_addr(s->base) ||
	    !vmalloc_to_page(s->base))
		complain("span %p+%lu is not a run of mapped pages", s->base, s->npages);
	if (call->align_pages &&
	    !IS_ALIGNED((unsigned long)s->base, call->align_pages << PAGE_SHIFT))
		complain("span %p+%lu is not aligned to %lu pages", s->base,
			 s->npages, call->align_pages);
	if (call->gfp & __GFP_ZERO) {
		dirt = memchr_inv(s->base, 0, s->npages * PAGE_SIZE);
		if (dirt)
			complain("span %p+%lu has %#x at %#lx instead of zero",
				 s->base, s->npages, *(const u8 *)dirt,
				 (unsigned long)dirt - (unsigned long)s->base);
	}
}

static void set_owner(struct stress_span *s, void *owner)
{
	int err = span_set_owner(s->base, owner);

	if (err)
		complain("owner of span %p+%lu cannot be set (%d)", s->base,
			 s->npages, err);
	else
		s->owner = owner;
}

static void free_span(struct stress_worker *w, struct stress_span *s)
{
	struct stress_call call = { .base = s->base };

	make_call_in(w, below(w, NR_CONTEXTS), &call);
	w->counts.frees++;
	atomic_long_sub(s->npages, &live_pages);
	kfree(s);
}

/* Cuts the tail off a span and retires it by itself. */
static void split_span(struct stress_worker *w, struct stress_span *s)
{
	struct stress_span *tail = kzalloc(sizeof(*tail), GFP_KERNEL);
	unsigned long keep;
	int err;

	if (!tail)
		return;

	keep = 1 + below(w, s->npages - 1);
	err = span_split(s->base, keep);
	if (err) {
		complain("span %p+%lu cannot be split at %lu (%d)", s->base,
			 s->npages, keep, err);
		kfree(tail);
		return;
	}
	w->counts.splits++;

	tail->base = s->base + keep * PAGE_SIZE;
	tail->npages = s->npages - keep;
	tail->tag = s->tag;
	s->npages = keep;
	set_owner(tail, tail);

	check_lookup(w, tail);
	check_lookup(w, s);
	check_marks(tail);
	free_span(w, tail);
}

static void retire_span(struct stress_worker *w, struct stress_span *s)
{
	check_lookup(w, s);
	check_marks(s);

	if (s->npages > 1 && !below(w, 8)) {
		split_span(w, s);
		check_marks(s);
		check_lookup(w, s);
	}
	free_span(w, s);
}

static void hand_over(struct stress_worker *w, struct stress_span *s)
{
	/* Any but itself. */
	unsigned int to = (w->id + 1 + below(w, threads - 1)) % threads;

	w->counts.handed++;
	llist_add(&s->inbox, &workers[to].inbox);
}

static void empty_inbox(struct stress_worker *w)
{
	struct stress_span *s, *next;

	llist_for_each_entry_safe(s, next, llist_del_all(&w->inbox), inbox)
		retire_span(w, s);
}

static void empty_slots(struct stress_worker *w)
{
	unsigned int i;

	for (i = 0; i < SLOTS; i++) {
		if (w->live[i])
			retire_span(w, w->live[i]);
		w->live[i] = NULL;
	}
}

/* Claims room for a span under live_mb, at the expense of the own ones. */
static void claim_live(struct stress_worker *w, unsigned long npages)
{
	while (atomic_long_add_return(npages, &live_pages) > MIB_TO_PAGES(live_mb)) {
		atomic_long_sub(npages, &live_pages);
		empty_slots(w);
		empty_inbox(w);
		schedule_timeout_uninterruptible(1);
	}
}

static struct stress_span *new_span(struct stress_worker *w)
{
	const struct stress_mode *mode = &modes[below(w, ARRAY_SIZE(modes))];
	struct stress_call call = { .npages = random_length(w), .gfp = mode->gfp };
	struct stress_span *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s) {
		complain("no memory for a record of %zu bytes", sizeof(*s));
		return NULL;
	}

	switch (below(w, 8)) {
	case 0:
		call.align_pages = BIT(below(w, MAX_ALIGN_SHIFT + 1));
		break;
	case 1:
		call.kind = below(w, SPAN_NR_KINDS);
		break;
	}

	claim_live(w, call.npages);
	make_call_in(w, mode->context, &call);
	if (!call.base && !gfpflags_allow_blocking(call.gfp)) {
		/* A legal answer. The usual reply is to try where one may sleep. */
		w->counts.nulls++;
		call.gfp = GFP_KERNEL | (call.gfp & __GFP_ZERO);
		make_call_in(w, IN_THREAD, &call);
	}
	if (!call.base) {
		w->counts.nulls++;
		if (!limit_mb)
			complain("no span of %lu pages, gfp %#x", call.npages,
				 (__force unsigned int)call.gfp);
		atomic_long_sub(call.npages, &live_pages);
		kfree(s);
		return NULL;
	}
	w->counts.allocs++;
	w->counts.zeroed += !!(call.gfp & __GFP_ZERO);

	s->base = call.base;
	s->npages = call.npages;
	s->tag = (u64)w->id << 32 | w->serial++;
	check_fresh(s, &call);
	write_marks(s);
	if (below(w, 2))
		set_owner(s, s);
	check_lookup(w, s);
	return s;
}

static void report_progress(unsigned int done)
{
	struct span_heap_stats stats;

	span_heap_stats(heap, &stats);
	pr_info("%u of %u spans; pages in use %llu, idle %llu, released %llu\n", done,
		ops, stats.in_use_pages, stats.idle_pages, stats.released_pages);
}

static void step(struct stress_worker *w)
{
	struct stress_span **slot = &w->live[below(w, SLOTS)];
	unsigned int done;

	if (*slot && threads > 1 && !below(w, 4))
		hand_over(w, *slot);
	else if (*slot)
		retire_span(w, *slot);
	/* Emptied first: new_span() may retire all the rest. */
	*slot = NULL;
	*slot = new_span(w);
	empty_inbox(w);

	/* Chunks in constant use grow old seldom: have pages leave under load too. */
	if (!below(w, 256))
		span_heap_scavenge(heap, 1 + below(w, 1024));

	done = atomic_inc_return(&steps_done);
	if (done % max(ops / 10, 1U) == 0)
		report_progress(done);
}

static int stress_thread(void *arg)
{
	struct stress_worker *w = arg;
	unsigned int i;

	for (i = 0; i < w->quota && !READ_ONCE(stopping); i++) {
		step(w);
		cond_resched();
	}
	empty_slots(w);

	if (atomic_dec_and_test(&workers_busy))
		complete(&all_idle);

	/* The others may still post spans, and wait for room under live_mb. */
	while (!kthread_should_stop()) {
		empty_inbox(w);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static int __init create_workers(void)
{
	unsigned int i, cpu = cpumask_first(cpu_online_mask);
	struct rnd_state rnd;

	prandom_seed_state(&rnd, seed);

	workers = kvcalloc(threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;

	for (i = 0; i < threads; i++) {
		struct stress_worker *w = &workers[i];

		w->id = i;
		w->quota = ops / threads + (i < ops % threads);
		prandom_seed_state(&w->rnd, (u64)prandom_u32_state(&rnd) << 32 |
						    prandom_u32_state(&rnd));
		init_llist_head(&w->inbox);
		spin_lock_init(&w->lock);
		init_irq_work(&w->irq_work, make_call_in_irq);

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

static void __init run_workers(struct stress_counts *sum)
{
	unsigned int i, c;

	atomic_set(&workers_busy, threads);
	for (i = 0; i < threads; i++)
		wake_up_process(workers[i].task);

	/*
	 * None is stopped before all are idle: while one allocates, it may
	 * need what is in the inbox of another to be freed.
	 */
	if (wait_for_completion_interruptible(&all_idle)) {
		complain("interrupted after %d spans", atomic_read(&steps_done));
		WRITE_ONCE(stopping, true);
		wait_for_completion(&all_idle);
	}

	for (i = 0; i < threads; i++)
		kthread_stop(workers[i].task);

	for (i = 0; i < threads; i++) {
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

static void __init expect(const char *what, u64 got, u64 want)
{
	if (got != want)
		complain("%s is %llu, not %llu", what, got, want);
}

static void __init check_stats(const struct stress_counts *sum)
{
	struct span_heap_stats st;

	span_heap_stats(heap, &st);
	if (!sum->allocs)
		complain("not one span could be allocated");
	expect("in_use_pages", st.in_use_pages, 0);
	expect("in_use_heap_pages", st.in_use_heap_pages, 0);
	expect("in_use_stack_pages", st.in_use_stack_pages, 0);
	expect("in_use_bits_pages", st.in_use_bits_pages, 0);
	expect("in_use_work_pages", st.in_use_work_pages, 0);
	expect("span_count", st.span_count, 0);
	expect("alloc_count", st.alloc_count, sum->allocs);
	expect("split_count", st.split_count, sum->splits);
	expect("free_count", st.free_count, sum->allocs + sum->splits);
	expect("frees made", sum->frees, sum->allocs + sum->splits);
	expect("failures by cause",
	       st.fail_limit_count + st.fail_space_count + st.fail_backing_count +
	       st.fail_metadata_count, sum->nulls);
	expect("fail_invalid_count", st.fail_invalid_count, 0);
	expect("bad_free_count", st.bad_free_count, 0);
	expect("sum of in use, idle and released pages",
	       st.in_use_pages + st.idle_pages + st.released_pages, st.grown_pages);
	expect("live pages by own count", atomic_long_read(&live_pages), 0);

	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, &st);
	expect("idle_pages after scavenging", st.idle_pages, 0);
	expect("released_pages after scavenging", st.released_pages, st.grown_pages);
}

static int __init check_params(void)
{
	if (!threads || threads > MAX_THREADS) {
		pr_err("threads=%u: must be 1 to %u\n", threads, MAX_THREADS);
		return -EINVAL;
	}
	if (!ops || ops > INT_MAX) {
		pr_err("ops=%u: must be 1 to %u\n", ops, INT_MAX);
		return -EINVAL;
	}
	/* A random offset into a span has to fit 32 bits. */
	if (!max_pages || max_pages > UINT_MAX >> PAGE_SHIFT) {
		pr_err("max_pages=%u: must be 1 to %u\n", max_pages,
		       UINT_MAX >> PAGE_SHIFT);
		return -EINVAL;
	}
	/* Less, and threads could wait for each other for ever. */
	if (live_mb > LONG_MAX >> 20 ||
	    MIB_TO_PAGES(live_mb) < (unsigned long)threads * max_pages) {
		pr_err("live_mb=%lu: must be enough for threads * max_pages\n", live_mb);
		return -EINVAL;
	}
	if (limit_mb > LONG_MAX >> 20) {
		pr_err("limit_mb=%lu: too large\n", limit_mb);
		return -EINVAL;
	}
	return 0;
}

static int __init spanstress_init(void)
{
	struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.limit_pages = MIB_TO_PAGES(limit_mb),
		.scavenge_age_ms = age_ms,
	};
	struct stress_counts sum = {};
	struct span_heap_stats st;
	ktime_t start;
	int err;

	if (account_pages)
		return account_hold(max_pages);
	if (steady_seconds)
		return steady_run(threads);
	err = check_params();
	if (err)
		return err;

	while (!seed)
		seed = get_random_long();
	pr_info("%u threads, %u spans of 1 to %u pages, seed=%lu\n", threads, ops,
		max_pages, seed);

	heap = span_heap_create(&params);
	if (IS_ERR(heap)) {
		pr_err("FAILED: cannot make a heap (%ld)\n", PTR_ERR(heap));
		return PTR_ERR(heap);
	}

	err = create_workers();
	if (err) {
		pr_err("FAILED: cannot start threads (%d)\n", err);
		span_heap_destroy(heap);
		return err;
	}

	start = ktime_get();
	run_workers(&sum);
	check_stats(&sum);
	span_heap_stats(heap, &st);

	err = span_heap_destroy(heap);
	if (err)
		complain("heap cannot be destroyed (%d)", err);

	if (atomic_read(&complaints)) {
		pr_err("FAILED: %d things wrong; seed=%lu\n", atomic_read(&complaints), seed);
		return -EIO;
	}
	pr_info("ok: %llu spans allocated and freed, %llu split, %llu zeroed, %llu freed by another thread; %llu calls with interrupts off, %llu in interrupts, %llu times NULL; %llu pages backed, %llu released by age, %llu on demand, %llu TLB flushes; %lld ms\n",
		sum.allocs, sum.splits, sum.zeroed, sum.handed,
		sum.by_context[IRQS_OFF], sum.by_context[IN_IRQ], sum.nulls,
		st.backed_pages, st.released_age_pages, st.released_forced_pages,
		st.tlb_flush_count, ktime_ms_delta(ktime_get(), start));
	return 0;
}

/* The test is over when init returns: nothing of it is left. */
static void __exit spanstress_exit(void)
{
	account_release();
}

module_init(spanstress_init);
module_exit(spanstress_exit);

MODULE_DESCRIPTION("Stress test of the page-span allocator");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
