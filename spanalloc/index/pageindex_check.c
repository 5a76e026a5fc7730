// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page index: verifying what it derives from its bits, for tests.
 */
#include "index/pageindex_tree.h"

static bool check_chunk(const struct pageindex *idx, unsigned long chunk, unsigned long *idle,
			unsigned long *released)
{
	const struct pageindex_word *word = chunk_words(idx, chunk);
	const struct pageindex_meta *meta = chunk_meta(idx, chunk);
	u64 leaf = *sum_at(idx, 0, chunk);
	unsigned int chunk_idle = 0;
	u64 backed = 0;
	unsigned int w;
	u64 now;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		chunk_idle += hweight64(word[w].hi ^ word[w].lo);
		*released += hweight64(~(word[w].hi | word[w].lo));
		backed |= word[w].hi | word[w].lo;
	}
	*idle += chunk_idle;
	if (chunk_idle != meta->idle)
		return false;
	/* If no page of the chunk is backed, @zero_from and @tag have to be 0. */
	if (!backed && (meta->zero_from || meta->tag))
		return false;
	if (meta->unbacked_from == NEVER_GROWN)
		return (leaf & ~SUM_WALL) == 0;
	now = pageindex_chunk_summary(word);
	if (idx->stale[chunk % PAGEINDEX_NR_STALE] != chunk + 1)
		return (leaf & ~SUM_WALL) == now;
	return sum_start(leaf) >= sum_start(now) && sum_max(leaf) >= sum_max(now) &&
	       sum_end(leaf) >= sum_end(now);
}

static bool check_sums(const struct pageindex *idx)
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
static bool check_hints(const struct pageindex *idx)
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
		for (i = 0; i < PAGEINDEX_NR_HINTS && pageindex_hint_size(i) <= run; i++)
			if (idx->hint[i] > page)
				return false;
	}
	return true;
}

/**
 * pageindex_check() - verify everything that the index derives from its bits
 * @idx: the index
 *
 * Looks at every page: for tests.
 *
 * Return: false if a counter, a summary or a hint is wrong
 */
bool pageindex_check(const struct pageindex *idx)
{
	unsigned long idle = 0, released = 0;
	unsigned long chunk;

	for (chunk = 0; chunk < nr_chunks(idx); chunk++)
		if (!check_chunk(idx, chunk, &idle, &released))
			return false;
	return idle == idx->nr_idle && released == idx->nr_released && check_sums(idx) &&
	       check_hints(idx);
}
