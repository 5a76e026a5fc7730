// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: growing it, allocating, freeing and releasing runs of pages.
 *
 * Each function changes the states of pages in the bits, chunk by chunk (pageindex_state.h),
 * and then updates summaries and hints (pageindex_tree.c), which searches for free runs use
 * (pageindex_search.c).
 */
#include <linux/compiler.h>
#include <linux/string.h>

#include "index/pageindex_search.h"
#include "index/pageindex_state.h"

/* Places that an aligned search tries before it asks for a longer run. */
#define ALIGN_TRIES	8

/* === Table and blocks =================================================== */

/**
 * pageindex_init() - make an empty index
 * @idx: the index
 */
void pageindex_init(struct pageindex *idx)
{
	memset(idx, 0, sizeof(*idx));
	idx->max_backed = ULONG_MAX;
}

/* Number of summaries in a table, and of their levels. */
static unsigned long pageindex_table_sums(unsigned long max_blocks, unsigned int *levels)
{
	unsigned long total = 0;

	for (*levels = 1;; ++*levels) {
		total += round_up(max_blocks, 8);
		if (max_blocks <= 1)
			return total;
		max_blocks = DIV_ROUND_UP(max_blocks, 8);
	}
}

/**
 * pageindex_table_bytes() - memory needed for the table
 * @max_blocks: blocks that the table shall have room for
 *
 * Return: size in bytes
 */
size_t pageindex_table_bytes(unsigned long max_blocks)
{
	unsigned int levels;

	return (round_up(max_blocks, 8) + pageindex_table_sums(max_blocks, &levels) +
		DIV_ROUND_UP(max_blocks, 64)) * sizeof(u64);
}

/**
 * pageindex_set_table() - give the index a larger table
 * @idx: the index
 * @table: zeroed memory of pageindex_table_bytes(@max_blocks), aligned to 8 bytes
 * @max_blocks: blocks that it has room for, at least those already added and at
 *	most %PAGEINDEX_MAX_BLOCKS
 *
 * Return: the table that was in use before, which the caller owns again, or NULL
 */
void *pageindex_set_table(struct pageindex *idx, void *table, unsigned long max_blocks)
{
	void *old = idx->block;
	/* The summaries of eight children share a cache line if @table is aligned to one. */
	u64 *sum = (u64 *)table + round_up(max_blocks, 8);
	unsigned long room = max_blocks, have = idx->nr_blocks;
	unsigned int levels, old_levels, i;

	pageindex_table_sums(idx->max_blocks, &old_levels);
	if (have) {
		memcpy(table, idx->block, have * sizeof(*idx->block));
		memcpy(sum + pageindex_table_sums(max_blocks, &levels), idx->idle_map,
		       DIV_ROUND_UP(have, 64) * sizeof(u64));
	}
	idx->idle_map = sum + pageindex_table_sums(max_blocks, &levels);
	idx->block = table;
	idx->max_blocks = max_blocks;
	idx->top = levels + 1;
	for (i = 0; i < levels; i++) {
		if (have && i < old_levels)
			memcpy(sum, idx->sum[i], have * sizeof(u64));
		else if (have)
			/* Above the old top there is one summary: the old top covered all. */
			*sum = pageindex_sum_merge(idx->sum[i - 1], 8, level_shift(i + 1));
		/* Pairs with READ_ONCE() in pageindex_prefetch(), whose caller has no lock. */
		WRITE_ONCE(idx->sum[i], sum);
		sum += round_up(room, 8);
		room = DIV_ROUND_UP(room, 8);
		have = DIV_ROUND_UP(have, 8);
	}
	return old;
}

/**
 * pageindex_block_init() - prepare the memory of a block
 * @block: the memory; its content does not matter
 * @adjoining: page 0 of the block directly follows the last page of the block that was added
 *	before it, so that runs may cross from one into the other
 *
 * Writes the whole block. Needs no index: call it before taking the lock.
 */
void pageindex_block_init(struct pageindex_block *block, bool adjoining)
{
	unsigned int i;

	memset(block, 0, sizeof(*block));
	memset(block->word, 0xff, sizeof(block->word));
	for (i = 0; i < PAGEINDEX_BLOCK_CHUNKS; i++)
		block->meta[i].unbacked_from = NEVER_GROWN;
	if (!adjoining)
		block->chunk_sum[0] = SUM_WALL;
}

/**
 * pageindex_add_block() - number the pages of another arena
 * @idx: the index, whose table has room for one more block
 * @block: what pageindex_block_init() has prepared
 *
 * None of the pages is usable until pageindex_grow().
 *
 * Return: number of the block; its first page is the number times %PAGEINDEX_BLOCK_PAGES
 */
unsigned long pageindex_add_block(struct pageindex *idx, struct pageindex_block *block)
{
	unsigned long nr = idx->nr_blocks++;

	idx->block[nr] = block;
	pageindex_sum_update(idx, nr << PAGEINDEX_BLOCK_SHIFT, nr << PAGEINDEX_BLOCK_SHIFT);
	return nr;
}

/**
 * pageindex_grow() - make chunks usable
 * @idx: the index
 * @chunk: first of them, never grown before
 * @nchunks: how many; they may reach into adjoining blocks
 *
 * Their pages become released.
 */
void pageindex_grow(struct pageindex *idx, unsigned long chunk, unsigned long nchunks)
{
	unsigned long i;

	for (i = chunk; i < chunk + nchunks; i++) {
		struct pageindex_meta *meta = chunk_meta(idx, i);

		memset(chunk_words(idx, i), 0, sizeof(chunk_block(idx, i)->word[0]));
		memset(meta, 0, sizeof(*meta));
	}
	idx->nr_pages += nchunks << CHUNK_SHIFT;
	idx->nr_released += nchunks << CHUNK_SHIFT;
	pageindex_tree_freed(idx, chunk << CHUNK_SHIFT, nchunks << CHUNK_SHIFT);
}

/* === Allocating ========================================================= */

/**
 * pageindex_count_released() - count released pages
 * @idx: the index
 * @page: first page
 * @npages: how many to look at, all free
 *
 * Return: how many are released
 */
unsigned long pageindex_count_released(const struct pageindex *idx, unsigned long page,
				       unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long released = 0;
	struct chunk_part part;
	unsigned int w;

	while (chunk_part_next(&part, &page, end)) {
		const struct pageindex_word *word = chunk_words(idx, part.chunk);

		for (w = part.from / 64; w <= (part.to - 1) / 64; w++)
			released += hweight64(word_released(&word[w]) &
					      word_mask(w, part.from, part.to));
	}
	return released;
}

void pageindex_alloc_run(struct pageindex *idx, unsigned long page, unsigned long npages,
			 struct pageindex_claim *claim)
{
	unsigned long end = page + npages, at = page;
	struct chunk_part part;

	while (chunk_part_next(&part, &at, end))
		chunk_alloc(idx, part.chunk, part.from, part.to, claim);
	pageindex_tree_taken(idx, page, npages);
}

/* By how many pages allocating these free pages would exceed @max_backed. */
static unsigned long pageindex_alloc_excess(const struct pageindex *idx, unsigned long page,
					    unsigned long npages)
{
	unsigned long backed = idx->nr_pages - idx->nr_released;
	unsigned long room = idx->max_backed - min(idx->max_backed, backed);
	unsigned long released;

	if (npages <= room)
		return 0;
	released = pageindex_count_released(idx, page, npages);
	return released - min(released, room);
}

/* Allocate a run of free pages, unless more than @max_backed pages would be backed. */
static bool pageindex_alloc_within(struct pageindex *idx, unsigned long page, unsigned long npages,
				   struct pageindex_claim *claim)
{
	claim->excess = pageindex_alloc_excess(idx, page, npages);
	if (claim->excess)
		return false;
	*claim = (struct pageindex_claim) { .page = page };
	pageindex_alloc_run(idx, page, npages, claim);
	return true;
}

/* Find the lowest run of @npages free pages outside of the fence. */
static bool pageindex_find_unfenced(struct pageindex *idx, unsigned long npages,
				    unsigned long *page)
{
	if (!pageindex_find_first(idx, npages, page))
		return false;
	return !pageindex_is_fenced(idx, *page, npages) ||
	       pageindex_find_from(idx, npages, idx->fence_end, page);
}

/**
 * pageindex_alloc() - allocate the lowest run of free pages that is long enough
 * @idx: the index
 * @npages: length of the run, not 0
 * @claim: filled in on success
 *
 * Return: true on success. On failure no page is taken, and @claim->excess is 0 if there is
 * no such run, or by how many pages the run would exceed @idx->max_backed. If
 * @idx->hit_stale is true, the search stopped at stale chunks and there may be a run: call
 * pageindex_sync_stale() and try again.
 */
bool pageindex_alloc(struct pageindex *idx, unsigned long npages, struct pageindex_claim *claim)
{
	unsigned long page;

	claim->excess = 0;
	idx->hit_stale = false;
	return pageindex_find_unfenced(idx, npages, &page) &&
	       pageindex_alloc_within(idx, page, npages, claim);
}

/* Sets *@found to the first aligned page from @page on. Does the run fit, outside the fence? */
static bool pageindex_fits_aligned(const struct pageindex *idx, unsigned long page,
				   unsigned long have, unsigned long npages, unsigned long align,
				   unsigned long *found)
{
	*found = round_up(page, align);
	return have >= *found - page + npages && !pageindex_is_fenced(idx, *found, npages);
}

/*
 * Try the first free runs of @npages pages, of which the first starts at @page. Of long runs
 * try only the first, and only its start: to find the end of a long run takes long.
 */
static bool pageindex_find_aligned_near(struct pageindex *idx, unsigned long npages,
					unsigned long align, unsigned long page,
					unsigned long *found)
{
	unsigned int tries;

	if (npages + align > 2 * CHUNK_PAGES)
		return pageindex_fits_aligned(idx, page, npages, npages, align, found);
	for (tries = 0; tries < ALIGN_TRIES; tries++) {
		unsigned long have = pageindex_run_length(idx, page, npages + align - 1);

		if (pageindex_fits_aligned(idx, page, have, npages, align, found))
			return true;
		if (!pageindex_find_from(idx, npages, page + have, &page))
			return false;
	}
	return false;
}

/* Find @npages free pages outside of the fence that start at a multiple of @align. */
static bool pageindex_find_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
				   unsigned long *found)
{
	unsigned long page;

	if (!pageindex_find_first(idx, npages, &page))
		return false;
	if (pageindex_find_aligned_near(idx, npages, align, page, found))
		return true;
	if (idx->hit_stale)
		return false;
	if (!pageindex_find_unfenced(idx, npages + align - 1, &page))
		return false;
	*found = round_up(page, align);
	return true;
}

/**
 * pageindex_alloc_aligned() - allocate a run of free pages that starts at a multiple of @align
 * @idx: the index
 * @npages: length of the run, not 0
 * @align: power of two, at most %PAGEINDEX_BLOCK_PAGES
 * @claim: filled in on success
 *
 * If @npages + @align is at most two chunks, the first %ALIGN_TRIES free runs of @npages pages
 * are tried; otherwise only the first run, which must start aligned. Then the lowest free run
 * of @npages + @align - 1 pages outside of the fence is used. If there is one, only
 * @idx->max_backed or a stale summary makes the call fail.
 *
 * Return: as pageindex_alloc()
 */
bool pageindex_alloc_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			     struct pageindex_claim *claim)
{
	unsigned long page;

	claim->excess = 0;
	idx->hit_stale = false;
	return pageindex_find_aligned(idx, npages, align, &page) &&
	       pageindex_alloc_within(idx, page, npages, claim);
}

/* === A piece at a time ================================================== */

/**
 * pageindex_fence() - find a run of free pages, and keep other calls from taking it
 * @idx: an index without a fence
 * @npages: length of the run, not 0
 * @align: power of two, at most %PAGEINDEX_BLOCK_PAGES
 * @page: its first page, on success
 *
 * A long run is allocated in pieces, by pageindex_claim_piece(), so that no call takes long.
 * Until pageindex_unfence(), only pageindex_claim_piece() takes pages of the run.
 * pageindex_age() still makes idle pages of the run old.
 *
 * Return: false if there is no such run, or if @idx->hit_stale, as for pageindex_alloc()
 */
bool pageindex_fence(struct pageindex *idx, unsigned long npages, unsigned long align,
		     unsigned long *page)
{
	bool found;

	idx->hit_stale = false;
	found = align > 1 ? pageindex_find_aligned(idx, npages, align, page) :
		pageindex_find_unfenced(idx, npages, page);

	if (found) {
		idx->fence_start = *page;
		idx->fence_end = *page + npages;
	}
	return found;
}

/**
 * pageindex_unfence() - take the fence away
 * @idx: the index
 *
 * Other calls may take the pages of the run that are still free.
 */
void pageindex_unfence(struct pageindex *idx)
{
	idx->fence_start = 0;
	idx->fence_end = 0;
}

/**
 * pageindex_claim_piece() - allocate a piece of the run behind the fence
 * @idx: the index
 * @page: first page of the piece
 * @npages: its length, at most %PAGEINDEX_PIECE_PAGES
 * @claim: claim of the whole run, zeroed by the caller except @page; the counts are added to,
 *	@clean is moved on, @excess is not used
 *
 * Return: 0, or by how many pages the piece would exceed @idx->max_backed; then no page is
 * taken
 */
unsigned long pageindex_claim_piece(struct pageindex *idx, unsigned long page,
				    unsigned long npages, struct pageindex_claim *claim)
{
	unsigned long excess = pageindex_alloc_excess(idx, page, npages);

	if (!excess)
		pageindex_alloc_run(idx, page, npages, claim);
	return excess;
}

/* === Freeing and releasing ============================================== */

/**
 * pageindex_free() - make pages in use idle
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use and backed
 * @flags: %PAGEINDEX_FREE_CLEAN if the pages hold only zeros, %PAGEINDEX_FREE_OLD if they
 *	become old at once
 */
void pageindex_free(struct pageindex *idx, unsigned long page, unsigned long npages,
		    unsigned int flags)
{
	unsigned long end = page + npages, at = page;
	struct chunk_part part;

	while (chunk_part_next(&part, &at, end))
		chunk_free(idx, part.chunk, part.from, part.to, flags);
	pageindex_tree_freed(idx, page, npages);
}

/**
 * pageindex_release() - make pages in use released
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use, with no physical pages behind them
 */
void pageindex_release(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages, at = page;
	struct chunk_part part;

	while (chunk_part_next(&part, &at, end)) {
		chunk_release(idx, part.chunk, part.from, part.to);
		chunk_reset_if_released(idx, part.chunk);
	}
	pageindex_tree_freed(idx, page, npages);
}

/**
 * pageindex_unback() - note that pages were not backed after all
 * @idx: the index
 * @page: first page
 * @npages: how many; all were fresh when they were taken, and could not be backed
 *
 * Lowers @unbacked_from of each chunk again. The caller has called pageindex_release() for
 * the same pages.
 */
void pageindex_unback(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	struct chunk_part part;

	while (chunk_part_next(&part, &page, end)) {
		struct pageindex_meta *meta = chunk_meta(idx, part.chunk);

		/* Not if pages above have been backed since. */
		if (meta->unbacked_from == part.to)
			meta->unbacked_from = part.from;
	}
}
