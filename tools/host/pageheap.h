/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page heap: a page index together with the memory that it lives in.
 *
 * Does for programs what the module's heap does around its index: adds blocks
 * and chunks when a request does not fit, and passes out idle pages. Address
 * space and backing exist only as numbers.
 */
#ifndef HOST_PAGEHEAP_H
#define HOST_PAGEHEAP_H

#include "index/pageindex.h"

/**
 * struct pageheap - a page index and its memory
 * @index: the page index
 * @grown: chunks in use, counted from 0; only pageheap_alloc() keeps it
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
