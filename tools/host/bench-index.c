// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>

#include "bench-index.h"

const unsigned long bench_chunks[BENCH_NR_HEAPS] = { 64, 1024, 8192, 262144 };

void bench_heap_empty(struct pageheap *heap, unsigned long nchunks)
{
	pageheap_init(heap);
	pageheap_grow(heap, nchunks);
}

void bench_heap_checkerboard(struct pageheap *heap, unsigned long nchunks)
{
	unsigned long npages = (nchunks - 1) << PAGEINDEX_CHUNK_SHIFT;
	struct pageindex_claim claim;
	unsigned long page;

	bench_heap_empty(heap, nchunks);
	pageheap_alloc(heap, npages, &claim);
	for (page = 1; page < npages; page += 2)
		pageindex_free(&heap->index, page, 1, 0);
}

static inline unsigned long index_get(void *heap, unsigned long npages)
{
	struct pageheap *on = heap;
	struct pageindex_claim claim;

	claim.page = 0;
	pageindex_alloc(&on->index, npages, &claim);
	return claim.page;
}

static inline void index_put(void *heap, unsigned long page, unsigned long npages)
{
	struct pageheap *on = heap;

	pageindex_free(&on->index, page, npages, 0);
}

static noinline unsigned long nothing_get(void *heap, unsigned long npages)
{
	asm volatile("" : : "r" (heap), "r" (npages) : "memory");
	return npages;
}

static noinline void nothing_put(void *heap, unsigned long page, unsigned long npages)
{
	asm volatile("" : : "r" (heap), "r" (page), "r" (npages) : "memory");
}

u64 bench_pair(struct pageheap *heap, unsigned long npages, unsigned long ops)
{
	return work_pair(heap, index_get, index_put, npages, ops);
}

void bench_churn_begin(struct pageheap *heap, struct work_churn *churn)
{
	work_churn_begin(churn, heap, index_get);
}

u64 bench_churn(struct pageheap *heap, struct work_churn *churn)
{
	return work_churn(churn, heap, index_get, index_put);
}

u64 bench_nothing(unsigned long ops)
{
	return work_pair(NULL, nothing_get, nothing_put, 1, ops);
}
