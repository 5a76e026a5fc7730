// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanstress: threads that allocate, write, look up and free spans while the heap's
 * scavenger releases idle pages, and that check all spans and all counters.
 *
 * The test runs inside insmod, which succeeds if no check failed. Otherwise insmod fails
 * with EIO, and the log describes the failed checks. ^C ends the test early, after all
 * spans are freed.
 *
 * With the parameter account_pages the module holds accounted spans instead (account.c),
 * with steady_seconds it puts a steady load on the default heap (steady.c).
 *
 * Each thread is bound to a CPU, until that CPU goes offline, and has SLOTS slots for live
 * spans. A step chooses a slot at random, retires the span in it, and allocates another
 * span for it. A thread retires a span by checking it, splitting it at times, and freeing
 * it; or it posts the span to the inbox of another thread, which retires the span on
 * another CPU. Calls of the allocator are made in one of three contexts: in the thread,
 * in a section with interrupts off, in an interrupt.
 *
 * Every page holds its own address and the span's tag (thread and serial number) in its
 * first and last words. The check of these marks finds pages that two spans share, pages
 * that are mapped twice, and pages that were exchanged under their owner.
 *
 * Threads share the inboxes, struct spanstress and the counters in worker.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/random.h>

#include <spanalloc/spanalloc.h>

#include "account.h"
#include "call.h"
#include "steady.h"
#include "stress.h"
#include "worker.h"

#define MAX_THREADS	256

struct spanstress spanstress = {
	.threads = 4,
	.ops = 100000,
	.max_pages = 512,
	.live_mb = 256,
};

module_param_named(threads, spanstress.threads, uint, 0444);
MODULE_PARM_DESC(threads, "Number of threads (default 4)");

module_param_named(ops, spanstress.ops, uint, 0444);
MODULE_PARM_DESC(ops, "Spans that all threads together allocate (default 100000)");

module_param_named(max_pages, spanstress.max_pages, uint, 0444);
MODULE_PARM_DESC(max_pages, "Longest span in pages; lengths are log-uniform from 1 (default 512)");

module_param_named(live_mb, spanstress.live_mb, ulong, 0444);
MODULE_PARM_DESC(live_mb, "Most MiB in live spans at a time (default 256)");

module_param_named(limit_mb, spanstress.limit_mb, ulong, 0444);
MODULE_PARM_DESC(limit_mb, "Hard limit of the heap in MiB; allocations may then fail (0, the default: none)");

static unsigned int age_ms = 10;
module_param(age_ms, uint, 0444);
MODULE_PARM_DESC(age_ms, "Scavenging age of the heap in ms (default 10; 0: that of spanalloc's parameter)");

static unsigned long seed;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "Seed of the random choices (0, the default: a new seed, which is printed)");

static void __init expect(const char *what, u64 got, u64 want)
{
	if (got != want)
		complain("%s is %llu, not %llu", what, got, want);
}

static void __init check_stats(const struct stress_counts *sum)
{
	struct span_heap_stats st;

	span_heap_stats(spanstress.heap, &st);
	if (!sum->allocs)
		complain("no span could be allocated");
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
	expect("live pages by the test's own count", atomic_long_read(&spanstress.live_pages), 0);

	span_heap_scavenge(spanstress.heap, ULONG_MAX);
	span_heap_stats(spanstress.heap, &st);
	expect("idle_pages after scavenging", st.idle_pages, 0);
	expect("released_pages after scavenging", st.released_pages, st.grown_pages);
}

static int __init check_params(void)
{
	if (!spanstress.threads || spanstress.threads > MAX_THREADS) {
		pr_err("threads=%u: must be 1 to %u\n", spanstress.threads, MAX_THREADS);
		return -EINVAL;
	}
	if (!spanstress.ops || spanstress.ops > INT_MAX) {
		pr_err("ops=%u: must be 1 to %u\n", spanstress.ops, INT_MAX);
		return -EINVAL;
	}
	/* Random byte offsets into a span have 32 bits. */
	if (!spanstress.max_pages || spanstress.max_pages > UINT_MAX >> PAGE_SHIFT) {
		pr_err("max_pages=%u: must be 1 to %u\n", spanstress.max_pages,
		       UINT_MAX >> PAGE_SHIFT);
		return -EINVAL;
	}
	/* With less, threads could wait for each other's pages forever. */
	if (spanstress.live_mb > LONG_MAX >> 20 ||
	    MIB_TO_PAGES(spanstress.live_mb) / spanstress.threads < spanstress.max_pages) {
		pr_err("live_mb=%lu: must be enough for threads * max_pages\n",
		       spanstress.live_mb);
		return -EINVAL;
	}
	if (spanstress.limit_mb > LONG_MAX >> 20) {
		pr_err("limit_mb=%lu: too large\n", spanstress.limit_mb);
		return -EINVAL;
	}
	return 0;
}

static int __init spanstress_init(void)
{
	struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
		.limit_pages = MIB_TO_PAGES(spanstress.limit_mb),
		.scavenge_age_ms = age_ms,
	};
	struct stress_counts sum = {};
	struct span_heap_stats st;
	ktime_t start;
	int err;

	if (account_pages)
		return account_hold(spanstress.max_pages);
	if (steady_seconds)
		return steady_run(spanstress.threads);
	err = check_params();
	if (err)
		return err;

	while (!seed)
		seed = get_random_long();
	pr_info("%u threads, %u spans of 1 to %u pages, seed=%lu\n", spanstress.threads,
		spanstress.ops, spanstress.max_pages, seed);

	spanstress.heap = span_heap_create(&params);
	if (IS_ERR(spanstress.heap)) {
		pr_err("FAILED: cannot make a heap (%ld)\n", PTR_ERR(spanstress.heap));
		return PTR_ERR(spanstress.heap);
	}

	err = stress_workers_create(seed);
	if (err) {
		pr_err("FAILED: cannot start threads (%d)\n", err);
		span_heap_destroy(spanstress.heap);
		return err;
	}

	start = ktime_get();
	stress_workers_run(&sum);
	check_stats(&sum);
	span_heap_stats(spanstress.heap, &st);

	err = span_heap_destroy(spanstress.heap);
	if (err)
		complain("heap cannot be destroyed (%d)", err);

	if (atomic_read(&spanstress.complaints)) {
		pr_err("FAILED: %d failed checks; seed=%lu\n",
		       atomic_read(&spanstress.complaints), seed);
		return -EIO;
	}
	pr_info("ok: %llu spans allocated and freed, %llu split, %llu zeroed, %llu freed by another thread; %llu calls with interrupts off, %llu in interrupts, %llu failed allocations; %llu pages backed, %llu released by age, %llu by force, %llu TLB flushes; %lld ms\n",
		sum.allocs, sum.splits, sum.zeroed, sum.handed,
		sum.by_context[IRQS_OFF], sum.by_context[IN_IRQ], sum.nulls,
		st.backed_pages, st.released_age_pages, st.released_forced_pages,
		st.tlb_flush_count, ktime_ms_delta(ktime_get(), start));
	return 0;
}

/* The test ends inside init, and only account_pages leaves spans behind. */
static void __exit spanstress_exit(void)
{
	account_release();
}

module_init(spanstress_init);
module_exit(spanstress_exit);

MODULE_DESCRIPTION("Stress test of the page-span allocator");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
