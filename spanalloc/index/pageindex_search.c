// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: searching for the lowest run of free pages. pageindex_tree.c describes the
 * summaries, the hints and the stale chunks that a search uses.
 */
#include "index/pageindex_hint.h"
#include "index/pageindex_search.h"
#include "index/pageindex_tree.h"

/* The highest level whose stretch cannot saturate its summary: 2^20 pages. */
#define EXACT_LEVEL	4U

/* As chunk_find(), for free pages. */
static int chunk_find_free(const struct pageindex_word *word, unsigned long n, unsigned int from,
			   unsigned int *tail)
{
	return chunk_find(word, false, n, from, tail);
}

/**
 * pageindex_run_length() - count free pages
 * @idx: the index
 * @page: first page to look at
 * @n: number of free pages to stop at
 *
 * Return: free pages from @page on in a row; if there are @n or more, at least @n
 */
unsigned long pageindex_run_length(const struct pageindex *idx, unsigned long page,
				   unsigned long n)
{
	unsigned long have = 0;

	do {
		unsigned long chunk = (page + have) >> CHUNK_SHIFT;
		unsigned int offset = (page + have) % CHUNK_PAGES;
		unsigned int run = chunk_run_after(chunk_words(idx, chunk), offset);

		have += run;
		if (offset + run < CHUNK_PAGES || !chunk_joins(idx, chunk + 1))
			break;
	} while (have < n);
	return have;
}

/* === Stale summaries ==================================================== */

/* Is one of chunks @first..@last stale? */
static bool tree_any_stale(const struct pageindex *idx, unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++)
		if (stale_is_in(idx->stale[i], first, last))
			return true;
	return false;
}

/*
 * Is a run free that the summaries promise? A short run is checked in the bits. A long run is
 * only checked for stale chunks: no other summary can be too high.
 */
static bool pageindex_run_is_free(const struct pageindex *idx, unsigned long page, unsigned long n)
{
	if (n <= 2 * CHUNK_PAGES)
		return pageindex_run_length(idx, page, n) >= n;
	return !tree_any_stale(idx, page >> CHUNK_SHIFT, (page + n - 1) >> CHUNK_SHIFT);
}

/*
 * A candidate run needs chunks @first..@last, of which some are stale. Summarise those; or,
 * with @stop_at_stale, note the range for pageindex_sync_stale() and return true.
 */
static bool pageindex_stop_or_sync(struct pageindex *idx, unsigned long first, unsigned long last)
{
	if (!idx->stop_at_stale) {
		pageindex_tree_sync(idx, first, last, PAGEINDEX_NR_STALE);
		return false;
	}
	idx->hit_stale = true;
	idx->stale_first = first;
	idx->stale_last = last;
	return true;
}

/**
 * pageindex_sync_stale() - summarise a chunk at which the last search stopped
 * @idx: the index, whose last search set @hit_stale
 *
 * The caller then repeats the search, which may stop at another stale chunk. At most
 * %PAGEINDEX_NR_STALE chunks are stale.
 *
 * Return: false if none of these chunks is stale any more
 */
bool pageindex_sync_stale(struct pageindex *idx)
{
	return pageindex_tree_sync(idx, idx->stale_first, idx->stale_last, 1);
}

/* === Searching ========================================================== */

/*
 * Lowest run of @n free pages in the chunks from @chunk on, given that the @run
 * pages before it are free. The walk goes right along a level, up wherever a
 * parent begins, and down into the first summary that promises a long enough
 * run. If that run is not there, because of stale chunks, the walk begins again at
 * the first chunk of the promised run: no earlier chunk can begin a run.
 */
static bool pageindex_tree_find(struct pageindex *idx, unsigned long n, unsigned long chunk,
				unsigned long run, unsigned long *found)
{
	unsigned int highest = n > SUM_MAX_RUN ? min(idx->top, EXACT_LEVEL) : idx->top;
	const unsigned long before = run;
	unsigned long i = chunk;
	unsigned int level = 0;

	for (;;) {
		unsigned long page = i << level_shift(level);
		unsigned int tail;
		u64 sum;

		if (page >= nr_chunks(idx) << CHUNK_SHIFT)
			return false;
		sum = *sum_at(idx, level, i);
		if (sum & SUM_WALL)
			run = 0;
		if (run + sum_start(sum) >= n) {
			unsigned long first = (page - run) >> CHUNK_SHIFT;

			*found = page - run;
			if (pageindex_run_is_free(idx, *found, n))
				return true;
			if (pageindex_stop_or_sync(idx, first, (*found + n - 1) >> CHUNK_SHIFT))
				return false;
			i = max(first, chunk);
			level = 0;
			run = first < chunk ? before : 0;
			continue;
		}
		if (sum_max(sum) >= n && level) {
			level--;
			i <<= fan_shift(level);
			continue;
		}
		if (sum_max(sum) >= n) {
			int at = chunk_find_free(chunk_words(idx, i), n, 0, &tail);

			if (at >= 0) {
				*found = page + at;
				return true;
			}
			if (pageindex_stop_or_sync(idx, i, i))
				return false;
			continue;
		}
		if (sum_start(sum) == 1ULL << level_shift(level))
			run += sum_start(sum);
		else
			run = sum_end(sum);
		i++;
		while (level < highest && !(i & ((1UL << fan_shift(level)) - 1)))
			i >>= fan_shift(level++);
	}
}

/* Lowest run of @n free pages that starts at page @from or later. */
bool pageindex_find_from(struct pageindex *idx, unsigned long n, unsigned long from,
			 unsigned long *found)
{
	unsigned long chunk = from >> CHUNK_SHIFT;
	unsigned int tail;
	int at;

	if (chunk >= nr_chunks(idx))
		return false;
	at = chunk_find_free(chunk_words(idx, chunk), n, from % CHUNK_PAGES, &tail);
	if (at >= 0) {
		*found = (chunk << CHUNK_SHIFT) + at;
		return true;
	}
	chunk++;
	if (tail && chunk_joins(idx, chunk) &&
	    tail + chunk_run_at_start(chunk_words(idx, chunk)) >= n) {
		*found = (chunk << CHUNK_SHIFT) - tail;
		return true;
	}
	if (chunk < nr_chunks(idx))
		prefetch_path(idx, chunk);
	return pageindex_tree_find(idx, n, chunk, tail, found);
}

/* Lowest run of @n free pages in the index. */
bool pageindex_find_first(struct pageindex *idx, unsigned long n, unsigned long *found)
{
	unsigned int hint = hint_floor(min(n, CHUNK_PAGES));
	bool ok;

	if (n > idx->nr_idle + idx->nr_released)
		return false;
	ok = pageindex_find_from(idx, n, idx->hint[hint], found);
	if (n <= CHUNK_PAGES && (ok || !idx->hit_stale))
		hint_raise(idx, n, ok ? *found : nr_chunks(idx) << CHUNK_SHIFT);
	return ok;
}
