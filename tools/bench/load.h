/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A load of mixed spans on a heap of its own.
 */
#ifndef SPANALLOC_BENCH_LOAD_H
#define SPANALLOC_BENCH_LOAD_H

#include <linux/prandom.h>

#include <spanalloc/spanalloc.h>

struct load_span {
	void *addr;
	unsigned int npages;
};

/**
 * struct load - live spans on a heap
 * @heap: the heap
 * @random: random numbers for lengths and for the spans to free
 * @span: the spans
 * @nr: number of spans
 * @live: their pages
 * @max: most pages, and room of @span
 * @failed: an allocation has failed
 */
struct load {
	struct span_heap *heap;
	struct rnd_state random;
	struct load_span *span;
	unsigned int nr;
	unsigned long live;
	unsigned long max;
	bool failed;
};

int load_open(struct load *load, const struct span_heap_params *params, unsigned long max_pages);
void load_close(struct load *load);
void load_to(struct load *load, unsigned long npages);
void load_churn(struct load *load, unsigned long npages, unsigned int ops);

#endif /* SPANALLOC_BENCH_LOAD_H */
