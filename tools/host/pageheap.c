// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "pageheap.h"

#define CACHE_LINE	64

/* In the module every page has one pointer from its address to its span. */
#define SLOT_BYTES	8

/* A chunk has at most this many runs: every second page. */
#define CHUNK_RUNS	(PAGEINDEX_CHUNK_PAGES / 2)

void pageheap_init(struct pageheap *heap)
{
	pageindex_init(&heap->index);
	heap->grown = 0;
}

void pageheap_destroy(struct pageheap *heap)
{
	unsigned long i;

	for (i = 0; i < heap->index.nr_blocks; i++)
		free(heap->index.block[i]);
	/* The table is one piece of memory that begins with the block pointers. */
	free(heap->index.block);
	pageindex_init(&heap->index);
}

unsigned long pageheap_add_block(struct pageheap *heap, bool adjoining)
{
	struct pageindex *idx = &heap->index;
	size_t bytes = round_up(sizeof(struct pageindex_block), (size_t)CACHE_LINE);
	struct pageindex_block *block = memory_must(aligned_alloc(CACHE_LINE, bytes));

	if (idx->nr_blocks == idx->max_blocks) {
		unsigned long room = idx->max_blocks ? 2 * idx->max_blocks : 1;

		free(pageindex_set_table(idx, memory_zeroed(1, pageindex_table_bytes(room)), room));
	}
	/* pageindex_block_init() must not rely on zeroed memory. */
	memset(block, 0xa5, sizeof(*block));
	pageindex_block_init(block, adjoining);
	return pageindex_add_block(idx, block);
}

/* Make the next @nchunks chunks usable; all blocks adjoin. */
void pageheap_grow(struct pageheap *heap, unsigned long nchunks)
{
	if (heap->grown + nchunks > PAGEINDEX_MAX_BLOCKS << PAGEINDEX_BLOCK_SHIFT) {
		fputs("the heap needs more pages than an index can number\n", stderr);
		exit(2);
	}
	while (heap->grown + nchunks > pageheap_nr_chunks(heap))
		pageheap_add_block(heap, heap->index.nr_blocks > 0);
	pageindex_grow(&heap->index, heap->grown, nchunks);
	heap->grown += nchunks;
}

void pageheap_alloc(struct pageheap *heap, unsigned long npages, struct pageindex_claim *claim)
{
	if (pageindex_alloc(&heap->index, npages, claim))
		return;
	pageheap_grow(heap, DIV_ROUND_UP(npages, PAGEINDEX_CHUNK_PAGES));
	if (!pageindex_alloc(&heap->index, npages, claim)) {
		fprintf(stderr, "no run of %lu pages in a heap that has just grown by that\n",
			npages);
		abort();
	}
}

static bool prev_idle(struct pageindex *idx, unsigned long *chunk)
{
	unsigned int steps = UINT_MAX;

	return pageindex_prev_idle(idx, chunk, &steps);
}

/* Release old pages above @keep, in chunks within the bounds of use and of recent use. */
static void pass_chunks(struct pageindex *idx, unsigned long chunk, unsigned long keep,
			unsigned int max_used, unsigned int max_recent)
{
	struct pageindex_run runs[CHUNK_RUNS];
	unsigned long backed;
	unsigned int nr, i;

	while (prev_idle(idx, &chunk)) {
		backed = idx->nr_pages - idx->nr_released;
		if (backed <= keep)
			return;
		if (pageindex_used(idx, chunk) > max_used ||
		    pageindex_recent(idx, chunk) > max_recent)
			continue;
		nr = pageindex_take_idle(idx, chunk, PAGEINDEX_OLD, backed - keep, runs,
					 CHUNK_RUNS);
		for (i = 0; i < nr; i++)
			pageindex_release(idx, runs[i].page, runs[i].npages);
	}
}

/*
 * One pass of the scavenger, in the module's order: release pages that were idle at the
 * last pass, but keep @keep backed pages; then age the others. Returns the pages released.
 */
unsigned long pageheap_pass(struct pageheap *heap, unsigned long keep)
{
	struct pageindex *idx = &heap->index;
	unsigned long chunks = pageheap_nr_chunks(heap), chunk = chunks;
	unsigned long before = idx->nr_released;
	const unsigned int half = PAGEINDEX_CHUNK_PAGES / 2 - 1;

	pageindex_next_epoch(idx);
	if (keep) {
		pass_chunks(idx, chunks, keep, 0, UINT_MAX);
		pass_chunks(idx, chunks, keep, half, half);
	}
	pass_chunks(idx, chunks, keep, UINT_MAX, keep ? half : UINT_MAX);
	while (prev_idle(idx, &chunk))
		pageindex_age(idx, chunk);
	return idx->nr_released - before;
}

size_t pageheap_metadata_bytes(const struct pageheap *heap)
{
	const struct pageindex *idx = &heap->index;
	size_t block = sizeof(struct pageindex_block) + SLOT_BYTES * PAGEINDEX_BLOCK_PAGES;

	return idx->nr_blocks * block + pageindex_table_bytes(idx->max_blocks);
}
