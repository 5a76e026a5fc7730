/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: changing the states of pages of one chunk, with the chunk's
 * pageindex_meta and the index's counters. The tree of summaries is not updated here. Only
 * pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_STATE_H
#define SPANALLOC_PAGEINDEX_STATE_H

#include "index/pageindex_epoch.h"
#include "index/pageindex_tree.h"

/* === The chunks of a run ================================================ */

/**
 * struct chunk_part - the pages of a run that lie in one chunk
 * @chunk: the chunk
 * @from: first page, as an offset into the chunk
 * @to: first page after them, as an offset into the chunk
 */
struct chunk_part {
	unsigned long chunk;
	unsigned int from;
	unsigned int to;
};

/* The next part of a run whose parts below *@page are done; false if *@page is @end. */
static __always_inline bool chunk_part_next(struct chunk_part *part, unsigned long *page,
					    unsigned long end)
{
	unsigned long next;

	if (*page >= end)
		return false;
	part->chunk = *page >> CHUNK_SHIFT;
	part->from = *page % CHUNK_PAGES;
	next = min(end, (part->chunk + 1) << CHUNK_SHIFT);
	part->to = part->from + (next - *page);
	*page = next;
	return true;
}

/* === Idle pages ========================================================= */

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

/* === Taking ============================================================= */

/* Take pages @from..@to - 1 of @chunk, which are free. Returns how many were released. */
static inline unsigned int chunk_take(struct pageindex *idx, unsigned long chunk,
				      unsigned int from, unsigned int to)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int released = 0;
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		u64 mask = word_mask(w, from, to);
		u64 bare = word_released(&word[w]) & mask;

		if (bare)
			released += hweight64(bare);
		word[w].hi |= mask;
		word[w].lo |= mask;
	}
	idx->nr_released -= released;
	idle_sub(idx, chunk, to - from - released);
	return released;
}

/*
 * Pages @from..@to - 1 of a chunk will be backed: raise @unbacked_from. Returns by how many
 * of these pages.
 */
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

/* Allocate pages @from..@to - 1 of @chunk, which are free, and add to @claim. */
static inline void chunk_alloc(struct pageindex *idx, unsigned long chunk, unsigned int from,
			       unsigned int to, struct pageindex_claim *claim)
{
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int released = chunk_take(idx, chunk, from, to);

	epoch_count_alloc(idx, meta, to - from);
	/* Idle pages have been backed: they lie below @unbacked_from. */
	if (released) {
		claim->released += released;
		claim->fresh += note_backed(meta, from, to);
		claim->refault += epoch_take_refaults(meta, released);
	}
	if (meta->zero_from > from)
		claim->clean = (chunk << CHUNK_SHIFT) +
			       min_t(unsigned int, to, meta->zero_from) - claim->page;
}

/* === Freeing and releasing ============================================== */

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
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		u64 mask = word_mask(w, from, to);

		word[w].hi &= ~mask;
		word[w].lo &= ~mask;
	}
	idx->nr_released += to - from;
	epoch_count_release(idx, chunk_meta(idx, chunk), to - from);
}

/* If all pages of @chunk are released, reset @zero_from and @tag. */
static inline void chunk_reset_if_released(struct pageindex *idx, unsigned long chunk)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	u64 backed = 0;
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++)
		backed |= ~word_released(&word[w]);
	if (backed)
		return;
	chunk_meta(idx, chunk)->zero_from = 0;
	chunk_meta(idx, chunk)->tag = PAGEINDEX_TAG_NONE;
}

/* Allocate a run of free pages, update the tree, and add to @claim. In pageindex.c. */
void pageindex_alloc_run(struct pageindex *idx, unsigned long page, unsigned long npages,
			 struct pageindex_claim *claim);

#endif /* SPANALLOC_PAGEINDEX_STATE_H */
