// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: address-ordered first fit over bitmaps and packed summaries.
 *
 * Above the bits stands a tree of summaries. One u64 holds, for a stretch of pages, the
 * length of the free run at its start, of its longest free run and of the free run at its
 * end, in 21 bits each. The highest bit, the wall, says that the stretch does not join the
 * one before it:
 *
 *	 63   62        42 41        21 20         0
 *	+----+------------+------------+------------+
 *	|wall|    end     |    max     |   start    |
 *	+----+------------+------------+------------+
 *
 *	level 0  chunk	   512 pages   in the block	   fan-out 8
 *	level 1  group    4096 pages   in the block	   fan-out 4
 *	level 2  block   16384 pages   in the table	   fan-out 8
 *	level 3  ...			in the table	   fan-out 8
 *
 * Children of one parent lie side by side, so that going down or up a level
 * touches one cache line. Runs of 2^21 - 1 pages and more saturate: "at least
 * that many". Sums of saturated fields saturate again, so every search for less
 * is exact; searches for more stay below the levels that can saturate.
 *
 * Two devices keep the common case off the tree, whatever the heap's size:
 *
 * Hints. For 32 sizes up to a chunk the index remembers a page below which no
 * free run of that size starts. A search begins there and usually ends in the
 * same chunk. A run that appears below a hint lowers it; a search that ends
 * above raises it. hint[] never decreases with size, which bounds both loops.
 *
 * Stale chunks. Taking part of a chunk, or a run that is exactly one chunk, leaves the
 * chunk's summary as it was. If the summary may then be too high, the chunk is entered in
 * stale[], a direct-mapped array; a chunk displaced from there is summarised first. Taking
 * whole chunks of a longer run updates the tree at once. Freeing raises a summary that is
 * too low. So a summary is never too low, and a search that trusts summaries misses no run.
 * A search whose candidate run fails its check summarises the run's stale chunks and goes on,
 * or, with @stop_at_stale, ends. To allocate and free the same few pages over and over never
 * climbs the tree, and a search meets at most as many stale summaries as stale[] has entries.
 *
 * The layout of bitmaps and summaries follows M. Knyszek, "Scaling the Go page
 * allocator" (2019); walls, saturation, hints by size, stale chunks and the
 * two-bit states are this project's.
 */
#include "index/pageindex_hint.h"
#include "index/pageindex_tree.h"

/* === Summaries ========================================================== */

/* Summary of @n adjacent stretches of 2^@shift pages each. */
u64 pageindex_sum_merge(const u64 *child, unsigned int n, unsigned int shift)
{
	const u64 full = 1ULL << shift;
	u64 start = 0, max = 0, run = 0;
	bool whole = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		u64 sum = child[i];
		u64 first = sum_start(sum);

		if (sum & SUM_WALL && i) {
			whole = false;
			run = 0;
		}
		if (whole) {
			start += first;
			whole = first == full;
		}
		run += first;
		max = max3(max, run, sum_max(sum));
		if (first != full)
			run = sum_end(sum);
	}
	return sum_pack(start, max, run) | (child[0] & SUM_WALL);
}

/* Update the summaries above chunks @first..@last, up to the level where none changes. */
void pageindex_sum_update(struct pageindex *idx, unsigned long first, unsigned long last)
{
	unsigned int level;

	prefetch_path(idx, first);
	for (level = 0; level < idx->top; level++) {
		unsigned int fan = fan_shift(level);
		bool changed = false;
		unsigned long i;

		first >>= fan;
		last >>= fan;
		for (i = first; i <= last; i++) {
			u64 *sum = sum_at(idx, level + 1, i);
			u64 now = pageindex_sum_merge(sum_at(idx, level, i << fan), 1U << fan,
					    level_shift(level));

			changed |= *sum != now;
			*sum = now;
		}
		if (!changed)
			break;
	}
}

/* Summary of one chunk, from its bits. */
u64 pageindex_chunk_summary(const struct pageindex_word *word)
{
	u64 mixed[PAGEINDEX_CHUNK_WORDS];
	unsigned int start = 0, max = 0, run = 0;
	unsigned int nr_mixed = 0;
	bool whole = true;
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 free = word_free(&word[w]);

		if (free == ~0ULL) {
			run += 64;
			continue;
		}
		run += __ffs64(~free);
		if (whole)
			start = run;
		whole = false;
		max = max(max, run);
		run = leading_zeros(~free);
		if (free)
			mixed[nr_mixed++] = free;
	}
	if (whole)
		start = run;
	max = max(max, run);
	/* Runs that touch no word's edge; few words have one longer than before. */
	while (nr_mixed-- && max < 62) {
		u64 longer = run_starts(mixed[nr_mixed], max + 1);

		for (; longer; longer &= longer >> 1)
			max++;
	}
	return sum_pack(start, max, run);
}

/* Replace the summary of @chunk, except for its wall. */
static inline void chunk_sum_set(struct pageindex *idx, unsigned long chunk, u64 sum)
{
	u64 *old = sum_at(idx, 0, chunk);

	sum |= *old & SUM_WALL;
	if (*old == sum)
		return;
	*old = sum;
	pageindex_sum_update(idx, chunk, chunk);
}

/* === Stale summaries ==================================================== */

/* Summarise the chunk in an entry of stale[], and clear the entry. */
static void stale_sync(struct pageindex *idx, u32 *entry)
{
	unsigned long chunk = *entry - 1;

	prefetch_path(idx, chunk);
	*entry = 0;
	chunk_sum_set(idx, chunk, pageindex_chunk_summary(chunk_words(idx, chunk)));
}

/* Summarise up to @max stale chunks of @first..@last. Returns how many. */
unsigned int pageindex_tree_sync(struct pageindex *idx, unsigned long first, unsigned long last,
				 unsigned int max)
{
	unsigned int i, nr = 0;

	for (i = 0; i < PAGEINDEX_NR_STALE && nr < max; i++) {
		if (!stale_is_in(idx->stale[i], first, last))
			continue;
		stale_sync(idx, &idx->stale[i]);
		nr++;
	}
	return nr;
}

/* Enter @chunk, whose summary may be too high, in stale[]. */
void pageindex_mark_stale(struct pageindex *idx, unsigned long chunk)
{
	u32 *entry = &idx->stale[chunk % PAGEINDEX_NR_STALE];

	if (*entry == chunk + 1)
		return;
	if (*entry)
		stale_sync(idx, entry);
	*entry = chunk + 1;
}

/* === Pages taken ======================================================== */

/* Whole chunks @first..@last have been taken, or freed: update the tree at once. */
static void tree_whole_changed(struct pageindex *idx, unsigned long first, unsigned long last,
			       u64 sum)
{
	unsigned long chunk;

	for (chunk = first; chunk <= last; chunk++) {
		u64 *old = sum_at(idx, 0, chunk);

		*old = sum | (*old & SUM_WALL);
	}
	pageindex_sum_update(idx, first, last);
}

/*
 * Pages @from..@to - 1 of @chunk have been taken. Most often the summary stays exact,
 * because the pages were part of neither the longest run nor a run at an edge.
 */
static void tree_part_taken(struct pageindex *idx, unsigned long chunk, unsigned int from,
			    unsigned int to)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int start, end;

	if (chunk_is_stale(idx, chunk))
		return;
	start = from - chunk_run_before(word, from);
	end = to + chunk_run_after(word, to);
	if (start && end < CHUNK_PAGES && end - start < sum_max(*sum_at(idx, 0, chunk)))
		return;
	pageindex_mark_stale(idx, chunk);
}

/* Pages @page..@page + @npages - 1 have been taken. */
void pageindex_tree_taken(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long first = page >> CHUNK_SHIFT;
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned int from = page % CHUNK_PAGES;
	unsigned int to = (page + npages - 1) % CHUNK_PAGES + 1;

	if (first == last) {
		tree_part_taken(idx, first, from, to);
		return;
	}
	if (from)
		tree_part_taken(idx, first++, from, CHUNK_PAGES);
	if (to < CHUNK_PAGES)
		tree_part_taken(idx, last--, 0, to);
	if (first <= last)
		tree_whole_changed(idx, first, last, 0);
}

/* === Pages freed ======================================================== */

/*
 * Pages of @chunk have become free, and are now part of the run @start..@end - 1. Update
 * the summary: an exact summary stays exact, and a stale one does not become too low.
 */
static void tree_part_freed(struct pageindex *idx, unsigned long chunk, unsigned int start,
			    unsigned int end)
{
	u64 sum = *sum_at(idx, 0, chunk);

	chunk_sum_set(idx, chunk,
		      sum_pack(start ? sum_start(sum) : end, max_t(u64, sum_max(sum), end - start),
			       end < CHUNK_PAGES ? sum_end(sum) : end - start));
}

/*
 * Several runs of @chunk have become free: raise its summary to what the bits say. A stale
 * summary that is higher stays, since to lower it would climb the tree.
 */
static void tree_many_freed(struct pageindex *idx, unsigned long chunk)
{
	u64 sum = *sum_at(idx, 0, chunk);
	u64 now;

	/* The summary of a wholly free chunk cannot be raised. */
	if ((sum & ~SUM_WALL) == SUM_FREE_CHUNK)
		return;
	now = pageindex_chunk_summary(chunk_words(idx, chunk));
	chunk_sum_set(idx, chunk,
		      sum_pack(max(sum_start(sum), sum_start(now)), max(sum_max(sum), sum_max(now)),
			       max(sum_end(sum), sum_end(now))));
}

/*
 * Is no hint above the start of the free run that begins @before pages before @page? False
 * if the run may begin in the chunk before, since its start is then unknown.
 */
static inline bool hints_low(const struct pageindex *idx, unsigned long page,
			     unsigned int before)
{
	return idx->hint[PAGEINDEX_NR_HINTS - 1] <= page - before &&
	       (before < page % CHUNK_PAGES || !chunk_joins(idx, page >> CHUNK_SHIFT));
}

/*
 * Lower the hints to the run that pages @page..@page + @npages - 1 have become part of, with
 * @before and @after more pages of it in the chunks at its ends. It is enough to look at one
 * neighbour chunk on each side: no hint is above the start of one that is wholly free.
 */
static inline void hints_freed(struct pageindex *idx, unsigned long page, unsigned long npages,
			       unsigned int before, unsigned int after)
{
	unsigned long start = page - before;
	unsigned long end = page + npages + after;

	if (start % CHUNK_PAGES == 0 && chunk_joins(idx, start >> CHUNK_SHIFT))
		start -= chunk_run_before(chunk_words(idx, (start >> CHUNK_SHIFT) - 1),
					  CHUNK_PAGES);
	if (end % CHUNK_PAGES == 0 && chunk_joins(idx, end >> CHUNK_SHIFT))
		end += chunk_run_at_start(chunk_words(idx, end >> CHUNK_SHIFT));
	hint_lower(idx, end - start, start);
}

/* Pages @page..@page + @npages - 1 have become free. */
void pageindex_tree_freed(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long first = page >> CHUNK_SHIFT;
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned int from = page % CHUNK_PAGES;
	unsigned int to = (page + npages - 1) % CHUNK_PAGES + 1;
	unsigned int before = chunk_run_before(chunk_words(idx, first), from);
	bool low = hints_low(idx, page, before);
	unsigned int after;

	/* The summary of a wholly free chunk cannot be raised. */
	if (low && first == last && (*sum_at(idx, 0, first) & ~SUM_WALL) == SUM_FREE_CHUNK)
		return;
	after = chunk_run_after(chunk_words(idx, last), to);
	if (first == last) {
		tree_part_freed(idx, first, from - before, to + after);
	} else {
		if (from)
			tree_part_freed(idx, first++, from - before, CHUNK_PAGES);
		if (to < CHUNK_PAGES)
			tree_part_freed(idx, last--, 0, to + after);
		if (first <= last)
			tree_whole_changed(idx, first, last, SUM_FREE_CHUNK);
	}
	if (!low)
		hints_freed(idx, page, npages, before, after);
}

/* The pages of all @runs, which lie in one chunk, have become free. */
void pageindex_tree_freed_runs(struct pageindex *idx, const struct pageindex_run *runs,
			       unsigned int nr)
{
	unsigned long chunk = runs->page >> CHUNK_SHIFT;
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned long start = 0, end = 0;
	unsigned int i;

	tree_many_freed(idx, chunk);
	for (i = 0; i < nr; i++) {
		unsigned long page = runs[i].page;
		unsigned long behind = page + runs[i].npages;
		unsigned int before, after;

		/* Several of @runs often become part of the same free run. */
		if (page >= start && page < end)
			continue;
		before = chunk_run_before(word, page % CHUNK_PAGES);
		after = chunk_run_after(word, behind - (chunk << CHUNK_SHIFT));
		start = page - before;
		end = behind + after;
		if (!hints_low(idx, page, before))
			hints_freed(idx, page, runs[i].npages, before, after);
	}
}
