// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: walks over chunks. A pass of the scavenger takes old pages and makes idle pages
 * old; a top-up takes released pages; a walk over a heap's spans looks for pages in use.
 */
#include "index/pageindex_state.h"

/* === Idle pages ========================================================= */

/**
 * pageindex_prev_idle() - find the next lower chunk that has idle pages
 * @idx: the index
 * @chunk: chunk to begin below; set to the chunk found, or else to where to continue
 * @steps: about how many chunks and words of @idle_map to look at; reduced by those looked at
 *
 * Return: false if there is no such chunk, or if *@steps has become 0 and there may be one
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
		/* All chunks of the block have been looked at, and none has idle pages. */
		if (whole)
			idx->idle_map[block / 64] &= ~BIT_ULL(block % 64);
	}
	*chunk = c;
	/* No chunk is left: *@steps must not be 0, which means that there may be one. */
	if (!c && !*steps)
		*steps = 1;
	return false;
}

/* Idle pages of a certain age in word @w of a chunk. */
static u64 word_aged(const struct pageindex *idx, unsigned long chunk, unsigned int w,
		     enum pageindex_age age)
{
	const struct pageindex_word *word = &chunk_words(idx, chunk)[w];

	if (age == PAGEINDEX_ANY)
		return word_idle(word);
	if (age == PAGEINDEX_DUE && !(chunk_meta(idx, chunk)->due & BIT(w)))
		return 0;
	return word_old(word);
}

/**
 * pageindex_take_idle() - take idle pages of a chunk, from its highest down
 * @idx: the index
 * @chunk: the chunk
 * @age: which idle pages
 * @max_pages: most pages to take
 * @runs: where to put the runs taken
 * @max_runs: how many of them there is room for
 *
 * The pages are in use afterwards. The caller passes them to pageindex_release() or
 * pageindex_free(). Takes nothing from a chunk that has pages behind the fence.
 *
 * Return: number of runs
 */
unsigned int pageindex_take_idle(struct pageindex *idx, unsigned long chunk,
				 enum pageindex_age age, unsigned long max_pages,
				 struct pageindex_run *runs, unsigned int max_runs)
{
	unsigned int end = CHUNK_PAGES;
	unsigned int nr = 0;

	if (chunk_is_fenced(idx, chunk))
		return 0;
	while (end && nr < max_runs && max_pages) {
		unsigned int w = (end - 1) / 64;
		u64 aged = word_aged(idx, chunk, w, age) & word_mask(w, w * 64, end);
		unsigned int to, n;

		if (!aged) {
			end = w * 64;
			continue;
		}
		to = 64 - leading_zeros(aged);
		aged <<= 64 - to;
		n = ~aged ? leading_zeros(~aged) : 64;
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
 * pageindex_age() - make the idle pages of a chunk old
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: how many idle pages were already old
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
		old += hweight64(word_old(&word[w]));
		word[w].hi &= ~young;
		word[w].lo |= young;
	}
	return old;
}

/* === Released pages ===================================================== */

/* First run of released pages of a chunk from page *@from on. Returns its length, or 0. */
static unsigned int next_released(const struct pageindex_word *word, unsigned int *from)
{
	unsigned int at = *from;
	unsigned int run = 0;

	while (at < CHUNK_PAGES) {
		u64 bits = word_released(&word[at / 64]) >> at % 64;
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

/**
 * pageindex_take_released() - take released pages of a chunk, from its lowest up
 * @idx: the index
 * @chunk: the chunk
 * @max_pages: most pages to take
 * @runs: where to put the runs taken
 * @max_runs: how many of them there is room for
 * @fresh: set as @fresh of &struct pageindex_claim
 *
 * The pages are in use afterwards. The caller backs them and makes them idle with
 * pageindex_free(). Does not count as an allocation or a refault. Takes nothing from a chunk
 * that has pages behind the fence.
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
	if (chunk_is_fenced(idx, chunk))
		return 0;
	while (max_pages && nr < max_runs && (run = next_released(word, &from))) {
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

/* === Pages in use ======================================================= */

/**
 * pageindex_used() - count the pages of a chunk that are in use
 * @idx: the index
 * @chunk: the chunk
 *
 * Return: pages in use; 0 for a chunk that has never grown
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
 * @page: page to begin at; set to the page found, or else to where to continue
 * @steps: how many chunks to look at; reduced by those looked at
 *
 * Return: false if no page from *@page on is in use, or if *@steps has become 0 and one may be
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
			unsigned int run = chunk_run_after(chunk_words(idx, chunk), offset);

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
