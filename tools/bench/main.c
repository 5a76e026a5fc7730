// SPDX-License-Identifier: GPL-2.0-only
/*
 * spanalloc_bench: times spanalloc beside the kernel's own allocators.
 *
 * All measurements are made inside insmod. When insmod returns, the results are in
 * spanalloc_bench/results in debugfs, as one JSON array, until the module is unloaded.
 *
 *	pair	one allocation is made and freed, over and over
 *	churn	one of a set of live allocations, chosen at random, is freed and replaced
 *	two	own: threads allocate and free their own allocations, in batches;
 *		cross: two threads each free the allocations of the other;
 *		own_after_cross: as own, alternating with cross
 *	latency	as churn, but each call is timed
 *	fill	allocations that find idle pages and no cached span
 *	lock	longest hold of the heap's lock
 *	burst, refault, scavlat
 *		effects of the scavenger on a load, and its cost
 *	vmcases	cases of the kernel's own test of vmalloc
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>

#include <spanalloc/spanalloc.h>

#include "bench.h"

#define MAX_PAGE_COUNTS	16

static char *bench = "pair,churn,two,latency";
module_param(bench, charp, 0444);
MODULE_PARM_DESC(bench, "What to measure: pair, churn, two, latency, fill, lock, burst, refault, scavlat, vmcases (default the first four)");

static char *subjects = "all";
module_param(subjects, charp, 0444);
MODULE_PARM_DESC(subjects, "Allocators: spanalloc, alloc_pages, vmalloc, kvmalloc, gen_pool, kmem_cache (default all)");

static unsigned int pages[MAX_PAGE_COUNTS] = { 1, 4, 16, 64, 512 };
static unsigned int nr_page_counts = 5;
module_param_array(pages, uint, &nr_page_counts, 0444);
MODULE_PARM_DESC(pages, "Lengths in pages (default 1,4,16,64,512)");

static unsigned int threads;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "Most threads; each number from 1 on is measured (0, the default: one per CPU)");

struct effort effort = {
	.sample_us = 2000,
	.repeats = 11,
	.live_pages = 16384,
};

module_param_named(loops, effort.loops, ulong, 0444);
MODULE_PARM_DESC(loops, "Operations per sample (0, the default: a number that takes sample_us)");
module_param_named(sample_us, effort.sample_us, uint, 0444);
MODULE_PARM_DESC(sample_us, "Duration of a sample in us (default 2000)");
module_param_named(repeats, effort.repeats, uint, 0444);
MODULE_PARM_DESC(repeats, "Number of samples; results are their medians (default 11)");
module_param_named(live_pages, effort.live_pages, ulong, 0444);
MODULE_PARM_DESC(live_pages, "Most pages that a churn keeps live (default 16384)");

struct span_heap *bench_heap;

/* Is @word one of the words, separated by commas, of @list? */
static bool listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list) {
		if (!strncmp(list, word, len) && (!list[len] || list[len] == ','))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

bool subject_is_wanted(const struct subject *subject)
{
	return subject == SUBJECT_EMPTY_LOOP || listed(subjects, "all") ||
	       listed(subjects, subject->name);
}

static bool known(const char *list, const char * const *words, unsigned int nr)
{
	const char *end;
	unsigned int i;

	while (list) {
		end = strchrnul(list, ',');
		for (i = 0; i < nr; i++) {
			if (strlen(words[i]) == end - list && !strncmp(list, words[i], end - list))
				break;
		}
		if (i == nr)
			return false;
		list = *end ? end + 1 : NULL;
	}
	return true;
}

static int check_names(void)
{
	static const char * const benches[] = { "pair", "churn", "two", "latency", "fill", "lock",
						"burst", "refault", "scavlat", "vmcases" };
	static const char * const allocators[] = {
		"all", "spanalloc", "alloc_pages", "vmalloc", "kvmalloc", "gen_pool", "kmem_cache"
	};

	if (!known(bench, benches, ARRAY_SIZE(benches))) {
		pr_err("bench=%s: must be of pair, churn, two, latency, fill, lock, burst, refault, scavlat and vmcases\n",
		       bench);
		return -EINVAL;
	}
	if (!known(subjects, allocators, ARRAY_SIZE(allocators))) {
		pr_err("subjects=%s: must be of spanalloc, alloc_pages, vmalloc, kvmalloc, gen_pool and kmem_cache\n",
		       subjects);
		return -EINVAL;
	}
	return 0;
}

static int check_params(void)
{
	unsigned int i;

	if (!threads)
		threads = min_t(unsigned int, num_online_cpus(), MAX_THREADS);
	if (threads > num_online_cpus() || threads > MAX_THREADS) {
		pr_err("threads=%u: each thread needs a CPU of its own\n", threads);
		return -EINVAL;
	}
	if (!effort.repeats || effort.repeats > MAX_REPEATS || !effort.sample_us) {
		pr_err("repeats=%u: must be 1 to %u; sample_us=%u: must not be 0\n",
		       effort.repeats, MAX_REPEATS, effort.sample_us);
		return -EINVAL;
	}
	for (i = 0; i < nr_page_counts; i++) {
		if (!pages[i] || pages[i] > totalram_pages() / 16) {
			pr_err("pages=%u: must be 1 to %lu\n", pages[i], totalram_pages() / 16);
			return -EINVAL;
		}
	}
	return check_names() ?: vmrun_check_params();
}

static void measure_all(void)
{
	ktime_t start = ktime_get();
	unsigned int i, nr;

	for (i = 0; i < nr_page_counts; i++) {
		pr_info("%u pages, at %lld s\n", pages[i],
			ktime_ms_delta(ktime_get(), start) / MSEC_PER_SEC);
		for (nr = 1; nr <= threads; nr++) {
			if (listed(bench, "pair"))
				measure_pair(pages[i], nr);
			if (listed(bench, "churn"))
				measure_churn(pages[i], nr);
			if (listed(bench, "latency"))
				measure_latency(pages[i], nr);
		}
		if (listed(bench, "two") && threads >= 2)
			measure_own(pages[i]);
		if (listed(bench, "fill"))
			measure_fill(pages[i]);
		if (listed(bench, "lock"))
			measure_lock_pair(pages[i]);
		if (listed(bench, "scavlat"))
			measure_scavlat(pages[i]);
	}
	/* After all others: an exchange changes the state of the heap for what follows. */
	for (i = 0; i < nr_page_counts && listed(bench, "two") && threads >= 2; i++)
		measure_cross(pages[i]);
	if (listed(bench, "burst"))
		measure_burst();
	if (listed(bench, "refault"))
		measure_refault();
	if (listed(bench, "lock"))
		measure_lock();
	if (listed(bench, "vmcases"))
		vmrun_all();
	pr_info("done after %lld ms\n", ktime_ms_delta(ktime_get(), start));
}

static int __init bench_init(void)
{
	const struct span_heap_params params = {
		.name = KBUILD_MODNAME,
		.node = NUMA_NO_NODE,
	};
	int ret;

	ret = check_params();
	if (ret)
		return ret;
	bench_heap = span_heap_create(&params);
	if (IS_ERR(bench_heap))
		return PTR_ERR(bench_heap);
	ret = results_begin();
	if (ret)
		goto no_results;
	ret = crew_gather(max(threads, vmrun_threads()));
	if (ret)
		goto no_crew;
	ret = measure_open();
	if (!ret)
		measure_all();
	measure_close();
	crew_dismiss();
	if (!ret)
		ret = span_heap_destroy(bench_heap);
	if (!ret)
		return 0;
	results_end();
	return ret;

no_crew:
	results_end();
no_results:
	span_heap_destroy(bench_heap);
	return ret;
}

static void __exit bench_exit(void)
{
	results_end();
}

#ifdef MODULE
module_init(bench_init);
#else
/* Late enough for the console, and for all allocators that are measured. */
late_initcall_sync(bench_init);
#endif
module_exit(bench_exit);

MODULE_DESCRIPTION("Benchmark of the page-span allocator");
MODULE_LICENSE("GPL");
MODULE_INFO(import_ns, "SPANALLOC");
MODULE_INFO(import_ns, "SPANALLOC_TEST");
