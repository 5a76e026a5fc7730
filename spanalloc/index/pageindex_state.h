/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: changing the states of pages of one chunk, and the chunk's
 * pageindex_meta. The tree of summaries is not updated. Nothing else includes this.
 */
#ifndef SPANALLOC_PAGEINDEX_STATE_H
#define SPANALLOC_PAGEINDEX_STATE_H

#include "index/pageindex_tree.h"

/* === Counts of recent events in a chunk ================================= */

void pageindex_refresh(const struct pageindex *idx, struct pageindex_meta *meta);

/* To be called before a chunk's counts change: brings them to the current epoch. */
static inline void meta_refresh(const struct pageindex *idx, struct pageindex_meta *meta)
{
	if (unlikely(meta->epoch != idx->epoch))
		pageindex_refresh(idx, meta);
}

static inline void meta_count(u16 *count, unsigned int npages)
{
	*count = min_t(unsigned int, *count + npages, (u16)~0U);
}

/*
 * How many of @npages released pages that are taken again are refaults: at most as many as
 * were released in this epoch and the one before. The older releases are used up first,
 * because their count is dropped first.
 */
static inline unsigned int meta_refault(struct pageindex_meta *meta, unsigned int npages)
{
	unsigned int old = min_t(unsigned int, npages, meta->release_count[1]);
	unsigned int new = min_t(unsigned int, npages - old, meta->release_count[0]);

	meta->release_count[1] -= old;
	meta->release_count[0] -= new;
	return old + new;
}

/* === Taking ============================================================= */

/* The counter in @idle_of that a chunk's idle pages are counted in, or NULL. */
static inline unsigned long *idle_count_of(const struct pageindex *idx,
					   const struct pageindex_meta *meta)
{
	if (likely(!idx->idle_of))
		return NULL;
	return &idx->idle_of[meta->tag == PAGEINDEX_TAG_MIXED ? 0 : meta->tag];
}

static inline void idle_add(struct pageindex *idx, unsigned long chunk, unsigned int npages)
{
	unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;
	unsigned long *count = idle_count_of(idx, chunk_meta(idx, chunk));

	if (unlikely(count))
		*count += npages;
	chunk_meta(idx, chunk)->idle += npages;
	idx->nr_idle += npages;
	idx->idle_map[block / 64] |= BIT_ULL(block % 64);
}

static inline void idle_sub(struct pageindex *idx, unsigned long chunk, unsigned int npages)
{
	unsigned long *count = idle_count_of(idx, chunk_meta(idx, chunk));

	if (unlikely(count))
		*count -= npages;
	chunk_meta(idx, chunk)->idle -= npages;
	idx->nr_idle -= npages;
}

/* Take pages @from..@to - 1 of @chunk, which are free; returns how many were released. */
static inline unsigned int chunk_take(struct pageindex *idx, unsigned long chunk,
				       unsigned int from, unsigned int to)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int released = 0;
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		u64 mask = word_mask(w, from, to);
		u64 bare = ~(word[w].hi | word[w].lo) & mask;

		if (bare)
			released += hweight64(bare);
		word[w].hi |= mask;
		word[w].lo |= mask;
	}
	idx->nr_released -= released;
	idle_sub(idx, chunk, to - from - released);
	return released;
}

/* Pages @from..@to - 1 of a chunk will be backed; returns how many never were. */
static inline unsigned int note_backed(struct pageindex_meta *meta, unsigned int from,
				       unsigned int to)
{
	unsigned int fresh = 0;

	if (to > meta->unbacked_from) {
		fresh = to - max_t(unsigned int, from, meta->unbacked_from);
		meta->unbacked_from = to;
	}
	return fresh;
}

/* An allocation takes pages @from..@to - 1 of @chunk, which are free. */
static inline void chunk_alloc(struct pageindex *idx, unsigned long chunk, unsigned int from,
			       unsigned int to, struct pageindex_claim *claim)
{
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int released = chunk_take(idx, chunk, from, to);

	meta_refresh(idx, meta);
	meta_count(&meta->alloc_count[0], to - from);
	/* A page that is idle has been backed. */
	if (released) {
		claim->released += released;
		claim->fresh += note_backed(meta, from, to);
		claim->refault += meta_refault(meta, released);
	}
	if (meta->zero_from > from)
		claim->clean = (chunk << CHUNK_SHIFT) + min_t(unsigned int, to, meta->zero_from) -
			       claim->page;
}

/* === Giving back ======================================================== */

/* In use to idle. */
static inline void chunk_free(struct pageindex *idx, unsigned long chunk, unsigned int from,
			      unsigned int to, unsigned int flags)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		if (flags & PAGEINDEX_FREE_OLD)
			word[w].hi &= ~word_mask(w, from, to);
		else
			word[w].lo &= ~word_mask(w, from, to);
	}
	idle_add(idx, chunk, to - from);
	if (!(flags & PAGEINDEX_FREE_CLEAN) && to > meta->zero_from)
		meta->zero_from = to;
}

/* In use to released. */
static inline void chunk_release(struct pageindex *idx, unsigned long chunk, unsigned int from,
				 unsigned int to)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		u64 mask = word_mask(w, from, to);

		word[w].hi &= ~mask;
		word[w].lo &= ~mask;
	}
	idx->nr_released += to - from;
	meta_refresh(idx, meta);
	meta_count(&meta->release_count[0], to - from);
}

/* If no page of a chunk is backed, reset its @zero_from and its @tag. */
static inline void chunk_reset_if_released(struct pageindex *idx, unsigned long chunk)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	u64 backed = 0;
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++)
		backed |= word[w].hi | word[w].lo;
	if (backed)
		return;
	chunk_meta(idx, chunk)->zero_from = 0;
	chunk_meta(idx, chunk)->tag = 0;
}

#endif /* SPANALLOC_PAGEINDEX_STATE_H */
