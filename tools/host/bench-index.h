/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Benchmarks of the page index: heaps in a certain state, and the timed loops.
 */
#ifndef HOST_BENCH_INDEX_H
#define HOST_BENCH_INDEX_H

#include "pageheap.h"
#include "work.h"

#define BENCH_NR_HEAPS	4
#define BENCH_CHURN_CHUNKS	1024UL

/* Chunks of the heaps on which pairs are timed. */
extern const unsigned long bench_chunks[BENCH_NR_HEAPS];

void bench_heap_empty(struct pageheap *heap, unsigned long nchunks);

/* Every second page is taken, except in the last chunk, which is free. */
void bench_heap_checkerboard(struct pageheap *heap, unsigned long nchunks);

/* Each of these returns its time in ns. */
u64 bench_pair(struct pageheap *heap, unsigned long npages, unsigned long ops);
u64 bench_churn(struct pageheap *heap, struct work_churn *churn);
void bench_churn_begin(struct pageheap *heap, struct work_churn *churn);

/* The loop of bench_pair() around two functions that do nothing. */
u64 bench_nothing(unsigned long ops);

#endif /* HOST_BENCH_INDEX_H */
