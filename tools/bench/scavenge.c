// SPDX-License-Identifier: GPL-2.0-only
/*
 * Effects of the scavenger on a heap, and the cost of the scavenger.
 *
 *	burst	a load that grows and falls: pages live, backed and released over time
 *	refault	a steady load: allocations that refault released pages
 *	scavlat	latencies of a load, with and without a busy scavenger
 *
 * The age is two seconds for bursts and one tick for latencies; the default is five
 * minutes. With such ages the scavenger works for a larger part of the time, so that
 * these two want scavenge_share=100. Refault has the default settings and a simulated
 * clock, which advances without waiting; its results repeat exactly.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/slab.h>

#ifndef MODULE
#include <spanalloc/spanalloc.h>

#include "heap/heap.h"
#include "heap/span.h"
#include "index/lookup.h"
#include "reclaim/scavenger.h"
#endif

#include "bench.h"
#include "load.h"

#define MIB_PAGES	(1UL << (20 - PAGE_SHIFT))

/* Default of retain_floor_pages: the least number of idle pages that the scavenger keeps. */
#define FLOOR_PAGES	64UL

static void report(const char *bench, const char *subject, const char *metric, u64 thousandths)
{
	const struct row row = {
		.bench = bench,
		.subject = subject,
		.metric = metric,
		.threads = 1,
		.value = thousandths,
	};

	results_add(&row);
}

static unsigned long backed_pages(const struct span_heap_stats *stats)
{
	return stats->in_use_pages + stats->idle_pages;
}

/* === Bursts ============================================================= */

#define BURST_AGE_MS	2000
#define BURST_TICK_MS	10

/* Ratio of samples taken to samples reported. */
#define BURST_SHOWN	4

/* Size of the load at a moment. Between two moments the load changes linearly. */
struct burst_point {
	unsigned int ms;
	unsigned long pages;
};

/* The load grows to 256 MiB and falls to 16, then grows to 64 twice, over an age apart. */
static const struct burst_point burst_points[] = {
	{ 0, 0 },
	{ 1000, 256 * MIB_PAGES },
	{ 2000, 256 * MIB_PAGES },
	{ 2050, 16 * MIB_PAGES },
	{ 8000, 16 * MIB_PAGES },
	{ 8200, 64 * MIB_PAGES },
	{ 8600, 16 * MIB_PAGES },
	{ 11000, 16 * MIB_PAGES },
	{ 11200, 64 * MIB_PAGES },
	{ 11600, 16 * MIB_PAGES },
	{ 17000, 16 * MIB_PAGES },
};

/* Start of the fall that is timed. */
#define BURST_FALL_MS	2050

struct burst_setting {
	const char *name;
	unsigned long flags;
	unsigned long soft_limit;
};

static const struct burst_setting burst_settings[] = {
	{ "default", 0, 0 },
	{ "age_only", SPAN_HEAP_AGE_ONLY, 0 },
	{ "soft_limit", 0, 24 * MIB_PAGES },
};

static unsigned long burst_level(unsigned int ms)
{
	const struct burst_point *to = burst_points + 1;
	const struct burst_point *from;
	unsigned long part;

	while (to->ms < ms)
		to++;
	from = to - 1;
	part = to->ms - from->ms;
	return (from->pages * (to->ms - ms) + to->pages * (ms - from->ms)) / part;
}

static void report_moment(const struct burst_setting *setting, const char *metric,
			  unsigned int ms, u64 pages)
{
	const struct row row = {
		.bench = "burst",
		.subject = setting->name,
		.metric = metric,
		.threads = 1,
		.value = pages * 1000,
		.at_ms = ms + 1,
	};

	results_add(&row);
}

static void report_moments(const struct burst_setting *setting, unsigned int ms,
			   const struct span_heap_stats *stats)
{
	report_moment(setting, "live_pages", ms, stats->in_use_pages);
	report_moment(setting, "backed_pages", ms, backed_pages(stats));
	report_moment(setting, "released_pages", ms, stats->released_pages);
}

/* The backed pages are the live pages, a tenth more, and the pages that retention keeps. */
static bool has_shrunk(const struct span_heap_stats *stats)
{
	unsigned long live = stats->in_use_pages;

	return backed_pages(stats) <= live + live / 10 + max(FLOOR_PAGES, live / 16);
}

static void run_burst(struct load *load, const struct burst_setting *setting)
{
	const unsigned int end = burst_points[ARRAY_SIZE(burst_points) - 1].ms;
	ktime_t start = ktime_get();
	unsigned int ms = 0, fallen = 0, shrunk = 0, samples = 0;
	u64 work = 0;

	while (ms < end && !load->failed) {
		struct span_heap_stats stats;

		load_to(load, burst_level(ms));
		span_heap_stats(load->heap, &stats);
		if (samples++ % BURST_SHOWN == 0)
			report_moments(setting, ms, &stats);
		if (!fallen && ms >= BURST_FALL_MS)
			fallen = ktime_ms_delta(ktime_get(), start);
		if (!shrunk && fallen && has_shrunk(&stats)) {
			shrunk = ktime_ms_delta(ktime_get(), start);
			work = stats.scavenge_ns;
		}
		msleep(BURST_TICK_MS);
		ms = ktime_ms_delta(ktime_get(), start);
	}
	if (!shrunk) {
		pr_notice("burst: %s: backed pages did not fall to the live pages\n",
			  setting->name);
		return;
	}
	report("burst", setting->name, "fall_ages", (shrunk - fallen) * 1000ULL / BURST_AGE_MS);
	report("burst", setting->name, "work_ages",
	       div_u64(work, BURST_AGE_MS * (NSEC_PER_MSEC / 1000)));
}

void measure_burst(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(burst_settings); i++) {
		const struct span_heap_params params = {
			.name = "spanalloc_bench_burst",
			.node = NUMA_NO_NODE,
			.scavenge_age_ms = BURST_AGE_MS,
			.flags = burst_settings[i].flags,
		};
		struct load load;

		pr_info("burst: %s\n", burst_settings[i].name);
		if (load_open(&load, &params, 256 * MIB_PAGES + 64)) {
			pr_notice("burst: cannot create the heap\n");
			return;
		}
		span_heap_set_soft_limit(load.heap, burst_settings[i].soft_limit);
		run_burst(&load, &burst_settings[i]);
		load_close(&load);
	}
}

/* === Refault ============================================================= */

#ifdef MODULE
void measure_refault(void)
{
	pr_notice("refault: needs spanalloc built in, to set the scavenger's clock\n");
}
#else
/* The default age, five minutes. */
#define REFAULT_AGE_S	300
#define REFAULT_AGES	14
#define REFAULT_PAGES	(64 * MIB_PAGES)

/**
 * struct churn - a load around a constant size
 * @name: name in the results
 * @ops: spans replaced in a second
 * @wave_s: seconds from one crest to the next, 0 for no waves
 */
struct churn {
	const char *name;
	unsigned int ops;
	unsigned int wave_s;
};

static const struct churn churns[] = {
	{ "refault_slow", 5, 0 },
	{ "refault", 50, 0 },
	{ "refault_waves", 50, 540 },
};

/**
 * struct refault - results of a run
 * @allocs: allocations
 * @refaults: allocations among these that refaulted released pages
 * @backed: pages in use and idle, on average
 */
struct refault {
	u64 allocs;
	u64 refaults;
	unsigned long backed;
};

/* Simulated seconds since the start of a run. */
static unsigned long refault_second;

static unsigned long refault_clock(void)
{
	return READ_ONCE(refault_second) * HZ;
}

/* Change the size by a random step of a two-hundredth, within a twentieth of the middle. */
static unsigned long wander(struct load *load, unsigned long pages)
{
	const unsigned long step = REFAULT_PAGES / 200, width = REFAULT_PAGES / 20;

	pages += prandom_u32_state(&load->random) % 2 ? step : -step;
	return clamp(pages, REFAULT_PAGES - width, REFAULT_PAGES + width);
}

/* Height of a triangular wave of up to a fifth of the load. */
static unsigned long wave(const struct churn *churn, unsigned long second)
{
	const unsigned long height = REFAULT_PAGES / 5;
	unsigned long at;

	if (!churn->wave_s)
		return 0;
	at = second % churn->wave_s * 2 * height / churn->wave_s;
	return at < height ? at : 2 * height - at;
}

/* The heap settles during the first four ages, which do not count. */
static void run_refault(struct load *load, const struct churn *churn, struct refault *refault)
{
	const unsigned long settled = 4 * REFAULT_AGE_S, end = REFAULT_AGES * REFAULT_AGE_S;
	unsigned long pages = REFAULT_PAGES;
	struct span_heap_stats first = {}, now;
	u64 backed = 0;

	load_to(load, pages);
	while (refault_second < end && !load->failed) {
		WRITE_ONCE(refault_second, refault_second + 1);
		pages = wander(load, pages);
		load_churn(load, pages + wave(churn, refault_second), churn->ops);
		scavenger_run();
		span_heap_stats(load->heap, &now);
		if (refault_second == settled)
			first = now;
		if (refault_second > settled)
			backed += backed_pages(&now);
		cond_resched();
	}
	refault->allocs = now.alloc_count - first.alloc_count;
	refault->refaults = now.refault_count - first.refault_count;
	refault->backed = div_u64(backed, end - settled);
}

static bool measure_refault_at(const struct churn *churn, unsigned int age_s,
			       unsigned long flags, struct refault *refault)
{
	const struct span_heap_params params = {
		.name = "spanalloc_bench_refault",
		.node = NUMA_NO_NODE,
		.scavenge_age_ms = age_s * MSEC_PER_SEC,
		/* With caches, few allocations would reach the heap. */
		.flags = flags | SPAN_HEAP_NO_CACHE,
	};
	struct load load;
	bool ok;

	refault_second = 0;
	scavenger_set_clock(refault_clock);
	ok = !load_open(&load, &params, 2 * REFAULT_PAGES);
	if (ok) {
		run_refault(&load, churn, refault);
		ok = !load.failed;
		load_close(&load);
	}
	scavenger_set_clock(NULL);
	return ok;
}

static void report_refault(const struct churn *churn, const char *subject,
			   const struct refault *refault)
{
	report(churn->name, subject, "refault_per_mille",
	       div64_u64(refault->refaults * 1000000, max(refault->allocs, 1ULL)));
	report(churn->name, subject, "backed_pages", refault->backed * 1000ULL);
}

/* Has @one the nearer number of backed pages to @backed? At least @backed is preferred. */
static bool is_nearer(const struct refault *one, const struct refault *two, unsigned long backed)
{
	if (one->backed < backed || two->backed < backed)
		return one->backed > two->backed;
	return one->backed < two->backed;
}

static void measure_churn_refault(const struct churn *churn)
{
	static const struct {
		const char *name;
		unsigned int age_s;
	} alone[] = {
		{ "age_150_s", 150 }, { "age_225_s", 225 }, { "age_300_s", 300 },
		{ "age_350_s", 350 }, { "age_400_s", 400 }, { "age_600_s", 600 },
	};
	struct refault retained, nearest, refault;
	unsigned int i;

	pr_info("%s\n", churn->name);
	if (!measure_refault_at(churn, REFAULT_AGE_S, 0, &retained))
		goto failed;
	report_refault(churn, "default", &retained);
	for (i = 0; i < ARRAY_SIZE(alone); i++) {
		if (!measure_refault_at(churn, alone[i].age_s, SPAN_HEAP_AGE_ONLY, &refault))
			goto failed;
		report_refault(churn, alone[i].name, &refault);
		if (!i || is_nearer(&refault, &nearest, retained.backed))
			nearest = refault;
	}
	report_refault(churn, "age_alone", &nearest);
	return;

failed:
	pr_notice("%s: no memory for the heap or its load\n", churn->name);
}

void measure_refault(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(churns); i++)
		measure_churn_refault(&churns[i]);
}
#endif

/* === Latency ============================================================ */

#define LATENCY_MS	1000
#define LATENCY_LIVE	64

/* Pages that another thread keeps making idle. Caches hold fewer pages. */
#define LATENCY_WASTE	(128 * MIB_PAGES)

struct waste {
	struct load load;
	struct task_struct *task;
};

/* Keep making idle pages, which the scavenger releases after a tick or two. */
static int waste_thread(void *data)
{
	struct waste *waste = data;

	while (!kthread_should_stop()) {
		load_to(&waste->load, LATENCY_WASTE - 64);
		load_to(&waste->load, 0);
		schedule_timeout_interruptible(2);
	}
	return 0;
}

static void time_calls(struct span_heap *heap, unsigned long npages, struct histogram *allocs,
		       struct histogram *frees)
{
	void *live[LATENCY_LIVE] = {};
	u64 start, end = ktime_get_ns() + LATENCY_MS * NSEC_PER_MSEC;
	struct rnd_state random;
	unsigned int i, at;

	prandom_seed_state(&random, 1);
	for (i = 0; i % 1024 || ktime_get_ns() < end; i++) {
		at = prandom_u32_state(&random) % LATENCY_LIVE;
		start = clock_ticks();
		span_free(live[at]);
		if (live[at])
			histogram_add(frees, clock_ticks() - start);
		start = clock_ticks();
		live[at] = span_alloc(heap, npages, GFP_KERNEL | __GFP_NOWARN);
		histogram_add(allocs, clock_ticks() - start);
		if (!(i % 1024))
			cond_resched();
	}
	for (i = 0; i < LATENCY_LIVE; i++)
		span_free(live[i]);
}

static bool measure_calls(const char *bench, unsigned long npages, unsigned int age_ms,
			  unsigned long flags, struct histogram *allocs, struct histogram *frees)
{
	const struct span_heap_params params = {
		.name = "spanalloc_bench_scavlat",
		.node = NUMA_NO_NODE,
		.scavenge_age_ms = age_ms,
		.flags = flags,
	};
	struct span_heap_stats stats;
	struct waste waste;

	if (load_open(&waste.load, &params, LATENCY_WASTE))
		return false;
	waste.task = kthread_run(waste_thread, &waste, "spanalloc_waste");
	if (IS_ERR(waste.task)) {
		load_close(&waste.load);
		return false;
	}
	histogram_clear(allocs);
	histogram_clear(frees);
	time_calls(waste.load.heap, npages, allocs, frees);
	kthread_stop(waste.task);
	span_heap_stats(waste.load.heap, &stats);
	measure_report(bench, SUBJECT_SPANALLOC->name, npages, allocs, frees);
	report(bench, SUBJECT_SPANALLOC->name, "released_pages", stats.released_age_pages * 1000);
	load_close(&waste.load);
	return true;
}

void measure_scavlat(unsigned long npages)
{
	struct histogram *hist = kvmalloc_array(2, sizeof(*hist), GFP_KERNEL);

	if (!hist)
		return;
	pr_info("scavlat: %lu pages\n", npages);
	if (!measure_calls("scavlat_off", npages, 3600000, 0, hist, hist + 1) ||
	    !measure_calls("scavlat_on", npages, 1, SPAN_HEAP_AGE_ONLY, hist, hist + 1) ||
	    !measure_calls("scavlat_uncached_off", npages, 3600000, SPAN_HEAP_NO_CACHE, hist,
			   hist + 1) ||
	    !measure_calls("scavlat_uncached_on", npages, 1,
			   SPAN_HEAP_NO_CACHE | SPAN_HEAP_AGE_ONLY, hist, hist + 1))
		pr_notice("scavlat: cannot create the heap or the thread\n");
	kvfree(hist);
}
