/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prefetch hints: memory that a later step of a free will write.
 *
 * A free reads and writes two kinds of memory that another CPU may have written last: the
 * span's descriptor, and the part of the page index that covers the span's pages. A prefetch
 * needs no lock and cannot fail; a wrong address costs time, never correctness.
 */
#ifndef SPANALLOC_PREFETCH_H
#define SPANALLOC_PREFETCH_H

#include <linux/compiler.h>
#include <linux/prefetch.h>
#include <linux/types.h>

#include "index/lookup.h"
#include "index/pageindex.h"

/* === Page index ========================================================= */

/**
 * pageindex_prefetch() - prefetch what freeing or releasing a page will write
 * @idx: the index
 * @block: the block that the page lies in
 * @page: the page
 *
 * Call it before taking the lock, so that cache misses do not lengthen the hold. The table
 * may be replaced at the same time: a prefetch from the old table does no harm.
 */
static inline void pageindex_prefetch(const struct pageindex *idx, struct pageindex_block *block,
				      unsigned long page)
{
	unsigned long chunk = (page >> PAGEINDEX_CHUNK_SHIFT) % PAGEINDEX_BLOCK_CHUNKS;
	unsigned long nr = page / PAGEINDEX_BLOCK_PAGES;

	prefetchw(&block->word[chunk][0]);
	prefetchw(&block->word[chunk][PAGEINDEX_CHUNK_WORDS / 2]);
	prefetchw(&block->meta[chunk]);
	prefetchw(&block->chunk_sum[chunk]);
	prefetchw(&block->group_sum[chunk / 8]);
	/* All three pair with WRITE_ONCE() in pageindex_set_table(). */
	prefetchw(READ_ONCE(idx->sum[0]) + nr);
	prefetchw(READ_ONCE(idx->sum[1]) + nr / 8);
	prefetchw(READ_ONCE(idx->sum[2]) + nr / 64);
}

/**
 * arena_prefetch() - prefetch what freeing or releasing pages at an address will write
 * @idx: the page index of the arena's heap
 * @arena: the arena
 * @addr: an address in the arena
 *
 * As pageindex_prefetch().
 */
static inline void arena_prefetch(const struct pageindex *idx, struct arena *arena,
				  unsigned long addr)
{
	pageindex_prefetch(idx, &arena->block,
			   arena->first_page + ((addr - arena->base) >> PAGE_SHIFT));
}

/* === Descriptors ======================================================== */

/*
 * A CPU often frees the spans of another CPU in the order in which they were allocated.
 * Their descriptors are then in the hardware cache of the other CPU. So each free prefetches
 * the descriptor of the span that was allocated %CACHE_AHEAD spans later. A span notes which
 * descriptor that will be when the span is cached (@ahead).
 */
#define CACHE_AHEAD	8

/* struct span::ahead counts in units of 2^6 bytes, the size of a descriptor. */
#define SPAN_AHEAD_SHIFT	6

/**
 * span_set_ahead() - note which descriptor is likely to be freed a little later
 * @span: the descriptor to note it in
 * @ahead: the descriptor to note; if it is more than 128 GiB away the hint is wrong
 */
static inline void span_set_ahead(struct span *span, const struct span *ahead)
{
	/* A racing double free may read this field. */
	WRITE_ONCE(span->ahead, ((long)ahead - (long)span) >> SPAN_AHEAD_SHIFT);
}

/**
 * span_fetch_ahead() - prefetch for writing the descriptor that span_set_ahead() noted
 * @span: the descriptor it was noted in
 */
static inline void span_fetch_ahead(const struct span *span)
{
	prefetchw((const char *)span + ((long)READ_ONCE(span->ahead) << SPAN_AHEAD_SHIFT));
}

#endif /* SPANALLOC_PREFETCH_H */
