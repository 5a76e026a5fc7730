// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: growing it, allocating and freeing runs of pages.
 *
 * Pages change their states in the bits, chunk by chunk; pageindex_tree.c is
 * told which pages became free or were taken and finds free runs.
 */
#include <linux/string.h>

#include "pageindex_state.h"

/* Places that an aligned search tries before it asks for a longer run. */
#define ALIGN_TRIES	16

/*
 * What a search for idle pages may take: passing by a chunk, or a block without
 * any, is one step; looking into a chunk is eight.
 */
#define IDLE_STEPS	96
#define IDLE_LOOK	8

/* === Taking pages ======================================================= */

/* Released pages among @page..@page + @npages - 1, which are free. */
static unsigned long count_released(const struct pageindex *idx, unsigned long page,
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

static void claim(struct pageindex *idx, unsigned long page, unsigned long npages,
		  struct pageindex_claim *claim)
{
	unsigned long end = page + npages;
	unsigned long at, next;

	claim->page = page;
	claim->released = 0;
	claim->fresh = 0;
	claim->clean = 0;
	claim->regret = 0;
	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		chunk_alloc(idx, chunk, from, from + (next - at), claim);
	}
	pageindex_taken(idx, page, npages);
}

/* Claim, unless that would back more pages than there may be. */
static bool claim_within(struct pageindex *idx, unsigned long page, unsigned long npages,
			 struct pageindex_claim *taken)
{
	unsigned long backed = idx->nr_pages - idx->nr_released;
	unsigned long room = idx->max_backed - min(idx->max_backed, backed);

	if (npages > room) {
		unsigned long released = count_released(idx, page, npages);

		if (released > room) {
			taken->released = released - room;
			return false;
		}
	}
	claim(idx, page, npages, taken);
	return true;
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

	return (max_blocks + table_sums(max_blocks, &levels) + DIV_ROUND_UP(max_blocks, 64)) *
	       sizeof(u64);
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
	u64 *sum = (u64 *)table + max_blocks;
	unsigned long count = max_blocks;
	unsigned int levels, i;

	if (idx->nr_blocks) {
		memcpy(table, idx->block, idx->nr_blocks * sizeof(*idx->block));
		memcpy(sum, idx->sum[0], idx->nr_blocks * sizeof(u64));
		memcpy(sum + table_sums(max_blocks, &levels), idx->idle_map,
		       DIV_ROUND_UP(idx->nr_blocks, 64) * sizeof(u64));
	}
	idx->idle_map = sum + table_sums(max_blocks, &levels);
	idx->block = table;
	idx->max_blocks = max_blocks;
	idx->top = levels + 1;
	for (i = 0; i < levels; i++) {
		idx->sum[i] = sum;
		sum += round_up(count, 8);
		count = DIV_ROUND_UP(count, 8);
	}
	for (i = 1; i < levels; i++) {
		unsigned long parents = DIV_ROUND_UP(idx->nr_blocks, 1UL << 3 * i);
		unsigned long p;

		for (p = 0; p < parents; p++)
			idx->sum[i][p] = pageindex_sum_merge(&idx->sum[i - 1][p * 8], 8,
							     level_shift(i + 1));
	}
	return old;
}

/**
 * pageindex_add_block() - number the pages of another arena
 * @idx: the index, whose table has room for one more block
 * @block: memory for it; its content does not matter
 * @adjoining: the arena follows the previous one without a gap, so that runs
 *	may cross from one into the other
 *
 * None of the pages is usable until pageindex_grow().
 *
 * Return: number of the block; its first page is that times
 * %PAGEINDEX_BLOCK_PAGES
 */
unsigned long pageindex_add_block(struct pageindex *idx, struct pageindex_block *block,
				  bool adjoining)
{
	unsigned long nr = idx->nr_blocks++;
	unsigned int i;

	memset(block, 0, sizeof(*block));
	memset(block->word, 0xff, sizeof(block->word));
	for (i = 0; i < PAGEINDEX_BLOCK_CHUNKS; i++)
		block->meta[i].fresh = NEVER_GROWN;
	if (!adjoining)
		block->leaf[0] = SUM_WALL;
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
	pageindex_freed(idx, chunk << CHUNK_SHIFT, nchunks << CHUNK_SHIFT);
}

/**
 * pageindex_alloc() - take the lowest run of free pages that is long enough
 * @idx: the index
 * @npages: length of the run, not 0
 * @taken: filled in on success
 *
 * Return: true on success. Otherwise nothing has changed, and @taken->released
 * is 0 if there is no such run, or by how many pages taking it would exceed
 * @idx->max_backed.
 */
bool pageindex_alloc(struct pageindex *idx, unsigned long npages, struct pageindex_claim *taken)
{
	unsigned long page;

	taken->released = 0;
	return pageindex_find_first(idx, npages, &page) && claim_within(idx, page, npages, taken);
}

/* Where pageindex_alloc_aligned() finds its run. */
static bool find_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			 unsigned long *found)
{
	unsigned long page;
	unsigned int tries;

	if (!pageindex_find_first(idx, npages, &page))
		return false;
	for (tries = 0; tries < ALIGN_TRIES; tries++) {
		unsigned long need = round_up(page, align) - page + npages;
		unsigned long have = pageindex_run_length(idx, page, need);

		if (have >= need) {
			*found = round_up(page, align);
			return true;
		}
		if (!pageindex_find_from(idx, npages, page + have, &page))
			return false;
	}
	if (!pageindex_find_first(idx, npages + align - 1, &page))
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
 * The lowest such run is taken if it lies in one of the first few free runs
 * that are long enough; otherwise the lowest of those that leave room for any
 * alignment. It is certain to succeed if there is a run of @npages + @align - 1
 * free pages.
 *
 * Return: as pageindex_alloc()
 */
bool pageindex_alloc_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			     struct pageindex_claim *taken)
{
	unsigned long page;

	taken->released = 0;
	return find_aligned(idx, npages, align, &page) && claim_within(idx, page, npages, taken);
}

/* Might there be @npages idle pages in a row? */
static bool may_have_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
			  unsigned int tag)
{
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);

	/* A summary may promise too much, but never too little. */
	return meta->idle >= npages && (!tag || meta->tag == tag) &&
	       sum_max(*sum_at(idx, 0, chunk)) >= npages;
}

/*
 * First run of @npages idle pages within @chunk. Word by word, lest a chunk full of
 * short runs take longer than any other.
 */
static bool find_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
		      unsigned long *found)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned long run = 0;
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 idle = word[w].hi ^ word[w].lo;
		unsigned int lead = ~idle ? __ffs64(~idle) : 64;
		u64 starts = npages <= 64 ? run_starts(idle, npages) : 0;

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

/* First run of idle pages near the bottom, in a chunk with just this tag; 0 for any. */
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
		if (find_idle(idx, chunk, npages, page))
			return true;
	}
	return false;
}

/**
 * pageindex_alloc_idle() - take a run of pages that all have something behind them
 * @idx: the index
 * @npages: length of the run, not 0
 * @tag: look at chunks with just this tag alone; 0 for any
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
 *	%PAGEINDEX_FREE_OLD if the next sweep shall take them
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
	pageindex_freed(idx, page, npages);
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
		chunk_settle(idx, chunk);
	}
	pageindex_freed(idx, page, npages);
}

/**
 * pageindex_unback() - take back that pages were backed for the first time
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
		/* Unless what lies above has been backed since. */
		if (meta->fresh == from + (next - at))
			meta->fresh = from;
		chunk_settle(idx, chunk);
	}
}

/**
 * pageindex_set_tag() - say where the memory behind pages is going to come from
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
		u16 *now = &chunk_meta(idx, chunk)->tag;

		*now = !*now || *now == tag ? tag : PAGEINDEX_TAG_MIXED;
	}
}

/**
 * pageindex_tag() - where the memory behind a run of pages is from
 * @idx: the index
 * @page: first page
 * @npages: how many, not 0
 *
 * Return: the tag that all chunks of the run have, 0 if nothing is behind any of
 * them; %PAGEINDEX_TAG_MIXED if they have different ones, or that
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
