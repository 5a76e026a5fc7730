/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: the state bits of 64 pages, and runs of pages in the bits of one
 * chunk. Only pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_BITS_H
#define SPANALLOC_PAGEINDEX_BITS_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "index/pageindex.h"

#define CHUNK_PAGES	PAGEINDEX_CHUNK_PAGES
#define CHUNK_SHIFT	PAGEINDEX_CHUNK_SHIFT

/* === Words ============================================================== */

static inline u64 word_free(const struct pageindex_word *word)
{
	return ~(word->hi & word->lo);
}

static inline u64 word_idle(const struct pageindex_word *word)
{
	return word->hi ^ word->lo;
}

static inline u64 word_old(const struct pageindex_word *word)
{
	return ~word->hi & word->lo;
}

static inline u64 word_released(const struct pageindex_word *word)
{
	return ~(word->hi | word->lo);
}

/* The bits of word @w that pages @from..@to - 1 of a chunk occupy. */
static inline u64 word_mask(unsigned int w, unsigned int from, unsigned int to)
{
	u64 mask = ~0ULL;

	if (w == from / 64)
		mask &= ~0ULL << from % 64;
	if (w == (to - 1) / 64)
		mask &= ~0ULL >> (63 - (to - 1) % 64);
	return mask;
}

/* Bits that begin a run of at least @n set bits of @bits; 0 < @n <= 64. */
static inline u64 run_starts(u64 bits, unsigned int n)
{
	unsigned int have = 1;

	while (have < n && bits) {
		unsigned int step = min(have, n - have);

		bits &= bits >> step;
		have += step;
	}
	return bits;
}

/* Zero bits above the highest set bit of @bits, which is not 0. */
static inline unsigned int leading_zeros(u64 bits)
{
	return 63 - __fls(bits);
}

/* === Runs in a chunk ==================================================== */

/* Length of the free run at the start of a chunk. */
static inline unsigned int chunk_run_at_start(const struct pageindex_word *word)
{
	unsigned int w;

	for (w = 0; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 used = ~word_free(&word[w]);

		if (used)
			return w * 64 + __ffs64(used);
	}
	return CHUNK_PAGES;
}

/* Length of the free run that ends just before page @to of a chunk. */
static inline unsigned int chunk_run_before(const struct pageindex_word *word, unsigned int to)
{
	unsigned int w;

	for (w = to; w > 0; w = round_down(w - 1, 64)) {
		u64 used = ~word_free(&word[(w - 1) / 64]) << (63 - (w - 1) % 64);

		if (used)
			return to - w + leading_zeros(used);
	}
	return to;
}

/* Length of the free run that begins at page @from of a chunk. */
static inline unsigned int chunk_run_after(const struct pageindex_word *word, unsigned int from)
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
 * Offset of the lowest run of @n free pages, or idle pages if @idle, that starts at page
 * @from of a chunk or later. Without such a run, returns -1 and sets *@tail to the length of
 * the run at the chunk's end. The time does not depend on the number of runs.
 */
static __always_inline int chunk_find(const struct pageindex_word *word, bool idle,
				      unsigned long n, unsigned int from, unsigned int *tail)
{
	unsigned int run = 0;
	unsigned int w;

	for (w = from / 64; w < PAGEINDEX_CHUNK_WORDS; w++) {
		u64 bits = idle ? word_idle(&word[w]) : word_free(&word[w]);
		u64 starts;

		if (w == from / 64)
			bits &= ~0ULL << from % 64;
		if (!bits) {
			run = 0;
			continue;
		}
		if (bits == ~0ULL) {
			run += 64;
			if (run >= n)
				return (w + 1) * 64 - run;
			continue;
		}
		if (run + __ffs64(~bits) >= n)
			return w * 64 - run;
		if (n <= 64) {
			starts = run_starts(bits, n);
			if (starts)
				return w * 64 + __ffs64(starts);
		}
		run = leading_zeros(~bits);
	}
	*tail = run;
	return -1;
}

#endif /* SPANALLOC_PAGEINDEX_BITS_H */
