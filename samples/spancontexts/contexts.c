// SPDX-License-Identifier: GPL-2.0-only
/*
 * spancontexts: one heap, called from every context that may call it, at once.
 *
 * Everything happens while the module is loaded: insmod succeeds if nothing was wrong,
 * else it fails with EIO and the log says what was seen.
 *
 * On every CPU there are, all at the same time:
 *
 *	task	a thread, nothing held				GFP_KERNEL
 *	bh	a thread that holds bh_lock, taken by _bh	GFP_ATOMIC
 *	softirq	a timer's softirq that takes bh_lock, too	GFP_ATOMIC
 *	irqoff	a thread that holds irq_lock, taken by _irqsave	GFP_ATOMIC
 *	hardirq	a timer's interrupt that takes irq_lock, too	GFP_ATOMIC
 *
 * and one thread more, which scavenges, sets and lifts limits and reserves, and reads the
 * statistics. With PREEMPT_RT nothing may allocate where interrupts are really off: hardirq
 * is a softirq there, and irqoff a thread that holds a sleeping lock.
 *
 * Each call is a step of one actor. A step allocates a span, marks its pages and leaves it in
 * a place chosen at random, or takes what is there, checks its pages and frees it. The places
 * are everybody's, so that most spans are freed in another context, and on another CPU, than
 * they were allocated in.
 *
 * A thread watches the actors: one that takes no step for %STALL_SECONDS is described, and
 * the test has failed. An actor that holds its CPU for ever is for the kernel's own watchdogs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>

#include <spanalloc/spanalloc.h>

#include "../common/complain.h"

#define PLACES			512
#define SOFTIRQ_PERIOD_US	200
#define HARDIRQ_PERIOD_US	500
#define STEPS_IN_A_ROW		64
#define STEPS_IN_A_TURN		128
#define STALL_SECONDS		60

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "For how long, 1 to 86400 (default 60)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random choices (0, the default: a new one, which is printed)");

enum actor_kind {
	ACTOR_TASK,
	ACTOR_BH,
	ACTOR_SOFTIRQ,
	ACTOR_IRQOFF,
	ACTOR_HARDIRQ,
	NR_ACTORS
};

static const char * const actor_names[] = { "task", "bh", "softirq", "irqoff", "hardirq" };

/**
 * struct actor - a source of calls in one context on one CPU
 * @kind: the context
 * @cpu: the CPU
 * @random: source of its choices
 * @task: its thread, if it is one
 * @timer: its timer, if it is one
 * @steps: steps it has taken; written by itself alone
 * @allocs: spans it has allocated
 * @frees: spans it has freed
 * @nulls: times that it got none
 * @seen: @steps when the watching thread last saw a change
 * @seen_at: when that was, in jiffies
 */
struct actor {
	enum actor_kind kind;
	unsigned int cpu;
	struct rnd_state random;
	struct task_struct *task;
	struct hrtimer timer;
	unsigned long steps;
	unsigned long allocs;
	unsigned long frees;
	unsigned long nulls;
	unsigned long seen;
	unsigned long seen_at;
};

/* In the first and, complemented, in the last words of each page. */
struct mark {
	u64 addr;
	u64 npages;
};

/* In pages; some are longer than what caches keep in chains. */
static const unsigned int lengths[] = { 1, 1, 2, 1, 5, 1, 16, 24 };

static struct span_heap *heap;
static struct actor *actors;
static unsigned int nr_actors;
static void *places[PLACES];
static bool stopping;
static atomic_t complaints;

#define complain(...)	complain_to(&complaints, __VA_ARGS__)

static DEFINE_SPINLOCK(bh_lock);
static DEFINE_SPINLOCK(irq_lock);

/* === One step =========================================================== */

static struct mark *mark_head(void *base, unsigned long page)
{
	return base + (page << PAGE_SHIFT);
}

static struct mark *mark_tail(void *base, unsigned long page)
{
	return mark_head(base, page + 1) - 1;
}

static void write_marks(void *base, unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		u64 addr = (unsigned long)mark_head(base, i);

		*mark_head(base, i) = (struct mark) { addr, npages };
		*mark_tail(base, i) = (struct mark) { ~addr, ~(u64)npages };
	}
}

static void check_marks(const struct actor *actor, void *base, unsigned long npages)
{
	unsigned long i;

	for (i = 0; i < npages; i++) {
		const struct mark *head = mark_head(base, i);
		const struct mark *tail = mark_tail(base, i);
		u64 addr = (unsigned long)head;

		if (head->addr == addr && head->npages == npages && tail->addr == ~addr &&
		    tail->npages == ~(u64)npages)
			continue;
		complain("%s on CPU %u: page %lu of span %p+%lu has %llx %llx ... %llx %llx",
			 actor_names[actor->kind], actor->cpu, i, base, npages, head->addr,
			 head->npages, ~tail->addr, ~tail->npages);
		return;
	}
}

static void take_away(struct actor *actor, void *base)
{
	struct span_info info;

	if (!span_lookup(base + PAGE_SIZE / 2, &info) || info.base != base ||
	    info.heap != heap) {
		complain("%s on CPU %u: span %p is not found", actor_names[actor->kind],
			 actor->cpu, base);
		return;
	}
	check_marks(actor, base, info.npages);
	span_free(base);
	actor->frees++;
}

static void put_nothing(struct actor *actor, void **place)
{
	void *base = xchg(place, NULL);

	if (base)
		take_away(actor, base);
}

/* Puts a span into a place; what came there in between is taken away. */
static void put_there(struct actor *actor, void **place, unsigned long npages, gfp_t gfp)
{
	void *base = span_alloc(heap, npages, gfp | __GFP_NOWARN);

	if (!base) {
		actor->nulls++;
		return;
	}
	actor->allocs++;
	write_marks(base, npages);
	base = xchg(place, base);
	if (base)
		take_away(actor, base);
}

/*
 * Spans are allocated and freed by turns of many of one length, which is more than a CPU's
 * cache has: they pass through what all CPUs share.
 */
static void step(struct actor *actor, gfp_t gfp)
{
	unsigned long turn = actor->steps / STEPS_IN_A_TURN + actor->cpu + actor->kind;
	void **place = &places[prandom_u32_state(&actor->random) % PLACES];

	if (turn % 2)
		put_there(actor, place, lengths[turn / 2 % ARRAY_SIZE(lengths)], gfp);
	else
		put_nothing(actor, place);
	WRITE_ONCE(actor->steps, actor->steps + 1);
}

/* === The contexts ======================================================= */

static void step_in_thread(struct actor *actor)
{
	unsigned long flags;

	switch (actor->kind) {
	case ACTOR_BH:
		spin_lock_bh(&bh_lock);
		step(actor, GFP_ATOMIC);
		spin_unlock_bh(&bh_lock);
		break;
	case ACTOR_IRQOFF:
		spin_lock_irqsave(&irq_lock, flags);
		step(actor, GFP_ATOMIC);
		spin_unlock_irqrestore(&irq_lock, flags);
		break;
	default:
		step(actor, GFP_KERNEL);
	}
}

static int actor_thread(void *data)
{
	struct actor *actor = data;

	while (!kthread_should_stop()) {
		step_in_thread(actor);
		/* Threads that spin for locks would leave little to the others. */
		if (actor->kind == ACTOR_TASK || actor->steps % STEPS_IN_A_ROW)
			cond_resched();
		else
			schedule_timeout_interruptible(1);
	}
	return 0;
}

/* The next one from now on: a slow machine that is behind must not do nothing else. */
static enum hrtimer_restart again(struct hrtimer *timer, unsigned int period_us)
{
	if (READ_ONCE(stopping))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(period_us * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart actor_softirq(struct hrtimer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);

	spin_lock(&bh_lock);
	step(actor, GFP_ATOMIC);
	spin_unlock(&bh_lock);
	return again(timer, SOFTIRQ_PERIOD_US);
}

static enum hrtimer_restart actor_hardirq(struct hrtimer *timer)
{
	struct actor *actor = container_of(timer, struct actor, timer);
	unsigned long flags;

	/* With PREEMPT_RT this is a softirq, and the lock one that sleeps. */
	spin_lock_irqsave(&irq_lock, flags);
	step(actor, GFP_ATOMIC);
	spin_unlock_irqrestore(&irq_lock, flags);
	return again(timer, HARDIRQ_PERIOD_US);
}

/* === What heaps have to bear besides ==================================== */

/* Limits that bite at times, and always go again. */
static void disturb(struct rnd_state *random)
{
	u32 what = prandom_u32_state(random);
	unsigned long npages = (what >> 8) % 4096;
	struct span_heap_stats stats;

	switch (what % 8) {
	case 0:
		span_heap_set_limit(heap, npages + 256);
		break;
	case 1:
		span_heap_set_limit(heap, 0);
		break;
	case 2:
		span_heap_set_soft_limit(heap, npages);
		break;
	case 3:
		span_heap_set_soft_limit(heap, 0);
		break;
	case 4:
		/* May fail for the limit. */
		span_heap_reserve(heap, npages / 16);
		break;
	case 5:
		span_heap_scavenge(heap, ULONG_MAX);
		break;
	case 6:
		span_heap_scavenge(heap, npages);
		break;
	default:
		span_heap_stats(heap, &stats);
		if (stats.grown_pages !=
		    stats.in_use_pages + stats.idle_pages + stats.released_pages)
			complain("%llu pages reserved, %llu in use, %llu idle, %llu released",
				 stats.grown_pages, stats.in_use_pages, stats.idle_pages,
				 stats.released_pages);
	}
}

static int disturb_thread(void *unused)
{
	struct rnd_state random;

	prandom_seed_state(&random, seed + 1);
	while (!kthread_should_stop()) {
		disturb(&random);
		schedule_timeout_interruptible(prandom_u32_state(&random) % (HZ / 4));
	}
	return 0;
}

/* === Watching =========================================================== */

static void watch(struct actor *actor)
{
	unsigned long steps = READ_ONCE(actor->steps);

	if (steps != actor->seen) {
		actor->seen = steps;
		actor->seen_at = jiffies;
		return;
	}
	if (time_before(jiffies, actor->seen_at + STALL_SECONDS * HZ))
		return;
	complain("%s on CPU %u has been at step %lu for %u s", actor_names[actor->kind],
		 actor->cpu, steps, STALL_SECONDS);
	if (actor->task)
		sched_show_task(actor->task);
	actor->seen_at = jiffies;
}

static unsigned long sum_steps(void)
{
	unsigned long steps = 0;
	unsigned int i;

	for (i = 0; i < nr_actors; i++)
		steps += READ_ONCE(actors[i].steps);
	return steps;
}

/* However short the run: each actor has to get on once more, or it is stuck. */
static void watch_last_step(struct actor *actor)
{
	unsigned long steps = READ_ONCE(actor->steps);
	unsigned int complaints_before = atomic_read(&complaints);

	actor->seen = steps;
	actor->seen_at = jiffies;
	while (READ_ONCE(actor->steps) == steps && atomic_read(&complaints) == complaints_before) {
		schedule_timeout_uninterruptible(1);
		watch(actor);
	}
}

/* Returns when the time is over, or a signal comes. */
static void watch_all(void)
{
	unsigned long end = jiffies + seconds * HZ;
	unsigned long report = jiffies + 10 * HZ;
	unsigned int i;

	while (time_before(jiffies, end) && !signal_pending(current)) {
		schedule_timeout_interruptible(HZ / 4);
		for (i = 0; i < nr_actors; i++)
			watch(&actors[i]);
		if (time_before(jiffies, report))
			continue;
		pr_info("%lu steps\n", sum_steps());
		report = jiffies + 10 * HZ;
	}
	for (i = 0; i < nr_actors; i++)
		watch_last_step(&actors[i]);
}

/* === Beginning and ending =============================================== */

static int start_actor_thread(struct actor *actor)
{
	actor->task = kthread_create(actor_thread, actor, "spanctx/%s%u",
				     actor_names[actor->kind], actor->cpu);
	if (IS_ERR(actor->task)) {
		int err = PTR_ERR(actor->task);

		actor->task = NULL;
		return err;
	}
	kthread_bind(actor->task, actor->cpu);
	wake_up_process(actor->task);
	return 0;
}

/* Runs on the actor's CPU, since a pinned timer stays on the CPU that started it. */
static void start_timer(void *data)
{
	struct actor *actor = data;
	bool hard = actor->kind == ACTOR_HARDIRQ && !IS_ENABLED(CONFIG_PREEMPT_RT);
	enum hrtimer_mode mode = hard ? HRTIMER_MODE_REL_PINNED_HARD :
					HRTIMER_MODE_REL_PINNED_SOFT;

	hrtimer_init(&actor->timer, CLOCK_MONOTONIC, mode);
	actor->timer.function = actor->kind == ACTOR_HARDIRQ ? actor_hardirq : actor_softirq;
	hrtimer_start(&actor->timer, ms_to_ktime(1), mode);
}

static int start_actor(struct actor *actor)
{
	if (actor->kind == ACTOR_SOFTIRQ || actor->kind == ACTOR_HARDIRQ)
		return smp_call_function_single(actor->cpu, start_timer, actor, 1);
	return start_actor_thread(actor);
}

static void stop_actor(struct actor *actor)
{
	if (actor->task)
		kthread_stop(actor->task);
	else
		hrtimer_cancel(&actor->timer);
}

static int create_actors(void)
{
	unsigned int cpu, kind;
	int err = 0;

	actors = kvcalloc(NR_ACTORS * num_online_cpus(), sizeof(*actors), GFP_KERNEL);
	if (!actors)
		return -ENOMEM;
	for_each_online_cpu(cpu) {
		for (kind = 0; kind < NR_ACTORS && !err; kind++) {
			struct actor *actor = &actors[nr_actors];

			actor->kind = kind;
			actor->cpu = cpu;
			actor->seen_at = jiffies;
			prandom_seed_state(&actor->random, seed + 2 + nr_actors);
			err = start_actor(actor);
			nr_actors += !err;
		}
	}
	return err;
}

static void expect(const char *what, u64 got, u64 want)
{
	if (got != want)
		complain("%s is %llu, not %llu", what, got, want);
}

/* Check the totals; no other actor runs any more. */
static void check_end(struct span_heap_stats *stats)
{
	unsigned long allocs = 0, frees = 0;
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (places[i])
			take_away(&actors[0], places[i]);
	for (i = 0; i < nr_actors; i++) {
		if (!actors[i].steps)
			complain("%s on CPU %u has done nothing", actor_names[actors[i].kind],
				 actors[i].cpu);
		allocs += actors[i].allocs;
		frees += actors[i].frees;
	}
	span_heap_stats(heap, stats);
	expect("alloc_count", stats->alloc_count, allocs);
	expect("free_count", stats->free_count, frees);
	expect("frees", frees, allocs);
	expect("span_count", stats->span_count, 0);
	expect("in_use_pages", stats->in_use_pages, 0);
	expect("bad_free_count", stats->bad_free_count, 0);
	expect("fail_invalid_count", stats->fail_invalid_count, 0);
	expect("idle and released pages", stats->idle_pages + stats->released_pages,
	       stats->grown_pages);
	span_heap_reserve(heap, 0);
	span_heap_scavenge(heap, ULONG_MAX);
	span_heap_stats(heap, stats);
	expect("idle_pages after scavenging", stats->idle_pages, 0);
}

static void report(const struct span_heap_stats *stats)
{
	unsigned long steps[NR_ACTORS] = {}, nulls = 0;
	unsigned int i;

	for (i = 0; i < nr_actors; i++) {
		steps[actors[i].kind] += actors[i].steps;
		nulls += actors[i].nulls;
	}
	pr_info("steps: %lu task, %lu bh, %lu softirq, %lu irqoff, %lu hardirq; %lu times NULL\n",
		steps[ACTOR_TASK], steps[ACTOR_BH], steps[ACTOR_SOFTIRQ], steps[ACTOR_IRQOFF],
		steps[ACTOR_HARDIRQ], nulls);
	pr_info("%llu spans, %llu from caches; %llu pages backed, %llu by limits and %llu by force released; lock taken %llu times, %llu times not free at once\n",
		stats->alloc_count, stats->cache_hit_count, stats->backed_pages,
		stats->released_limit_pages, stats->released_forced_pages,
		stats->lock_acquire_count, stats->lock_contend_count);
}

static int run(void)
{
	struct task_struct *disturber = kthread_run(disturb_thread, NULL, "spanctx/disturb");
	struct span_heap_stats stats;
	unsigned int i;
	int err;

	if (IS_ERR(disturber))
		return PTR_ERR(disturber);
	cpus_read_lock();
	err = create_actors();
	cpus_read_unlock();
	if (!err)
		watch_all();
	WRITE_ONCE(stopping, true);
	kthread_stop(disturber);
	for (i = 0; i < nr_actors; i++)
		stop_actor(&actors[i]);
	if (!err) {
		check_end(&stats);
		report(&stats);
	}
	kvfree(actors);
	return err;
}

static int __init spancontexts_init(void)
{
	const struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.scavenge_age_ms = 100,
	};
	int err;

	if (!seconds || seconds > 86400) {
		pr_err("seconds=%u: must be 1 to 86400\n", seconds);
		return -EINVAL;
	}
	while (!seed)
		seed = get_random_u32();
	pr_info("%u s on %u CPUs, seed=%lu\n", seconds, num_online_cpus(), seed);
	heap = span_heap_create(&params);
	if (IS_ERR(heap)) {
		pr_err("FAILED: cannot make a heap (%ld)\n", PTR_ERR(heap));
		return PTR_ERR(heap);
	}
	err = run();
	if (err)
		pr_err("FAILED: cannot start (%d)\n", err);
	if (span_heap_destroy(heap))
		complain("the heap cannot be destroyed");
	if (err)
		return err;
	if (atomic_read(&complaints)) {
		pr_err("FAILED: %d things wrong; seed=%lu\n", atomic_read(&complaints), seed);
		return -EIO;
	}
	pr_info("ok\n");
	return 0;
}

/* The test is over when init returns: nothing of it is left. */
static void __exit spancontexts_exit(void)
{
}

module_init(spancontexts_init);
module_exit(spancontexts_exit);

MODULE_DESCRIPTION("Every context that may call the page-span allocator, at once");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
