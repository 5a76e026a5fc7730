// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: page states, claims and sweeps.
 *
 * Every change of a page's state is made here, on the bits; pageindex_tree.c is
 * told which pages became free or were taken and finds free runs.
 */
#include <linux/string.h>

#include "pageindex_tree.h"

/* Places that an aligned search tries before it asks for a longer run. */
#define ALIGN_TRIES	16

/* Chunks, or blocks without any, that a search for idle pages looks at. */
#define IDLE_TRIES	64

/* === Pages by state ===================================================== */

/* Free pages of one sort. */
enum page_sort {
	PAGES_OLD,
	PAGES_IDLE,
	PAGES_RELEASED
};

static u64 pages_of(const struct pageindex_word *word, enum page_sort sort)
{
	switch (sort) {
	case PAGES_OLD:
		return ~word->hi & word->lo;
	case PAGES_IDLE:
		return word->hi ^ word->lo;
	default:
		return ~(word->hi | word->lo);
	}
}

/* First run of pages of one kind in a chunk from page *@from on; its length, or 0. */
static unsigned int next_run(const struct pageindex_word *word, enum page_sort sort,
			     unsigned int *from)
{
	unsigned int at = *from;
	unsigned int run = 0;

	while (at < CHUNK_PAGES) {
		u64 bits = pages_of(&word[at / 64], sort) >> at % 64;
		unsigned int left = 64 - at % 64;
		unsigned int n;

		if (!run) {
			n = bits ? __ffs64(bits) : left;
			at += n;
			*from = at;
			if (!bits)
				continue;
			bits >>= n;
			left -= n;
		}
		n = ~bits ? min_t(unsigned int, __ffs64(~bits), left) : left;
		run += n;
		at += n;
		if (n < left)
			break;
	}
	return run;
}

/* === Changing states ==================================================== */

static inline void idle_add(struct pageindex *idx, unsigned long chunk, unsigned int npages)
{
	unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;

	chunk_meta(idx, chunk)->idle += npages;
	idx->nr_idle += npages;
	idx->idle_map[block / 64] |= BIT_ULL(block % 64);
}

static inline void idle_sub(struct pageindex *idx, unsigned long chunk, unsigned int npages)
{
	chunk_meta(idx, chunk)->idle -= npages;
	idx->nr_idle -= npages;
}

/* Take pages @from..@to - 1 of @chunk, which are free; returns how many were released. */
static unsigned int chunk_claim(struct pageindex *idx, unsigned long chunk, unsigned int from,
				unsigned int to)
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

/* Pages @from..@to - 1 of a chunk will be backed; returns how many never were. */
static unsigned int note_backed(struct pageindex_meta *meta, unsigned int from, unsigned int to)
{
	unsigned int fresh = 0;

	if (to > meta->fresh) {
		fresh = to - max_t(unsigned int, from, meta->fresh);
		meta->fresh = to;
	}
	return fresh;
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
	for (at = page; at < end; at = next) {
		unsigned long chunk = at >> CHUNK_SHIFT;
		struct pageindex_meta *meta = chunk_meta(idx, chunk);
		unsigned int from = at % CHUNK_PAGES;
		unsigned int to;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		to = from + (next - at);
		claim->released += chunk_claim(idx, chunk, from, to);
		claim->fresh += note_backed(meta, from, to);
		if (meta->dirty > from)
			claim->clean = at + min_t(unsigned int, to, meta->dirty) - from - page;
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

/* In use to released; a chunk with nothing behind it has nothing dirty either. */
static void chunk_release(struct pageindex *idx, unsigned long chunk, unsigned int from,
			  unsigned int to)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	u64 backed = 0;
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		u64 mask = word_mask(w, from, to);

		word[w].hi &= ~mask;
		word[w].lo &= ~mask;
	}
	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++)
		backed |= word[w].hi | word[w].lo;
	if (!backed)
		chunk_meta(idx, chunk)->dirty = 0;
}

/* In use to idle. */
static void chunk_free(struct pageindex *idx, unsigned long chunk, unsigned int from,
		       unsigned int to, bool old)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int w;

	for (w = from / 64; w <= (to - 1) / 64; w++) {
		if (old)
			word[w].hi &= ~word_mask(w, from, to);
		else
			word[w].lo &= ~word_mask(w, from, to);
	}
	idle_add(idx, chunk, to - from);
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
		meta->idle = 0;
		meta->fresh = 0;
		meta->dirty = 0;
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

/* First run of @npages idle pages within @chunk. */
static bool find_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
		      unsigned long *found)
{
	unsigned int from = 0, run;

	if (chunk_meta(idx, chunk)->idle < npages)
		return false;
	while ((run = next_run(chunk_words(idx, chunk), PAGES_IDLE, &from))) {
		if (run >= npages) {
			*found = (chunk << CHUNK_SHIFT) + from;
			return true;
		}
		from += run;
	}
	return false;
}

/**
 * pageindex_alloc_idle() - take a run of pages that all have something behind them
 * @idx: the index
 * @npages: length of the run, not 0
 * @taken: filled in on success
 *
 * There is no summary of idle pages: this looks at the lowest few chunks that
 * have free pages, and at runs within one chunk alone.
 *
 * Return: false if no such run was found
 */
bool pageindex_alloc_idle(struct pageindex *idx, unsigned long npages,
			  struct pageindex_claim *taken)
{
	unsigned long chunk, page;
	unsigned int tries = IDLE_TRIES;

	if (npages > idx->nr_idle || npages > CHUNK_PAGES)
		return false;
	for (chunk = idx->hint[0] >> CHUNK_SHIFT; chunk < nr_chunks(idx) && tries; chunk++) {
		unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;

		if (!(idx->idle_map[block / 64] & BIT_ULL(block % 64))) {
			chunk |= PAGEINDEX_BLOCK_CHUNKS - 1;
			tries--;
			continue;
		}
		tries--;
		if (find_idle(idx, chunk, npages, &page)) {
			claim(idx, page, npages, taken);
			return true;
		}
	}
	return false;
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
		struct pageindex_meta *meta = chunk_meta(idx, chunk);
		unsigned int from = at % CHUNK_PAGES;
		unsigned int to;

		next = min(end, (chunk + 1) << CHUNK_SHIFT);
		to = from + (next - at);
		chunk_free(idx, chunk, from, to, flags & PAGEINDEX_FREE_OLD);
		if (!(flags & PAGEINDEX_FREE_CLEAN) && to > meta->dirty)
			meta->dirty = to;
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
	}
	idx->nr_released += npages;
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
		struct pageindex_meta *meta = chunk_meta(idx, at >> CHUNK_SHIFT);
		unsigned int from = at % CHUNK_PAGES;

		next = min(end, round_up(at + 1, CHUNK_PAGES));
		/* Unless what lies above has been backed since. */
		if (meta->fresh == from + (next - at))
			meta->fresh = from;
	}
}

/**
 * pageindex_prev_idle() - find the next lower chunk that has idle pages
 * @idx: the index
 * @chunk: where to begin, exclusive; the chunk found, on success
 *
 * Return: false if there is none below *@chunk
 */
bool pageindex_prev_idle(struct pageindex *idx, unsigned long *chunk)
{
	unsigned long c = min(*chunk, nr_chunks(idx));

	while (c) {
		unsigned long block = (c - 1) >> PAGEINDEX_BLOCK_SHIFT;
		unsigned long first = block << PAGEINDEX_BLOCK_SHIFT;
		u64 map = idx->idle_map[block / 64] << (63 - block % 64);
		bool whole = c == first + PAGEINDEX_BLOCK_CHUNKS;

		if (!(map >> 63)) {
			/* To the end of the nearest lower block whose bit is set. */
			block -= min_t(unsigned long, block % 64 + 1,
				       map ? leading_zeros(map) : 64) - 1;
			c = block << PAGEINDEX_BLOCK_SHIFT;
			continue;
		}
		while (c > first)
			if (chunk_meta(idx, --c)->idle) {
				*chunk = c;
				return true;
			}
		/* The bit is only ever set when pages are freed; clear it here. */
		if (whole)
			idx->idle_map[block / 64] &= ~BIT_ULL(block % 64);
	}
	return false;
}

/* Take pages of one kind from a chunk, highest first. */
static unsigned int take(struct pageindex *idx, unsigned long chunk, enum page_sort sort,
			 unsigned long max_pages, struct pageindex_run *runs,
			 unsigned int max_runs)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int end = CHUNK_PAGES;
	unsigned int nr = 0;

	while (end && nr < max_runs && max_pages) {
		unsigned int w = (end - 1) / 64;
		u64 due = pages_of(&word[w], sort) & word_mask(w, w * 64, end);
		unsigned int to, n;

		if (!due) {
			end = w * 64;
			continue;
		}
		to = 64 - leading_zeros(due);
		due <<= 64 - to;
		n = ~due ? leading_zeros(~due) : 64;
		n = min_t(unsigned long, n, max_pages);
		to += w * 64;
		end = to - n;
		max_pages -= n;
		chunk_claim(idx, chunk, end, to);
		if (nr && runs[nr - 1].page % CHUNK_PAGES == to) {
			runs[nr - 1].page -= n;
			runs[nr - 1].npages += n;
		} else {
			runs[nr].page = (chunk << CHUNK_SHIFT) + end;
			runs[nr++].npages = n;
		}
	}
	if (nr)
		pageindex_note(idx, chunk);
	return nr;
}

/**
 * pageindex_take_idle() - take idle pages of a chunk, from its highest down
 * @idx: the index
 * @chunk: the chunk
 * @age: only old pages, or any
 * @max_pages: take at most so many
 * @runs: where to put the runs taken
 * @max_runs: how many of them there is room for
 *
 * The pages are in use afterwards: the caller gives them back with
 * pageindex_release() or pageindex_free().
 *
 * Return: number of runs
 */
unsigned int pageindex_take_idle(struct pageindex *idx, unsigned long chunk,
				 enum pageindex_age age, unsigned long max_pages,
				 struct pageindex_run *runs, unsigned int max_runs)
{
	return take(idx, chunk, age == PAGEINDEX_OLD ? PAGES_OLD : PAGES_IDLE, max_pages, runs,
		    max_runs);
}

/**
 * pageindex_take_released() - take released pages of a chunk, from its lowest up
 * @idx: the index
 * @chunk: the chunk
 * @max_pages: take at most so many
 * @runs: where to put the runs taken
 * @max_runs: how many of them there is room for
 * @fresh: how many of the pages have never been backed
 *
 * As pageindex_take_idle(), for pages that are to become idle.
 *
 * Return: number of runs
 */
unsigned int pageindex_take_released(struct pageindex *idx, unsigned long chunk,
				     unsigned long max_pages, struct pageindex_run *runs,
				     unsigned int max_runs, unsigned long *fresh)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int from = 0, run, nr = 0;

	*fresh = 0;
	while (max_pages && nr < max_runs && (run = next_run(word, PAGES_RELEASED, &from))) {
		run = min_t(unsigned long, run, max_pages);
		chunk_claim(idx, chunk, from, from + run);
		*fresh += note_backed(meta, from, from + run);
		runs[nr].page = (chunk << CHUNK_SHIFT) + from;
		runs[nr++].npages = run;
		max_pages -= run;
		from += run;
	}
	if (nr)
		pageindex_note(idx, chunk);
	return nr;
}

/**
 * pageindex_age() - make the idle pages of a chunk old
 * @idx: the index
 * @chunk: the chunk
 */
void pageindex_age(struct pageindex *idx, unsigned long chunk)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 young = word[w].hi & ~word[w].lo;

		word[w].hi &= ~young;
		word[w].lo |= young;
	}
}

/**
 * pageindex_next_used() - find the next page that is in use
 * @idx: the index
 * @page: where to begin
 *
 * Return: the lowest page in use from @page on, %ULONG_MAX if there is none
 */
unsigned long pageindex_next_used(const struct pageindex *idx, unsigned long page)
{
	while (page >> CHUNK_SHIFT < nr_chunks(idx)) {
		unsigned long chunk = page >> CHUNK_SHIFT;
		unsigned int offset = page % CHUNK_PAGES;

		if (chunk_meta(idx, chunk)->fresh != NEVER_GROWN) {
			unsigned int run = pageindex_run_after(chunk_words(idx, chunk), offset);

			if (offset + run < CHUNK_PAGES)
				return page + run;
		}
		page = (chunk + 1) << CHUNK_SHIFT;
	}
	return ULONG_MAX;
}
