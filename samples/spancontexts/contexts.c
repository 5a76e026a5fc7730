// SPDX-License-Identifier: GPL-2.0-only
/*
 * spancontexts: calls of one heap from every context that may call it, at the same time.
 *
 * The test runs inside insmod, which succeeds if no check failed. Otherwise insmod fails
 * with EIO, and the log describes the failed checks.
 *
 * Every CPU has five actors, which all run at the same time:
 *
 *	task	a thread that holds no lock			GFP_KERNEL
 *	bh	a thread that holds bh_lock, taken by _bh	GFP_ATOMIC
 *	softirq	a timer's softirq that takes bh_lock		GFP_ATOMIC
 *	irqoff	a thread that holds irq_lock, taken by _irqsave	GFP_ATOMIC
 *	hardirq	a timer's interrupt that takes irq_lock		GFP_ATOMIC
 *
 * One more thread scavenges the heap, sets and lifts limits and reserves, and reads the
 * statistics. With PREEMPT_RT no context with interrupts off may allocate: there hardirq
 * runs in a softirq, and irqoff holds a lock that sleeps.
 *
 * In a step, an actor allocates a span, marks its pages and puts the span into a place
 * chosen at random; or it takes the span out of such a place, checks the marks and frees
 * the span. All actors share the places, so that most spans are freed in another context
 * and on another CPU than they were allocated in.
 *
 * The thread that loads the module watches the actors: an actor that takes no step for
 * %STALL_SECONDS fails the test. The kernel's own watchdogs find an actor that holds its
 * CPU forever.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/debug.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "actor.h"
#include "contexts.h"

#define STALL_SECONDS	60

static unsigned int seconds = 60;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "Seconds that the test runs, 1 to 86400 (default 60)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random choices (0, the default: a new seed, which is printed)");

struct spancontexts spancontexts;
static struct actor *actors;
static unsigned int nr_actors;

/* === Disturbing the heap ================================================ */

/* Make one random call. Each limit is lifted again by a later call. */
static void disturb(struct rnd_state *random)
{
	u32 what = prandom_u32_state(random);
	unsigned long npages = (what >> 8) % 4096;
	struct span_heap_stats stats;

	switch (what % 8) {
	case 0:
		span_heap_set_limit(spancontexts.heap, npages + 256);
		break;
	case 1:
		span_heap_set_limit(spancontexts.heap, 0);
		break;
	case 2:
		span_heap_set_soft_limit(spancontexts.heap, npages);
		break;
	case 3:
		span_heap_set_soft_limit(spancontexts.heap, 0);
		break;
	case 4:
		/* Fails if the limit is too low for it. */
		span_heap_reserve(spancontexts.heap, npages / 16);
		break;
	case 5:
		span_heap_scavenge(spancontexts.heap, ULONG_MAX);
		break;
	case 6:
		span_heap_scavenge(spancontexts.heap, npages);
		break;
	default:
		span_heap_stats(spancontexts.heap, &stats);
		if (stats.grown_pages !=
		    stats.in_use_pages + stats.idle_pages + stats.released_pages)
			complain("%llu pages grown, %llu in use, %llu idle, %llu released",
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

static void watch_actor(struct actor *actor)
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

/* Wait until the actor takes another step, however short the run, or has stalled. */
static void watch_last_step(struct actor *actor)
{
	unsigned long steps = READ_ONCE(actor->steps);
	unsigned int complaints_before = atomic_read(&spancontexts.complaints);

	actor->seen = steps;
	actor->seen_at = jiffies;
	while (READ_ONCE(actor->steps) == steps &&
	       atomic_read(&spancontexts.complaints) == complaints_before) {
		schedule_timeout_uninterruptible(1);
		watch_actor(actor);
	}
}

/* Watch all actors until the time is over or a signal comes. */
static void watch_all(void)
{
	unsigned long end = jiffies + seconds * HZ;
	unsigned long report = jiffies + 10 * HZ;
	unsigned int i;

	while (time_before(jiffies, end) && !signal_pending(current)) {
		schedule_timeout_interruptible(HZ / 4);
		for (i = 0; i < nr_actors; i++)
			watch_actor(&actors[i]);
		if (time_before(jiffies, report))
			continue;
		pr_info("%lu steps\n", sum_steps());
		report = jiffies + 10 * HZ;
	}
	for (i = 0; i < nr_actors; i++)
		watch_last_step(&actors[i]);
}

/* === Start and end of the test ========================================== */

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
			err = actor_start(actor);
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

/* Free the spans in the places and check the counters. All actors have stopped. */
static void check_end(struct span_heap_stats *stats)
{
	unsigned long allocs = 0, frees = 0;
	unsigned int i;

	actor_empty_places(&actors[0]);
	for (i = 0; i < nr_actors; i++) {
		if (!actors[i].steps)
			complain("%s on CPU %u has taken no step", actor_names[actors[i].kind],
				 actors[i].cpu);
		allocs += actors[i].allocs;
		frees += actors[i].frees;
	}
	span_heap_stats(spancontexts.heap, stats);
	expect("alloc_count", stats->alloc_count, allocs);
	expect("free_count", stats->free_count, frees);
	expect("frees", frees, allocs);
	expect("span_count", stats->span_count, 0);
	expect("in_use_pages", stats->in_use_pages, 0);
	expect("bad_free_count", stats->bad_free_count, 0);
	expect("fail_invalid_count", stats->fail_invalid_count, 0);
	expect("idle and released pages", stats->idle_pages + stats->released_pages,
	       stats->grown_pages);
	span_heap_reserve(spancontexts.heap, 0);
	span_heap_scavenge(spancontexts.heap, ULONG_MAX);
	span_heap_stats(spancontexts.heap, stats);
	expect("idle_pages after scavenging", stats->idle_pages, 0);
}

static void report_totals(const struct span_heap_stats *stats)
{
	unsigned long steps[NR_ACTORS] = {}, nulls = 0;
	unsigned int i;

	for (i = 0; i < nr_actors; i++) {
		steps[actors[i].kind] += actors[i].steps;
		nulls += actors[i].nulls;
	}
	pr_info("steps: %lu task, %lu bh, %lu softirq, %lu irqoff, %lu hardirq; %lu failed allocations\n",
		steps[ACTOR_TASK], steps[ACTOR_BH], steps[ACTOR_SOFTIRQ], steps[ACTOR_IRQOFF],
		steps[ACTOR_HARDIRQ], nulls);
	pr_info("%llu spans, %llu from caches; %llu pages backed, %llu released by limits, %llu by force; %llu lock acquisitions, %llu contended\n",
		stats->alloc_count, stats->cache_hit_count, stats->backed_pages,
		stats->released_limit_pages, stats->released_forced_pages,
		stats->lock_acquire_count, stats->lock_contend_count);
}

static int run_test(void)
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
	WRITE_ONCE(spancontexts.stopping, true);
	kthread_stop(disturber);
	for (i = 0; i < nr_actors; i++)
		actor_stop(&actors[i]);
	if (!err) {
		check_end(&stats);
		report_totals(&stats);
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
	spancontexts.heap = span_heap_create(&params);
	if (IS_ERR(spancontexts.heap)) {
		pr_err("FAILED: cannot make a heap (%ld)\n", PTR_ERR(spancontexts.heap));
		return PTR_ERR(spancontexts.heap);
	}
	err = run_test();
	if (err)
		pr_err("FAILED: cannot start the test (%d)\n", err);
	if (span_heap_destroy(spancontexts.heap))
		complain("the heap cannot be destroyed");
	if (err)
		return err;
	if (atomic_read(&spancontexts.complaints)) {
		pr_err("FAILED: %d failed checks; seed=%lu\n",
		       atomic_read(&spancontexts.complaints), seed);
		return -EIO;
	}
	pr_info("ok\n");
	return 0;
}

/* The test ends inside init and leaves nothing behind. */
static void __exit spancontexts_exit(void)
{
}

module_init(spancontexts_init);
module_exit(spancontexts_exit);

MODULE_DESCRIPTION("Calls of the page-span allocator from all contexts at the same time");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
