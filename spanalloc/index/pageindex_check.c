// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: verifying what it derives from its bits, for tests.
 */
#include "index/pageindex_hint.h"
#include "index/pageindex_search.h"
#include "index/pageindex_tree.h"

/* Pages by state, summed over chunks. */
struct totals {
	unsigned long grown;
	unsigned long idle;
	unsigned long released;
};

static bool pageindex_check_meta(const struct pageindex *idx, unsigned long chunk,
				 struct totals *totals)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);
	unsigned long block = chunk >> PAGEINDEX_BLOCK_SHIFT;
	unsigned int idle = 0, backed_to = 0;
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 backed = ~word_released(&word[w]);

		idle += hweight64(word_idle(&word[w]));
		totals->released += hweight64(~backed);
		if (backed)
			backed_to = (w + 1) * 64 - leading_zeros(backed);
	}
	totals->idle += idle;
	if (idle != meta->idle)
		return false;
	if (idle && !(idx->idle_map[block / 64] & BIT_ULL(block % 64)))
		return false;
	if (meta->unbacked_from == NEVER_GROWN)
		return true;
	totals->grown += CHUNK_PAGES;
	if (!backed_to && (meta->zero_from || meta->tag != PAGEINDEX_TAG_NONE))
		return false;
	return backed_to <= meta->unbacked_from && meta->unbacked_from <= CHUNK_PAGES;
}

/* The summary of a chunk is exact or, if the chunk is stale, not too low. */
static bool check_summary(const struct pageindex *idx, unsigned long chunk)
{
	u64 sum = *sum_at(idx, 0, chunk) & ~SUM_WALL;
	u64 now = pageindex_chunk_summary(chunk_words(idx, chunk));

	if (!chunk_is_stale(idx, chunk))
		return sum == now;
	return sum_start(sum) >= sum_start(now) && sum_max(sum) >= sum_max(now) &&
	       sum_end(sum) >= sum_end(now);
}

static bool check_chunks(const struct pageindex *idx)
{
	struct totals totals = {};
	unsigned long chunk;

	for (chunk = 0; chunk < nr_chunks(idx); chunk++)
		if (!pageindex_check_meta(idx, chunk, &totals) || !check_summary(idx, chunk))
			return false;
	return totals.grown == idx->nr_pages && totals.idle == idx->nr_idle &&
	       totals.released == idx->nr_released;
}

static bool pageindex_check_sums(const struct pageindex *idx)
{
	unsigned int level;

	for (level = 0; level < idx->top; level++) {
		unsigned int fan = fan_shift(level);
		unsigned long nr = nr_chunks(idx) << CHUNK_SHIFT >> level_shift(level);
		unsigned long i;

		for (i = 0; i < nr; i += 1UL << fan) {
			u64 now = pageindex_sum_merge(sum_at(idx, level, i), 1U << fan,
						      level_shift(level));

			if (*sum_at(idx, level + 1, i >> fan) != now)
				return false;
		}
	}
	return true;
}

/* No run may start below the hint for its size or a smaller one. */
static bool pageindex_check_hints(const struct pageindex *idx)
{
	unsigned long end = nr_chunks(idx) << CHUNK_SHIFT;
	unsigned long page, run;
	unsigned int i;

	for (page = 0; page < end; page += run) {
		run = pageindex_run_length(idx, page, ULONG_MAX);
		if (!run) {
			u64 free = word_free(&chunk_words(idx, page >> CHUNK_SHIFT)[page / 64 % 8]);

			/* To the next free page of this word, or to the next word. */
			free &= ~0ULL << page % 64;
			run = free ? __ffs64(free) - page % 64 : 64 - page % 64;
			continue;
		}
		for (i = 0; i < PAGEINDEX_NR_HINTS && hint_size(i) <= run; i++)
			if (idx->hint[i] > page)
				return false;
	}
	for (i = 1; i < PAGEINDEX_NR_HINTS; i++)
		if (idx->hint[i] < idx->hint[i - 1])
			return false;
	return true;
}

/**
 * pageindex_check() - verify what the index derives from its bits
 * @idx: the index
 *
 * Looks at every page, for tests. Verifies the counters @nr_pages, @nr_idle and @nr_released,
 * all summaries and all hints; of each chunk @idle, and that @unbacked_from lies above its
 * backed pages and that @zero_from and @tag are reset if it has none; of each block that its
 * bit in @idle_map is set if it has idle pages. Does not verify @idle_of, whose length the
 * index does not know, nor @due, nor the counts of an epoch.
 *
 * Return: false if one of these is wrong
 */
bool pageindex_check(const struct pageindex *idx)
{
	return check_chunks(idx) && pageindex_check_sums(idx) && pageindex_check_hints(idx);
}
