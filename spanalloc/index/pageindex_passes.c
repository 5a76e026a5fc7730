// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: functions for passes. They find pages that have been idle for long and pages
 * that are released, and tell in which chunks pages were allocated lately.
 */
#include "index/pageindex_state.h"

/* === Pages by state ===================================================== */

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

/* First run of pages of one sort in a chunk from page *@from on; its length, or 0. */
unsigned int pageindex_next_run(const struct pageindex_word *word, enum page_sort sort,
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

/* === Passing =========================================================== */

/**
 * pageindex_prev_idle() - find the next lower chunk that has idle pages
 * @idx: the index
 * @chunk: where to begin, exclusive; on success the chunk found, otherwise where to go on
 * @steps: about how many chunks and words of idle_map to look at; reduced by those seen
 *
 * Return: false if there is no such chunk, or if *@steps is 0 now and there may be one
 */
bool pageindex_prev_idle(struct pageindex *idx, unsigned long *chunk, unsigned int *steps)
{
	unsigned long c = min(*chunk, nr_chunks(idx));

	while (c && *steps) {
		unsigned long block = (c - 1) >> PAGEINDEX_BLOCK_SHIFT;
		unsigned long first = block << PAGEINDEX_BLOCK_SHIFT;
		u64 map = idx->idle_map[block / 64] << (63 - block % 64);
		bool whole = c == first + PAGEINDEX_BLOCK_CHUNKS;

		if (!(map >> 63)) {
			/* To the end of the nearest lower block whose bit is set. */
			block -= min_t(unsigned long, block % 64 + 1,
				       map ? leading_zeros(map) : 64) - 1;
			c = block << PAGEINDEX_BLOCK_SHIFT;
			--*steps;
			continue;
		}
		/* Finish the block, even beyond *@steps: only then can its bit be cleared. */
		*steps -= min_t(unsigned long, *steps, c - first);
		while (c > first)
			if (chunk_meta(idx, --c)->idle) {
				*chunk = c;
				return true;
			}
		/* The bit is only ever set when pages are freed; clear it here. */
		if (whole)
			idx->idle_map[block / 64] &= ~BIT_ULL(block % 64);
	}
	*chunk = c;
	/* No chunk is left: *@steps must not be 0, which means that there may be one. */
	if (!c && !*steps)
		*steps = 1;
	return false;
}

/* Idle pages of a certain age in the word @w of a chunk. */
static u64 aged_pages(const struct pageindex *idx, unsigned long chunk, unsigned int w,
		      enum pageindex_age age)
{
	const struct pageindex_word *word = &chunk_words(idx, chunk)[w];

	if (age == PAGEINDEX_ANY)
		return pages_of(word, PAGES_IDLE);
	if (age == PAGEINDEX_DUE && !(chunk_meta(idx, chunk)->due & BIT(w)))
		return 0;
	return pages_of(word, PAGES_OLD);
}

/**
 * pageindex_take_idle() - take idle pages of a chunk, from its highest down
 * @idx: the index
 * @chunk: the chunk
 * @age: how old they have to be
 * @max_pages: most pages to take
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
	unsigned int end = CHUNK_PAGES;
	unsigned int nr = 0;

	if (pageindex_is_fenced(idx, chunk << CHUNK_SHIFT, CHUNK_PAGES))
		return 0;
	while (end && nr < max_runs && max_pages) {
		unsigned int w = (end - 1) / 64;
		u64 due = aged_pages(idx, chunk, w, age) & word_mask(w, w * 64, end);
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
		chunk_take(idx, chunk, end, to);
		if (nr && runs[nr - 1].page % CHUNK_PAGES == to) {
			runs[nr - 1].page -= n;
			runs[nr - 1].npages += n;
		} else {
			runs[nr].page = (chunk << CHUNK_SHIFT) + end;
			runs[nr++].npages = n;
		}
	}
	if (nr)
		pageindex_mark_stale(idx, chunk);
	return nr;
}

/**
 * pageindex_take_released() - take released pages of a chunk, from its lowest up
 * @idx: the index
 * @chunk: the chunk
 * @max_pages: most pages to take
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
	if (pageindex_is_fenced(idx, chunk << CHUNK_SHIFT, CHUNK_PAGES))
		return 0;
	while (max_pages && nr < max_runs &&
	       (run = pageindex_next_run(word, PAGES_RELEASED, &from))) {
		run = min_t(unsigned long, run, max_pages);
		chunk_take(idx, chunk, from, from + run);
		*fresh += note_backed(meta, from, from + run);
		runs[nr].page = (chunk << CHUNK_SHIFT) + from;
		runs[nr++].npages = run;
		max_pages -= run;
		from += run;
	}
	if (nr)
		pageindex_mark_stale(idx, chunk);
	return nr;
}

/**
 * pageindex_age() - make the idle pages of a chunk old
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: how many were old already
 */
unsigned int pageindex_age(struct pageindex *idx, unsigned long chunk)
{
	struct pageindex_word *word = chunk_words(idx, chunk);
	struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned int old = 0;
	unsigned int w;

	meta->due = 0;
	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 young = word[w].hi & ~word[w].lo;

		if (!young)
			meta->due |= BIT(w);
		old += hweight64(pages_of(&word[w], PAGES_OLD));
		word[w].hi &= ~young;
		word[w].lo |= young;
	}
	return old;
}

/* === Use ================================================================ */

/* Bring a chunk's counts to the current epoch. */
void pageindex_refresh(const struct pageindex *idx, struct pageindex_meta *meta)
{
	bool next = idx->epoch - meta->epoch == 1;

	meta->alloc_count[1] = next ? meta->alloc_count[0] : 0;
	meta->alloc_count[0] = 0;
	meta->release_count[1] = next ? meta->release_count[0] : 0;
	meta->release_count[0] = 0;
	meta->epoch = idx->epoch;
}

/**
 * pageindex_next_epoch() - begin a new epoch, as every pass does
 * @idx: the index
 *
 * Pages claimed and released in a chunk are counted per epoch. The counts of an epoch are
 * dropped at the end of the next epoch. No chunk is visited here.
 */
void pageindex_next_epoch(struct pageindex *idx)
{
	idx->epoch++;
}

/**
 * pageindex_recent() - count the pages allocated in a chunk lately
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: pages allocated in the chunk in this epoch and the one before; a page counts each
 * time it is allocated; at most 65535 for each epoch
 */
unsigned int pageindex_recent(const struct pageindex *idx, unsigned long chunk)
{
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);

	switch (idx->epoch - meta->epoch) {
	case 0:
		return meta->alloc_count[0] + meta->alloc_count[1];
	case 1:
		return meta->alloc_count[0];
	default:
		return 0;
	}
}

/**
 * pageindex_used() - count the pages of a chunk that are in use
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: pages in use, 0 for a chunk that is wholly free or was never grown
 */
unsigned int pageindex_used(const struct pageindex *idx, unsigned long chunk)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int used = 0;
	unsigned int w;

	if (chunk_meta(idx, chunk)->unbacked_from == NEVER_GROWN)
		return 0;
	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++)
		used += hweight64(~word_free(&word[w]));
	return used;
}

/**
 * pageindex_next_used() - find the next page that is in use
 * @idx: the index
 * @page: where to begin; on success the page found, otherwise where to go on
 * @steps: how many chunks to look at; reduced by those seen
 *
 * Return: false if no page from *@page on is in use, or if *@steps is 0 now and one may be
 */
bool pageindex_next_used(const struct pageindex *idx, unsigned long *page, unsigned int *steps)
{
	while (*page >> CHUNK_SHIFT < nr_chunks(idx)) {
		unsigned long chunk = *page >> CHUNK_SHIFT;
		unsigned int offset = *page % CHUNK_PAGES;

		if (!*steps)
			return false;
		--*steps;
		if (chunk_meta(idx, chunk)->unbacked_from != NEVER_GROWN) {
			unsigned int run = pageindex_run_after(chunk_words(idx, chunk), offset);

			if (offset + run < CHUNK_PAGES) {
				*page += run;
				return true;
			}
		}
		*page = (chunk + 1) << CHUNK_SHIFT;
	}
	/* No chunk is left: *@steps must not be 0, which means that there may be one. */
	*steps = max(*steps, 1U);
	return false;
}
