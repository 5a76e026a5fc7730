// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: growing it, allocating and freeing runs of pages.
 *
 * Pages change their states in the bits, chunk by chunk; pageindex_tree.c is
 * told which pages became free or were taken and finds free runs.
 */
#include <linux/string.h>

#include "index/pageindex_state.h"

/* Places that an aligned search tries before it asks for a longer run. */
#define ALIGN_TRIES	8

/*
 * Bound of a search for idle pages, in steps. To skip a chunk, or a block without idle
 * pages, takes one step; to search the bits of a chunk takes IDLE_LOOK more.
 */
#define IDLE_STEPS	32
#define IDLE_LOOK	8

/* === Taking pages ======================================================= */

/**
 * pageindex_count_released() - count pages with nothing behind them
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
	unsigned long at, next;

	for (at = page; at < end; at = next) {
		const struct pageindex_word *word = chunk_words(idx, at >> CHUNK_SHIFT);
		unsigned int from = at % CHUNK_PAGES;
		unsigned int to, w;

		next = min(end, round_up(at + 1, CHUNK_PAGES));
		to = from + (next - at);
		for (w = from / 64; w <= (to - 1) / 64; w++)
			released += hweight64(~(word[w].hi | word[w].lo) & word_mask(w, from, to));
	}
	return released;
}

/* Take pages @page..@page + @npages - 1, which are free, and add to what @claim says. */
static void claim_more(struct pageindex *idx, unsigned long page, unsigned long npages,
		       struct pageindex_claim *claim)
{
	unsigned long end = page + npages;
	unsigned long at, next;

	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		chunk_alloc(idx, chunk, from, from + (next - at), claim);
	}
	pageindex_tree_taken(idx, page, npages);
}

static void claim(struct pageindex *idx, unsigned long page, unsigned long npages,
		  struct pageindex_claim *claim)
{
	*claim = (struct pageindex_claim) { .page = page };
	claim_more(idx, page, npages, claim);
}

/* By how many pages taking these free pages would exceed @max_backed. */
static unsigned long claim_excess(const struct pageindex *idx, unsigned long page,
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

/* Claim, unless more than @max_backed pages would be backed. */
static bool claim_within(struct pageindex *idx, unsigned long page, unsigned long npages,
			 struct pageindex_claim *taken)
{
	taken->excess = claim_excess(idx, page, npages);
	if (taken->excess)
		return false;
	claim(idx, page, npages, taken);
	return true;
}

/* The lowest run of @npages free pages outside of the fence. */
static bool find_first(struct pageindex *idx, unsigned long npages, unsigned long *page)
{
	if (!pageindex_find_first(idx, npages, page))
		return false;
	return !pageindex_is_fenced(idx, *page, npages) ||
	       pageindex_find_from(idx, npages, idx->fence_end, page);
}

/* === Interface ========================================================== */

/**
 * pageindex_init() - make an empty index
 * @idx: the index
 */
void pageindex_init(struct pageindex *idx)
{
	memset(idx, 0, sizeof(*idx));
	idx->max_backed = ULONG_MAX;
}

static unsigned long table_sums(unsigned long max_blocks, unsigned int *levels)
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

	return (round_up(max_blocks, 8) + table_sums(max_blocks, &levels) +
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

	table_sums(idx->max_blocks, &old_levels);
	if (have) {
		memcpy(table, idx->block, have * sizeof(*idx->block));
		memcpy(sum + table_sums(max_blocks, &levels), idx->idle_map,
		       DIV_ROUND_UP(have, 64) * sizeof(u64));
	}
	idx->idle_map = sum + table_sums(max_blocks, &levels);
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
 * @adjoining: its arena follows that of the block added last without a gap, so that
 *	runs may cross from one into the other
 *
 * Takes a while, and needs no index.
 */
void pageindex_block_init(struct pageindex_block *block, bool adjoining)
{
	unsigned int i;

	memset(block, 0, sizeof(*block));
	memset(block->word, 0xff, sizeof(block->word));
	for (i = 0; i < PAGEINDEX_BLOCK_CHUNKS; i++)
		block->meta[i].unbacked_from = NEVER_GROWN;
	if (!adjoining)
		block->leaf[0] = SUM_WALL;
}

/**
 * pageindex_add_block() - number the pages of another arena
 * @idx: the index, whose table has room for one more block
 * @block: what pageindex_block_init() has prepared
 *
 * None of the pages is usable until pageindex_grow().
 *
 * Return: number of the block; its first page is that times
 * %PAGEINDEX_BLOCK_PAGES
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

/**
 * pageindex_alloc() - take the lowest run of free pages that is long enough
 * @idx: the index
 * @npages: length of the run, not 0
 * @taken: filled in on success
 *
 * Return: true on success. On failure no page is taken, and @taken->excess is 0 if there is
 * no such run, or by how many pages the run would exceed @idx->max_backed. If @idx->hit_stale is true, the search ended early and there may be a
 * run: call pageindex_sync_stale() and try again.
 */
bool pageindex_alloc(struct pageindex *idx, unsigned long npages, struct pageindex_claim *taken)
{
	unsigned long page;

	taken->excess = 0;
	idx->hit_stale = false;
	return find_first(idx, npages, &page) && claim_within(idx, page, npages, taken);
}

/* The first aligned place of the run at @page, if it is long enough and not fenced. */
static bool fits_aligned(const struct pageindex *idx, unsigned long page, unsigned long have,
			 unsigned long npages, unsigned long align, unsigned long *found)
{
	*found = round_up(page, align);
	return have >= *found - page + npages && !pageindex_is_fenced(idx, *found, npages);
}

/* Try the first few runs; only the first if long, as finding the end of a run takes long. */
static bool find_aligned_near(struct pageindex *idx, unsigned long npages, unsigned long align,
			      unsigned long page, unsigned long *found)
{
	unsigned int tries;

	if (npages + align > 2 * CHUNK_PAGES)
		return fits_aligned(idx, page, npages, npages, align, found);
	for (tries = 0; tries < ALIGN_TRIES; tries++) {
		unsigned long have = pageindex_run_length(idx, page, npages + align - 1);

		if (fits_aligned(idx, page, have, npages, align, found))
			return true;
		if (!pageindex_find_from(idx, npages, page + have, &page))
			return false;
	}
	return false;
}

/* Where pageindex_alloc_aligned() finds its run. */
static bool find_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			 unsigned long *found)
{
	unsigned long page;

	if (!pageindex_find_first(idx, npages, &page))
		return false;
	if (find_aligned_near(idx, npages, align, page, found))
		return true;
	if (idx->hit_stale)
		return false;
	if (!find_first(idx, npages + align - 1, &page))
		return false;
	*found = round_up(page, align);
	return true;
}

/**
 * pageindex_alloc_aligned() - take a run of free pages that starts at a multiple
 * @idx: the index
 * @npages: length of the run, not 0
 * @align: power of two, at most %PAGEINDEX_BLOCK_PAGES
 * @taken: filled in on success
 *
 * The lowest aligned run is taken if it lies in one of the first few free runs of
 * at least @npages pages; otherwise one in the lowest free run of at least
 * @npages + @align - 1 pages. It is certain to succeed if there is a run of @npages + @align - 1
 * free pages.
 *
 * Return: as pageindex_alloc()
 */
bool pageindex_alloc_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			     struct pageindex_claim *taken)
{
	unsigned long page;

	taken->excess = 0;
	idx->hit_stale = false;
	return find_aligned(idx, npages, align, &page) && claim_within(idx, page, npages, taken);
}

/* === A piece at a time ================================================== */

/**
 * pageindex_fence() - find a run of free pages, and keep other calls from taking it
 * @idx: an index without a fence
 * @npages: length of the run, not 0
 * @align: power of two, at most %PAGEINDEX_BLOCK_PAGES
 * @page: its first page, on success
 *
 * A long run is taken in pieces, by pageindex_claim_piece(), so that no call takes long.
 * Other calls in between neither take pages of the run nor change their states.
 *
 * Return: false if there is no such run, or if @idx->hit_stale, as for pageindex_alloc()
 */
bool pageindex_fence(struct pageindex *idx, unsigned long npages, unsigned long align,
		     unsigned long *page)
{
	bool found;

	idx->hit_stale = false;
	found = align > 1 ? find_aligned(idx, npages, align, page) :
		find_first(idx, npages, page);

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
 * pageindex_claim_piece() - take a part of the run behind the fence
 * @idx: the index
 * @page: first page of the part
 * @npages: its length, at most %PAGEINDEX_PIECE_PAGES
 * @claim: the claim of the whole run; @page is set, and the counts are added to
 *
 * Return: 0, or by how many pages the part would exceed @idx->max_backed; then nothing has
 * changed
 */
unsigned long pageindex_claim_piece(struct pageindex *idx, unsigned long page,
				    unsigned long npages, struct pageindex_claim *claim)
{
	unsigned long excess = claim_excess(idx, page, npages);

	if (!excess)
		claim_more(idx, page, npages, claim);
	return excess;
}

/* === Idle pages ========================================================= */

/* May @chunk have a run of @npages idle pages? */
static bool may_have_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
			  unsigned int tag)
{
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);

	if (pageindex_is_fenced(idx, chunk << CHUNK_SHIFT, CHUNK_PAGES))
		return false;
	/* A summary may promise too much, but never too little. */
	return meta->idle >= npages && (!tag || meta->tag == tag) &&
	       sum_max(*sum_at(idx, 0, chunk)) >= npages;
}

/*
 * First run of @npages idle pages within @chunk, from its page @from on. Goes word by word,
 * so that the time does not depend on the number of runs.
 */
bool pageindex_find_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
			 unsigned int from, unsigned long *found)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned long run = 0;
	unsigned int w;

	for (w = from / 64; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 idle = word[w].hi ^ word[w].lo;
		unsigned int lead;
		u64 starts;

		if (w == from / 64)
			idle &= ~0ULL << from % 64;
		lead = ~idle ? __ffs64(~idle) : 64;
		starts = npages <= 64 ? run_starts(idle, npages) : 0;
		if (run + lead >= npages) {
			*found = (chunk << CHUNK_SHIFT) + w * 64 - run;
			return true;
		}
		if (starts) {
			*found = (chunk << CHUNK_SHIFT) + w * 64 + __ffs64(starts);
			return true;
		}
		run = ~idle ? leading_zeros(~idle) : run + 64;
	}
	return false;
}

/* First run of idle pages in the lowest chunks with exactly @tag; any tag if 0. */
static bool search_idle(const struct pageindex *idx, unsigned long npages, unsigned int tag,
			unsigned long *page)
{
	unsigned long chunk;
	int steps = IDLE_STEPS;

	if (npages > idx->nr_idle || npages > CHUNK_PAGES)
		return false;
	for (chunk = idx->hint[0] >> CHUNK_SHIFT; chunk < nr_chunks(idx) && steps > 0; chunk++) {
		unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;

		steps--;
		if (!(idx->idle_map[block / 64] & BIT_ULL(block % 64))) {
			chunk |= PAGEINDEX_BLOCK_CHUNKS - 1;
			continue;
		}
		if (!may_have_idle(idx, chunk, npages, tag))
			continue;
		steps -= IDLE_LOOK;
		if (pageindex_find_idle(idx, chunk, npages, 0, page))
			return true;
	}
	return false;
}

/**
 * pageindex_alloc_idle() - take a run of idle pages
 * @idx: the index
 * @npages: length of the run, not 0
 * @tag: look only at chunks with exactly this tag; 0 for any
 * @taken: filled in on success
 *
 * There is no summary of idle pages: this looks at the lowest few chunks that
 * have free pages, and at runs within one chunk alone.
 *
 * Return: false if no such run was found
 */
bool pageindex_alloc_idle(struct pageindex *idx, unsigned long npages, unsigned int tag,
			  struct pageindex_claim *taken)
{
	unsigned long page;

	if (!search_idle(idx, npages, tag, &page))
		return false;
	claim(idx, page, npages, taken);
	return true;
}

/**
 * pageindex_has_idle() - would pageindex_alloc_idle() find a run of any tag?
 * @idx: the index
 * @npages: length of the run, not 0
 *
 * Return: whether it would
 */
bool pageindex_has_idle(const struct pageindex *idx, unsigned long npages)
{
	unsigned long page;

	return search_idle(idx, npages, 0, &page);
}

/**
 * pageindex_free() - give back pages that keep their backing
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use
 * @flags: %PAGEINDEX_FREE_CLEAN if they hold nothing but zeros,
 *	%PAGEINDEX_FREE_OLD if the next pass shall take them
 */
void pageindex_free(struct pageindex *idx, unsigned long page, unsigned long npages,
		    unsigned int flags)
{
	unsigned long end = page + npages;
	unsigned long at, next;

	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		chunk_free(idx, chunk, from, from + (next - at), flags);
	}
	pageindex_tree_freed(idx, page, npages);
}

/**
 * pageindex_release() - give back pages that have lost their backing
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use
 */
void pageindex_release(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long at, next;

	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		chunk_release(idx, chunk, from, from + (next - at));
		chunk_reset_if_released(idx, chunk);
	}
	pageindex_tree_freed(idx, page, npages);
}

/**
 * pageindex_unback() - undo that pages were counted as backed for the first time
 * @idx: the index
 * @page: first page
 * @npages: how many; all were fresh when they were taken, and none was backed
 */
void pageindex_unback(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long end = page + npages;
	unsigned long at, next;

	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		struct pageindex_meta *meta = chunk_meta(idx, chunk);
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		/* Not if pages above have been backed since. */
		if (meta->unbacked_from == from + (next - at))
			meta->unbacked_from = from;
		chunk_reset_if_released(idx, chunk);
	}
}

/**
 * pageindex_set_tag() - set the source of the memory that pages will be backed with
 * @idx: the index
 * @page: first page
 * @npages: how many, all in use
 * @tag: of the source, neither 0 nor %PAGEINDEX_TAG_MIXED
 *
 * A chunk has one tag for all of its pages, and keeps it until it has nothing
 * behind it any more. One with memory of several sources has the tag
 * %PAGEINDEX_TAG_MIXED.
 */
void pageindex_set_tag(struct pageindex *idx, unsigned long page, unsigned long npages,
		       unsigned int tag)
{
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned long chunk;

	for (chunk = page >> CHUNK_SHIFT; chunk <= last; chunk++) {
		struct pageindex_meta *meta = chunk_meta(idx, chunk);
		unsigned int idle = meta->idle;

		if (meta->tag == tag || meta->tag == PAGEINDEX_TAG_MIXED)
			continue;
		if (idle)
			idle_sub(idx, chunk, idle);
		meta->tag = meta->tag ? PAGEINDEX_TAG_MIXED : tag;
		if (idle)
			idle_add(idx, chunk, idle);
	}
}

/**
 * pageindex_idle_of() - count idle pages by source
 * @idx: an index that counts them, with @idle_of
 * @tag: of the source
 *
 * Return: idle pages of chunks that have @tag or %PAGEINDEX_TAG_MIXED
 */
unsigned long pageindex_idle_of(const struct pageindex *idx, unsigned int tag)
{
	return idx->idle_of[tag] + idx->idle_of[0];
}

/**
 * pageindex_tag() - find the source of the memory behind a run of pages
 * @idx: the index
 * @page: first page
 * @npages: how many, not 0
 *
 * Return: the tag that all chunks of the run have, 0 if none of them has memory;
 * %PAGEINDEX_TAG_MIXED if their tags differ, or if that is their tag
 */
unsigned int pageindex_tag(const struct pageindex *idx, unsigned long page,
			   unsigned long npages)
{
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned long chunk = page >> CHUNK_SHIFT;
	unsigned int tag = chunk_meta(idx, chunk)->tag;

	while (chunk++ < last)
		if (chunk_meta(idx, chunk)->tag != tag)
			return PAGEINDEX_TAG_MIXED;
	return tag;
}
