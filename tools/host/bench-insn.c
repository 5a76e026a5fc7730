// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-insn: the loops of bench, to be counted by callgrind.
 *
 * Only the loops are counted. After each loop callgrind dumps its counters under
 * the name of the row, which count-insn.sh parses.
 */
#include <stdio.h>
#include <valgrind/callgrind.h>

#include <linux/kernel.h>

#include "bench-index.h"
#include "bench-lookup.h"

/* A heap of 262144 chunks in a checkerboard takes callgrind too long to set up. */
#define NR_HEAPS	(BENCH_NR_HEAPS - 1)

#define OPS		1000UL

static void begin(void)
{
	CALLGRIND_START_INSTRUMENTATION;
	/* Without this, a dump would include the counts of the dump before. */
	CALLGRIND_ZERO_STATS;
}

static void end(const char *row)
{
	CALLGRIND_DUMP_STATS_AT(row);
	CALLGRIND_STOP_INSTRUMENTATION;
}

static void count_nothing(void)
{
	char row[64];

	bench_nothing(OPS);
	snprintf(row, sizeof(row), "nothing ops=%lu", OPS);
	begin();
	bench_nothing(OPS);
	end(row);
}

static void count_pair(struct pageheap *heap, unsigned long nchunks, const char *state,
		       unsigned long npages)
{
	char row[96];

	/* The first operations fill hints in the index; all later operations repeat. */
	bench_pair(heap, npages, OPS);
	snprintf(row, sizeof(row), "pair ops=%lu pages=%lu chunks=%lu state=%s", OPS, npages,
		 nchunks, state);
	begin();
	bench_pair(heap, npages, OPS);
	end(row);
}

static void count_heap(struct pageheap *heap, unsigned long nchunks, const char *state)
{
	unsigned int i;

	for (i = 0; i < WORK_NR_PAIRS; i++)
		count_pair(heap, nchunks, state, work_pairs[i]);
	pageheap_destroy(heap);
}

static void count_pairs(void)
{
	struct pageheap heap;
	unsigned int i;

	for (i = 0; i < BENCH_NR_HEAPS; i++) {
		fprintf(stderr, "bench-insn: heaps of %lu chunks\n", bench_chunks[i]);
		bench_heap_empty(&heap, bench_chunks[i]);
		count_heap(&heap, bench_chunks[i], "empty");
		if (i == NR_HEAPS)
			break;
		bench_heap_checkerboard(&heap, bench_chunks[i]);
		count_heap(&heap, bench_chunks[i], "checkerboard");
	}
}

static void count_churn(void)
{
	static struct work_churn churn;
	struct pageheap heap;
	char row[64];

	bench_heap_empty(&heap, BENCH_CHURN_CHUNKS);
	work_churn_roll(&churn);
	bench_churn_begin(&heap, &churn);
	snprintf(row, sizeof(row), "churn ops=%u live=%u chunks=%lu", WORK_CHURN_OPS,
		 WORK_CHURN_SPANS, BENCH_CHURN_CHUNKS);
	begin();
	bench_churn(&heap, &churn);
	end(row);
	pageheap_destroy(&heap);
}

static void count_lookups(void)
{
	struct lookup *lookup = lookup_prepare(lookup_arenas[0]);
	unsigned int i;
	char row[64];

	for (i = 0; i < LOOKUP_NR_PROBES; i++) {
		snprintf(row, sizeof(row), "lookup ops=%lu arenas=%lu probe=%s", OPS,
			 lookup_arenas[0], lookup_probe_names[i]);
		begin();
		lookup_run(lookup, i, OPS);
		end(row);
	}
	lookup_drop(lookup);
}

int main(void)
{
	if (!RUNNING_ON_VALGRIND) {
		fputs("bench-insn: nothing is counted outside callgrind; run count-insn.sh\n",
		      stderr);
		return 2;
	}
	count_nothing();
	count_pairs();
	count_churn();
	count_lookups();
	return 0;
}
