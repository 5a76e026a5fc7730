/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page heap: a page index together with its memory.
 *
 * As the module's heap, it adds blocks and chunks to its index when a request
 * does not fit, and releases idle pages in passes. It has no address space and
 * no backing; both are only counted.
 */
#ifndef HOST_PAGEHEAP_H
#define HOST_PAGEHEAP_H

#include "index/pageindex.h"

/**
 * struct pageheap - a page index and its memory
 * @index: the page index
 * @grown: number of chunks grown, from chunk 0 on, by pageheap_alloc()
 */
struct pageheap {
	struct pageindex index;
	unsigned long grown;
};

void pageheap_init(struct pageheap *heap);
void pageheap_destroy(struct pageheap *heap);
unsigned long pageheap_add_block(struct pageheap *heap, bool adjoining);
void pageheap_grow(struct pageheap *heap, unsigned long nchunks);
void pageheap_alloc(struct pageheap *heap, unsigned long npages, struct pageindex_claim *claim);
unsigned long pageheap_pass(struct pageheap *heap, unsigned long keep);
size_t pageheap_metadata_bytes(const struct pageheap *heap);

static inline unsigned long pageheap_nr_chunks(const struct pageheap *heap)
{
	return heap->index.nr_blocks << PAGEINDEX_BLOCK_SHIFT;
}

static inline unsigned long pageheap_live(const struct pageheap *heap)
{
	return heap->index.nr_pages - heap->index.nr_idle - heap->index.nr_released;
}

#endif /* HOST_PAGEHEAP_H */
