// SPDX-License-Identifier: GPL-2.0-only
/*
 * The longest hold of the heap's lock, for several loads.
 *
 * While a CPU holds the lock, its interrupts are off, and other CPUs that want the lock
 * spin. spanalloc times every hold while a case runs, and reports the longest. The host
 * may stop a virtual CPU in the middle of a hold, which lengthens the hold. Therefore
 * each case runs several times, and the result is the least of the longest holds.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>

#include <spanalloc/spanalloc.h>

#include "bench.h"
#include "heap/locktime.h"

#define QUIETLY		(GFP_KERNEL | __GFP_NOWARN)

/* Longest span of mixed lengths, which is the longest span that caches hold. */
#define MIXED_PAGES	512

/* Operations of a run. Some hundred microseconds are short enough for undisturbed runs. */
#define LOCK_LOOPS	1000

/* Runs per sample of other benchmarks, since a least value needs more runs than a median. */
#define LOCK_ROUNDS	4

/**
 * struct bed - a heap and its live spans
 * @heap: the heap
 * @random: random numbers for lengths and for the spans to replace
 * @slots: live spans
 * @nr: number of slots
 * @npages: length of spans, 0 for all lengths up to %MIXED_PAGES
 * @failed: an allocation failed
 */
struct bed {
	struct span_heap *heap;
	struct rnd_state random;
	void **slots;
	unsigned long nr;
	unsigned long npages;
	bool failed;
};

static u32 below(struct bed *bed, u32 n)
{
	return prandom_u32_state(&bed->random) % n;
}

static unsigned long some_length(struct bed *bed)
{
	unsigned long npages;

	if (bed->npages)
		return bed->npages;
	/* Each power of two is as likely as the next. */
	npages = 1UL << below(bed, ilog2(MIXED_PAGES));
	return npages + below(bed, npages) + 1;
}

static void replace(struct bed *bed, unsigned long slot, gfp_t gfp)
{
	span_free(bed->slots[slot]);
	bed->slots[slot] = span_alloc(bed->heap, some_length(bed), gfp);
	bed->failed |= !bed->slots[slot];
}

static void fill(struct bed *bed)
{
	unsigned long i;

	for (i = 0; i < bed->nr; i++)
		replace(bed, i, QUIETLY);
}

static void empty(struct bed *bed, unsigned long first, unsigned long step)
{
	unsigned long i;

	for (i = first; i < bed->nr; i += step) {
		span_free(bed->slots[i]);
		bed->slots[i] = NULL;
	}
}

/* === Cases ============================================================== */

static void one_by_one(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < LOCK_LOOPS; i++)
		replace(bed, 0, QUIETLY);
}

static void churn(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < LOCK_LOOPS; i++)
		replace(bed, below(bed, bed->nr), QUIETLY);
}

static void checkerboard(struct bed *bed)
{
	fill(bed);
	empty(bed, 0, 2);
}

/* Make idle pages and released pages alternate. */
static void stripes(struct bed *bed)
{
	checkerboard(bed);
	span_heap_scavenge(bed->heap, ULONG_MAX);
	empty(bed, 1, 2);
}

/* Release runs of one page each, between the live spans of the checkerboard. */
static void release(struct bed *bed)
{
	span_heap_scavenge(bed->heap, ULONG_MAX);
}

static void free_all(struct bed *bed)
{
	empty(bed, 0, 1);
}

/* The heap has many idle pages, but no two adjacent ones. */
static void atomic_pair(struct bed *bed)
{
	void *addr;
	unsigned int i;

	for (i = 0; i < LOCK_LOOPS; i++) {
		addr = span_alloc(bed->heap, 2, GFP_NOWAIT | __GFP_NOWARN);
		/* If an allocation that cannot sleep finds no room, one that can makes room. */
		if (!addr)
			addr = span_alloc(bed->heap, 2, QUIETLY);
		bed->failed |= !addr;
		span_free(addr);
	}
}

/**
 * struct lock_case - a load on a heap
 * @name: name in the results
 * @flags: flags of the heap
 * @npages: length of spans; 0 for mixed lengths
 * @prepare: called first, untimed; may be NULL
 * @run: called while holds are timed
 */
struct lock_case {
	const char *name;
	unsigned long flags;
	unsigned long npages;
	void (*prepare)(struct bed *bed);
	void (*run)(struct bed *bed);
};

static const struct lock_case lock_cases[] = {
	{ "lock_churn", SPAN_HEAP_NO_CACHE, 0, fill, churn },
	{ "lock_free", SPAN_HEAP_NO_CACHE, 0, fill, free_all },
	{ "lock_release", SPAN_HEAP_NO_CACHE, 1, checkerboard, release },
	{ "lock_atomic", SPAN_HEAP_NO_CACHE, 1, checkerboard, atomic_pair },
	{ "lock_atomic_stripes", SPAN_HEAP_NO_CACHE, 1, stripes, atomic_pair },
	{ "lock_churn_cached", 0, 0, fill, churn },
	{ "lock_free_cached", 0, 0, fill, free_all },
	{ "lock_release_cached", 0, 1, checkerboard, release },
};

/* Number of spans that have about effort.live_pages pages in all. */
static unsigned long bed_size(unsigned long npages)
{
	return max(effort.live_pages / (npages ?: MIXED_PAGES / ilog2(MIXED_PAGES)), 2UL);
}

static int bed_open(struct bed *bed, unsigned long flags, unsigned long npages)
{
	const struct span_heap_params params = {
		.name = "spanalloc_bench_lock",
		.node = NUMA_NO_NODE,
		.flags = flags,
	};

	memset(bed, 0, sizeof(*bed));
	prandom_seed_state(&bed->random, 1);
	bed->npages = npages;
	bed->nr = bed_size(npages);
	bed->slots = kvcalloc(bed->nr, sizeof(*bed->slots), GFP_KERNEL);
	if (!bed->slots)
		return -ENOMEM;
	bed->heap = span_heap_create(&params);
	if (!IS_ERR(bed->heap))
		return 0;
	kvfree(bed->slots);
	return PTR_ERR(bed->heap);
}

static void bed_close(struct bed *bed)
{
	empty(bed, 0, 1);
	span_heap_destroy(bed->heap);
	kvfree(bed->slots);
}

/* The longest hold in one run of a case. */
static u64 longest_hold(struct bed *bed, const struct lock_case *what)
{
	struct span_heap_stats stats;

	if (what->prepare)
		what->prepare(bed);
	locktime_switch(true);
	what->run(bed);
	span_heap_stats(bed->heap, &stats);
	locktime_switch(false);
	return stats.lock_hold_max_ns;
}

static void measure_case(const struct lock_case *what)
{
	struct row row = {
		.bench = what->name,
		.subject = SUBJECT_SPANALLOC->name,
		.metric = "lock_hold_max_ns",
		.pages = what->npages,
		.threads = 1,
	};
	u64 least = U64_MAX;
	unsigned int round;
	struct bed bed;

	if (bed_open(&bed, what->flags, what->npages)) {
		pr_notice("%s: cannot create the heap\n", what->name);
		return;
	}
	for (round = 0; round < LOCK_ROUNDS * effort.repeats; round++) {
		least = min(least, longest_hold(&bed, what));
		cond_resched();
	}
	if (bed.failed)
		pr_notice("%s: an allocation failed\n", what->name);
	else
		row.value = least * 1000;
	bed_close(&bed);
	if (!bed.failed)
		results_add(&row);
}

void measure_lock_pair(unsigned long npages)
{
	const struct lock_case pair = {
		"lock_pair", SPAN_HEAP_NO_CACHE, npages, one_by_one, one_by_one
	};

	measure_case(&pair);
}

void measure_lock(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lock_cases); i++)
		measure_case(&lock_cases[i]);
}
