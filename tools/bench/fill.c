// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cost of an allocation that finds idle pages but no cached span, such as the first
 * allocations of a length. A heap with caches takes several spans at a time from its
 * idle pages. The other subject is a heap without caches, which takes single spans.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/math64.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "bench.h"

/* Idle pages at the start, in runs that are too long for caches. */
#define IDLE_RUNS	4
#define RUN_PAGES	1024UL

/**
 * struct filling - one way of filling a heap
 * @subject: name in the results
 * @flags: SPAN_HEAP_*
 * @sample: picoseconds for each allocation
 */
struct filling {
	const char *subject;
	unsigned long flags;
	u64 sample[MAX_REPEATS];
};

static bool make_idle(struct span_heap *heap)
{
	void *run[IDLE_RUNS];
	bool ok = true;
	unsigned int i;

	for (i = 0; i < IDLE_RUNS; i++) {
		run[i] = span_alloc(heap, RUN_PAGES, GFP_KERNEL | __GFP_NOWARN);
		ok &= !!run[i];
	}
	for (i = 0; i < IDLE_RUNS; i++)
		span_free(run[i]);
	return ok;
}

/* Returns picoseconds for each allocation, 0 if one failed. */
static u64 fill_once(struct span_heap *heap, unsigned long npages, void **slots,
		     unsigned int nr)
{
	unsigned int i, got = 0;
	u64 start, ns;

	if (!make_idle(heap))
		return 0;
	start = ktime_get_ns();
	while (got < nr && (slots[got] = span_alloc(heap, npages, GFP_KERNEL | __GFP_NOWARN)))
		got++;
	ns = ktime_get_ns() - start;
	for (i = 0; i < got; i++)
		span_free(slots[i]);
	return got == nr ? div_u64(ns * 1000, nr) : 0;
}

/* Take one sample in a new heap, which has no cached spans. */
static u64 sample(const struct filling *filling, unsigned long npages)
{
	const struct span_heap_params params = {
		.name = "spanalloc_bench_fill",
		.node = NUMA_NO_NODE,
		.flags = filling->flags,
	};
	unsigned int nr = IDLE_RUNS * RUN_PAGES / npages;
	struct span_heap *heap = span_heap_create(&params);
	void **slots = kvcalloc(nr, sizeof(*slots), GFP_KERNEL);
	u64 ps = 0;

	if (!IS_ERR(heap) && slots)
		ps = fill_once(heap, npages, slots, nr);
	kvfree(slots);
	if (!IS_ERR(heap))
		span_heap_destroy(heap);
	return ps;
}

static void report(struct filling *filling, unsigned long npages, u64 base)
{
	struct row row = {
		.bench = "fill",
		.subject = filling->subject,
		.metric = "ns_per_alloc",
		.pages = npages,
		.threads = 1,
		.samples = effort.repeats,
		.base = base,
	};

	row.q1 = samples_quartile(filling->sample, 1);
	row.value = samples_quartile(filling->sample, 2);
	row.q3 = samples_quartile(filling->sample, 3);
	results_add(&row);
}

void measure_fill(unsigned long npages)
{
	static struct filling filling[2] = {
		{ .subject = "spanalloc" },
		{ .subject = "spanalloc_uncached", .flags = SPAN_HEAP_NO_CACHE },
	};
	unsigned int round, i;

	if (npages > RUN_PAGES)
		return;
	for (round = 0; round < effort.repeats; round++) {
		for (i = 0; i < ARRAY_SIZE(filling); i++) {
			filling[i].sample[round] = sample(&filling[i], npages);
			if (!filling[i].sample[round]) {
				pr_notice("fill: %lu pages: an allocation failed\n", npages);
				return;
			}
		}
	}
	for (i = 0; i < ARRAY_SIZE(filling); i++)
		samples_sort(filling[i].sample);
	report(&filling[0], npages, 0);
	report(&filling[1], npages, samples_quartile(filling[0].sample, 2));
}
