/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU caches: spans kept ready for each CPU.
 */
#ifndef SPANALLOC_CACHE_H
#define SPANALLOC_CACHE_H

#include <linux/types.h>

#include <spanalloc/spanalloc.h>

struct span;
struct span_heap;

/**
 * struct cache_sum - the numbers of all caches of a heap
 * @in_use: pages of allocations served minus pages of frees cached, by kind; added to
 *	span_heap::in_use
 * @spans: @hits minus @frees; added to span_heap::spans
 * @pages: cached pages
 * @cached: cached spans
 * @hits: allocations served
 * @misses: allocations not served
 * @frees: frees cached
 * @zeroed: pages cleared
 * @skipped: pages that were clear already
 */
struct cache_sum {
	long in_use[SPAN_NR_KINDS];
	long spans;
	unsigned long pages;
	unsigned long cached;
	u64 hits;
	u64 misses;
	u64 frees;
	u64 zeroed;
	u64 skipped;
};

extern unsigned int cache_max_pages;

int cache_init(void);
void cache_exit(void);
int cache_new(struct span_heap *heap);
void cache_delete(struct span_heap *heap);
struct span *cache_pop(struct span_heap *heap, unsigned long npages, int node,
		       enum span_kind kind, bool zero);
void cache_fill(struct span_heap *heap, const struct span *like);
bool cache_push(struct span_heap *heap, struct span *span, enum span_kind kind);
unsigned long cache_drain(struct span_heap *heap);
unsigned long cache_shed(struct span_heap *heap);
unsigned long cache_pass(struct span_heap *heap, bool old);
unsigned long cache_pages(struct span_heap *heap);
unsigned long cache_pages_of(struct span_heap *heap, int node);
unsigned long cache_pages_sync(struct span_heap *heap);
void cache_sum(struct span_heap *heap, struct cache_sum *sum);
size_t cache_bytes(const struct span_heap *heap);

#endif /* SPANALLOC_CACHE_H */
