// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: address-ordered first fit over bitmaps and packed summaries.
 *
 * Above the bits stands a tree of summaries. One u64 says of a stretch of pages
 * how long its free run at the start is, its longest anywhere, and the one at
 * its end, 21 bits each; the last bit says that the stretch does not join the
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
 * Stale chunks. Taking pages does not touch the tree: the chunk is noted in a
 * small, direct-mapped table, and its summary stays as it was. Freeing raises a
 * summary that is too low. So a summary is never too low, and a search that trusts
 * summaries misses no run. A search that follows a summary which is too high finds
 * no run in the bits, brings that chunk's summary up to date and goes on. So to
 * allocate and free the same few pages over and over never climbs the tree, and a
 * search meets at most as many stale summaries as the table has entries.
 *
 * The layout of bitmaps and summaries follows M. Knyszek, "Scaling the Go page
 * allocator" (2019); walls, saturation, hints by size, stale chunks and the
 * two-bit states are this project's.
 */
#include "index/pageindex_tree.h"

/* The highest level whose stretch cannot saturate its summary: 2^20 pages. */
#define EXACT_LEVEL	4U

/* Summary of a chunk that is wholly free. */
#define SUM_FREE_CHUNK	(CHUNK_PAGES | CHUNK_PAGES << SUM_BITS | CHUNK_PAGES << 2 * SUM_BITS)

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

/*
 * Prefetch all summaries above a chunk at once. Their addresses are known, and cache misses
 * one after another would take several times as long.
 */
static inline void prefetch_path(const struct pageindex *idx, unsigned long chunk)
{
	unsigned long i = chunk;
	unsigned int level;

	for (level = 0; level < idx->top; level++) {
		prefetchw(sum_at(idx, level, i));
		i >>= fan_shift(level);
	}
}

/* Carry a change of summaries @first..@last of level 0 as far up as it goes. */
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

/* === Chunks ============================================================= */

/* Free pages at the start of a chunk. */
static unsigned int chunk_lead(const struct pageindex_word *word)
{
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 used = ~word_free(&word[w]);

		if (used)
			return w * 64 + __ffs64(used);
	}
	return CHUNK_PAGES;
}

/* Free pages just before page @to of a chunk. */
static unsigned int chunk_run_before(const struct pageindex_word *word, unsigned int to)
{
	unsigned int w;

	for (w = to; w > 0; w = round_down(w - 1, 64)) {
		u64 used = ~word_free(&word[(w - 1) / 64]) << (63 - (w - 1) % 64);

		if (used)
			return to - w + leading_zeros(used);
	}
	return to;
}

/* Free pages from page @from of a chunk on. */
unsigned int pageindex_run_after(const struct pageindex_word *word, unsigned int from)
{
	unsigned int w;

	for (w = from; w < CHUNK_PAGES; w = round_up(w + 1, 64)) {
		u64 used = ~word_free(&word[w / 64]) >> w % 64;

		if (used)
			return w - from + __ffs64(used);
	}
	return CHUNK_PAGES - from;
}

/*
 * Lowest run of @n free pages of a chunk that starts at page @from or later;
 * -1 if there is none. *@tail is then the length of the free run at the end.
 */
static int chunk_find(const struct pageindex_word *word, unsigned long n, unsigned int from,
		      unsigned int *tail)
{
	unsigned int run = 0;
	unsigned int w;

	for (w = from / 64; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 free = word_free(&word[w]);
		u64 starts;

		if (w == from / 64)
			free &= ~0ULL << from % 64;
		if (!free) {
			run = 0;
			continue;
		}
		if (free == ~0ULL) {
			run += 64;
			if (run >= n)
				return (w + 1) * 64 - run;
			continue;
		}
		if (run + __ffs64(~free) >= n)
			return w * 64 - run;
		if (n <= 64) {
			starts = run_starts(free, n);
			if (starts)
				return w * 64 + __ffs64(starts);
		}
		run = leading_zeros(~free);
	}
	*tail = run;
	return -1;
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

/* === Stale summaries ==================================================== */

static void stale_sync(struct pageindex *idx, u32 *slot)
{
	unsigned long chunk = *slot - 1;
	u64 *leaf = sum_at(idx, 0, chunk);
	u64 now;

	prefetch_path(idx, chunk);
	now = pageindex_chunk_summary(chunk_words(idx, chunk)) | (*leaf & SUM_WALL);

	*slot = 0;
	if (*leaf == now)
		return;
	*leaf = now;
	pageindex_sum_update(idx, chunk, chunk);
}

/* Bring chunks @first..@last up to date. */
static void stale_sync_range(struct pageindex *idx, unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++)
		if (idx->stale[i] > first && idx->stale[i] <= last + 1)
			stale_sync(idx, &idx->stale[i]);
}

void pageindex_mark_stale(struct pageindex *idx, unsigned long chunk)
{
	u32 *slot = &idx->stale[chunk % PAGEINDEX_NR_STALE];

	if (*slot == chunk + 1)
		return;
	if (*slot)
		stale_sync(idx, slot);
	*slot = chunk + 1;
}

static inline bool stale(const struct pageindex *idx, unsigned long chunk)
{
	return idx->stale[chunk % PAGEINDEX_NR_STALE] == chunk + 1;
}

/* Whole chunks @first..@last have become free or taken: update the tree at once. */
static void whole_changed(struct pageindex *idx, unsigned long first, unsigned long last,
			  u64 sum)
{
	unsigned long chunk;

	for (chunk = first; chunk <= last; chunk++) {
		u64 *leaf = sum_at(idx, 0, chunk);

		*leaf = sum | (*leaf & SUM_WALL);
	}
	pageindex_sum_update(idx, first, last);
}

/*
 * Pages @from..@to - 1 of @chunk have been taken. Most often the summary stays exact,
 * because the pages were part of neither the longest run nor a run at an edge.
 */
static void part_taken(struct pageindex *idx, unsigned long chunk, unsigned int from,
		       unsigned int to)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	unsigned int start, end;

	if (stale(idx, chunk))
		return;
	start = from - chunk_run_before(word, from);
	end = to + pageindex_run_after(word, to);
	if (start && end < CHUNK_PAGES && end - start < sum_max(*sum_at(idx, 0, chunk)))
		return;
	pageindex_mark_stale(idx, chunk);
}

/*
 * Pages of @chunk have become free, and are now part of the run @start..@end - 1. Update
 * the summary: an exact summary stays exact, and a stale one does not become too low.
 */
static void part_freed(struct pageindex *idx, unsigned long chunk, unsigned int start,
		       unsigned int end)
{
	u64 *leaf = sum_at(idx, 0, chunk);
	u64 now;

	now = sum_pack(start ? sum_start(*leaf) : end, max_t(u64, sum_max(*leaf), end - start),
		       end < CHUNK_PAGES ? sum_end(*leaf) : end - start) | (*leaf & SUM_WALL);
	if (*leaf == now)
		return;
	*leaf = now;
	pageindex_sum_update(idx, chunk, chunk);
}

/*
 * Several runs of @chunk have become free: all of its bits are looked at. What is
 * stale stays at least what it was, so that it does not go up and down the tree.
 */
static void many_freed(struct pageindex *idx, unsigned long chunk)
{
	u64 *leaf = sum_at(idx, 0, chunk);
	u64 now;

	/* The summary of a wholly free chunk cannot be raised. */
	if ((*leaf & ~SUM_WALL) == SUM_FREE_CHUNK)
		return;
	now = pageindex_chunk_summary(chunk_words(idx, chunk));
	now = sum_pack(max(sum_start(*leaf), sum_start(now)), max(sum_max(*leaf), sum_max(now)),
		       max(sum_end(*leaf), sum_end(now))) | (*leaf & SUM_WALL);
	if (*leaf == now)
		return;
	*leaf = now;
	pageindex_sum_update(idx, chunk, chunk);
}

/* === Hints ============================================================== */

/* The largest hint whose size is at most @npages; 0 < @npages <= CHUNK_PAGES. */
static inline unsigned int hint_floor(unsigned long npages)
{
	unsigned int octave;

	if (npages < 4)
		return npages - 1;
	octave = __fls(npages);
	return 3 + (octave - 2) * 4 + (npages >> (octave - 2) & 3);
}

unsigned long pageindex_hint_size(unsigned int hint)
{
	if (hint < 3)
		return hint + 1;
	return (4UL + (hint - 3) % 4) << (hint - 3) / 4;
}

/* The smallest hint whose size is at least @npages. */
static inline unsigned int hint_ceil(unsigned long npages)
{
	unsigned int hint = hint_floor(npages);

	return pageindex_hint_size(hint) == npages ? hint : hint + 1;
}

static inline void hint_raise(struct pageindex *idx, unsigned long npages, unsigned long page)
{
	unsigned int i;

	for (i = hint_ceil(npages); i < PAGEINDEX_NR_HINTS && idx->hint[i] < page; i++)
		idx->hint[i] = page;
}

static inline void hint_lower(struct pageindex *idx, unsigned long npages, unsigned long page)
{
	int i;

	for (i = hint_floor(min(npages, CHUNK_PAGES)); i >= 0 && idx->hint[i] > page; i--)
		idx->hint[i] = page;
}

/* === Changes ============================================================ */

/* Pages @page..@page + @npages - 1 have been taken. */
void pageindex_tree_taken(struct pageindex *idx, unsigned long page, unsigned long npages)
{
	unsigned long first = page >> CHUNK_SHIFT;
	unsigned long last = (page + npages - 1) >> CHUNK_SHIFT;
	unsigned int from = page % CHUNK_PAGES;
	unsigned int to = (page + npages - 1) % CHUNK_PAGES + 1;

	if (first == last) {
		part_taken(idx, first, from, to);
		return;
	}
	if (from)
		part_taken(idx, first++, from, CHUNK_PAGES);
	if (to < CHUNK_PAGES)
		part_taken(idx, last--, 0, to);
	if (first <= last)
		whole_changed(idx, first, last, 0);
}

/* Is every hint at the free run that begins @before pages before @page, or below? */
static inline bool hints_low(const struct pageindex *idx, unsigned long page,
			     unsigned int before)
{
	return idx->hint[PAGEINDEX_NR_HINTS - 1] <= page - before &&
	       (before < page % CHUNK_PAGES || !chunk_joins(idx, page >> CHUNK_SHIFT));
}

/*
 * Lower the hints to the run that pages @page..@page + @npages - 1 are part of now,
 * with @before and @after more of it in the chunks at its ends. A neighbour chunk
 * that is wholly free already has every hint at its start or below, so that to look at
 * one chunk on each side is enough.
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
		end += chunk_lead(chunk_words(idx, end >> CHUNK_SHIFT));
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
	after = pageindex_run_after(chunk_words(idx, last), to);
	if (first == last) {
		part_freed(idx, first, from - before, to + after);
	} else {
		if (from)
			part_freed(idx, first++, from - before, CHUNK_PAGES);
		if (to < CHUNK_PAGES)
			part_freed(idx, last--, 0, to + after);
		if (first <= last)
			whole_changed(idx, first, last, SUM_FREE_CHUNK);
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

	many_freed(idx, chunk);
	for (i = 0; i < nr; i++) {
		unsigned long page = runs[i].page;
		unsigned long behind = page + runs[i].npages;
		unsigned int before, after;

		/* Several of @runs often become part of the same free run. */
		if (page >= start && page < end)
			continue;
		before = chunk_run_before(word, page % CHUNK_PAGES);
		after = pageindex_run_after(word, behind - (chunk << CHUNK_SHIFT));
		start = page - before;
		end = behind + after;
		if (!hints_low(idx, page, before))
			hints_freed(idx, page, runs[i].npages, before, after);
	}
}

/* === Searching ========================================================== */

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
		unsigned int run = pageindex_run_after(chunk_words(idx, chunk), offset);

		have += run;
		if (offset + run < CHUNK_PAGES || !chunk_joins(idx, chunk + 1))
			break;
	} while (have < n);
	return have;
}

/* Is one of chunks @first..@last stale? */
static bool any_stale(const struct pageindex *idx, unsigned long first, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++)
		if (idx->stale[i] > first && idx->stale[i] <= last + 1)
			return true;
	return false;
}

/*
 * Is a run free that the summaries promise? Short runs are checked in the bits. Long runs are
 * only checked for stale chunks: no other summary can be too high.
 */
static bool run_is_free(const struct pageindex *idx, unsigned long page, unsigned long n)
{
	if (n <= 2 * CHUNK_PAGES)
		return pageindex_run_length(idx, page, n) >= n;
	return !any_stale(idx, page >> CHUNK_SHIFT, (page + n - 1) >> CHUNK_SHIFT);
}

/*
 * The summaries of chunks @first..@last are too high. Bring them up to date; or, with
 * @stop_at_stale, leave that to pageindex_sync_stale() and return true.
 */
static bool stop_or_sync(struct pageindex *idx, unsigned long first, unsigned long last)
{
	if (!idx->stop_at_stale) {
		stale_sync_range(idx, first, last);
		return false;
	}
	idx->hit_stale = true;
	idx->stale_first = first;
	idx->stale_last = last;
	return true;
}

/**
 * pageindex_sync_stale() - update the stale summary at which the last search ended
 * @idx: the index, with @stop_at_stale
 *
 * The caller then repeats the search, which may end at another stale summary. There are at
 * most %PAGEINDEX_NR_STALE of them.
 *
 * Return: false if no chunk of the last search is stale any more
 */
bool pageindex_sync_stale(struct pageindex *idx)
{
	unsigned int i;

	for (i = 0; i < PAGEINDEX_NR_STALE; i++) {
		u32 *slot = &idx->stale[i];

		if (*slot <= idx->stale_first || *slot > idx->stale_last + 1)
			continue;
		stale_sync(idx, slot);
		return true;
	}
	return false;
}

/*
 * Lowest run of @n free pages in the chunks from @chunk on, given that the @run
 * pages before it are free. The walk goes right along a level, up wherever a
 * parent begins, and down into the first summary that promises a long enough
 * run. If that run is not there, because of stale chunks, the walk begins again at
 * the first chunk of the promised run: no earlier chunk can begin a run.
 */
static bool tree_find(struct pageindex *idx, unsigned long n, unsigned long chunk,
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
			if (run_is_free(idx, *found, n))
				return true;
			if (stop_or_sync(idx, first, (*found + n - 1) >> CHUNK_SHIFT))
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
			int at = chunk_find(chunk_words(idx, i), n, 0, &tail);

			if (at >= 0) {
				*found = page + at;
				return true;
			}
			if (stop_or_sync(idx, i, i))
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
	at = chunk_find(chunk_words(idx, chunk), n, from % CHUNK_PAGES, &tail);
	if (at >= 0) {
		*found = (chunk << CHUNK_SHIFT) + at;
		return true;
	}
	chunk++;
	if (tail && chunk_joins(idx, chunk) && tail + chunk_lead(chunk_words(idx, chunk)) >= n) {
		*found = (chunk << CHUNK_SHIFT) - tail;
		return true;
	}
	if (chunk < nr_chunks(idx))
		prefetch_path(idx, chunk);
	return tree_find(idx, n, chunk, tail, found);
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

