// SPDX-License-Identifier: GPL-2.0-only
/*
 * A steady load on the default heap: each thread holds a fixed number of spans and replaces
 * a few of them at every tick of the timer. The per-CPU caches can serve such a load, unless
 * reclaim keeps emptying them. insmod returns when the time is over; the log says how many
 * allocations the caches have served.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "steady.h"

#define STEADY_SPANS	64	/* live spans of a thread */
#define STEADY_BURST	8	/* spans that a thread replaces at a tick */
#define STEADY_PAGES	16	/* pages of the longest span */
#define STEADY_MAX_S	86400

unsigned int steady_seconds;
module_param(steady_seconds, uint, 0444);
MODULE_PARM_DESC(steady_seconds, "No test: put a steady load on the default heap for this many seconds, at most 86400 (default 0)");

/**
 * struct steady_worker - a thread and its spans
 * @task: the thread
 * @random: random numbers that choose lengths and the spans to replace
 * @span: its live spans
 * @failed: allocations that failed
 */
struct steady_worker {
	struct task_struct *task;
	struct rnd_state random;
	void *span[STEADY_SPANS];
	unsigned long failed;
};

static void steady_replace(struct steady_worker *worker, unsigned int at)
{
	unsigned long npages = 1 + prandom_u32_state(&worker->random) % STEADY_PAGES;

	span_free(worker->span[at]);
	worker->span[at] = span_alloc(span_heap_default(), npages, GFP_KERNEL);
	worker->failed += !worker->span[at];
}

static void steady_empty(struct steady_worker *worker)
{
	unsigned int i;

	for (i = 0; i < STEADY_SPANS; i++)
		span_free(worker->span[i]);
}

static int steady_thread(void *arg)
{
	struct steady_worker *worker = arg;
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < STEADY_BURST; i++)
			steady_replace(worker,
				       prandom_u32_state(&worker->random) % STEADY_SPANS);
		schedule_timeout_interruptible(1);
	}
	steady_empty(worker);
	return 0;
}

/* Fill the slots and the caches before the first reading of the statistics. */
static void steady_fill(struct steady_worker *worker)
{
	unsigned int round, i;

	for (round = 0; round < 4; round++)
		for (i = 0; i < STEADY_SPANS; i++)
			steady_replace(worker, i);
}

static struct steady_worker *steady_start(unsigned int cpu)
{
	struct steady_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL);

	if (!worker)
		return NULL;
	prandom_seed_state(&worker->random, cpu + 1);
	steady_fill(worker);
	worker->task = kthread_create_on_cpu(steady_thread, worker, cpu, "spansteady/%u");
	if (IS_ERR(worker->task)) {
		steady_empty(worker);
		kfree(worker);
		return NULL;
	}
	wake_up_process(worker->task);
	return worker;
}

static unsigned long steady_stop(struct steady_worker *worker)
{
	unsigned long failed;

	if (!worker)
		return 1;
	kthread_stop(worker->task);
	failed = worker->failed;
	kfree(worker);
	return failed;
}

/**
 * steady_run() - put a steady load on the default heap for %steady_seconds
 * @threads: number of threads, one per CPU; at most four are started
 *
 * Context: Process context. Sleeps until the time is over or a signal comes.
 *
 * Return: 0; -EINVAL if %steady_seconds is too large; -EIO if an allocation or the start of
 * a thread failed, or if the caches served no allocation
 */
int __init steady_run(unsigned int threads)
{
	struct steady_worker *worker[4] = {};
	struct span_heap_stats before, after;
	unsigned long failed = 0;
	u64 hits, misses;
	unsigned int i;

	if (steady_seconds > STEADY_MAX_S) {
		pr_err("steady_seconds=%u: must be at most %u\n", steady_seconds, STEADY_MAX_S);
		return -EINVAL;
	}
	threads = min3(threads, (unsigned int)ARRAY_SIZE(worker), num_online_cpus());
	for (i = 0; i < threads; i++)
		worker[i] = steady_start(i);
	span_heap_stats(span_heap_default(), &before);
	schedule_timeout_interruptible(steady_seconds * HZ);
	span_heap_stats(span_heap_default(), &after);
	for (i = 0; i < threads; i++)
		failed += steady_stop(worker[i]);

	hits = after.cache_hit_count - before.cache_hit_count;
	misses = after.cache_miss_count - before.cache_miss_count;
	pr_info("steady: %llu hits, %llu misses, %lu failures, %u threads\n", hits, misses,
		failed, threads);
	return failed || !hits ? -EIO : 0;
}
