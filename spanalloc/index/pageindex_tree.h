/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: what its files share. Nothing else includes this.
 */
#ifndef SPANALLOC_PAGEINDEX_TREE_H
#define SPANALLOC_PAGEINDEX_TREE_H

#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "index/pageindex.h"

#define SUM_BITS	21
#define SUM_MAX_RUN	((1ULL << SUM_BITS) - 1)
#define SUM_WALL	(1ULL << 63)

#define CHUNK_PAGES	PAGEINDEX_CHUNK_PAGES
#define CHUNK_SHIFT	PAGEINDEX_CHUNK_SHIFT

/* In pageindex_meta::unbacked_from: the chunk is not part of the heap yet. */
#define NEVER_GROWN	((u16)~0U)

/* Free pages of one sort. */
enum page_sort {
	PAGES_OLD,
	PAGES_IDLE,
	PAGES_RELEASED
};

static inline u64 sum_pack(u64 start, u64 max, u64 end)
{
	return min(start, SUM_MAX_RUN) | min(max, SUM_MAX_RUN) << SUM_BITS |
	       min(end, SUM_MAX_RUN) << 2 * SUM_BITS;
}

static inline u64 sum_start(u64 sum)
{
	return sum & SUM_MAX_RUN;
}

static inline u64 sum_max(u64 sum)
{
	return sum >> SUM_BITS & SUM_MAX_RUN;
}

static inline u64 sum_end(u64 sum)
{
	return sum >> 2 * SUM_BITS & SUM_MAX_RUN;
}

/* log2 of the pages that one summary of @level covers. */
static inline unsigned int level_shift(unsigned int level)
{
	if (level < 2)
		return CHUNK_SHIFT + 3 * level;
	return CHUNK_SHIFT + PAGEINDEX_BLOCK_SHIFT + 3 * (level - 2);
}

/* log2 of the children that a summary of @level + 1 has. */
static inline unsigned int fan_shift(unsigned int level)
{
	return level == 1 ? 2 : 3;
}

static inline u64 *sum_at(const struct pageindex *idx, unsigned int level, unsigned long i)
{
	if (level == 0)
		return &idx->block[i >> PAGEINDEX_BLOCK_SHIFT]->leaf[i % PAGEINDEX_BLOCK_CHUNKS];
	if (level == 1)
		return &idx->block[i >> 2]->group[i & 3];
	return &idx->sum[level - 2][i];
}

static inline struct pageindex_block *chunk_block(const struct pageindex *idx,
						  unsigned long chunk)
{
	return idx->block[chunk >> PAGEINDEX_BLOCK_SHIFT];
}

static inline struct pageindex_word *chunk_words(const struct pageindex *idx, unsigned long chunk)
{
	return chunk_block(idx, chunk)->word[chunk % PAGEINDEX_BLOCK_CHUNKS];
}

static inline struct pageindex_meta *chunk_meta(const struct pageindex *idx, unsigned long chunk)
{
	return &chunk_block(idx, chunk)->meta[chunk % PAGEINDEX_BLOCK_CHUNKS];
}

static inline unsigned long nr_chunks(const struct pageindex *idx)
{
	return idx->nr_blocks << PAGEINDEX_BLOCK_SHIFT;
}

/* Does @chunk exist and continue the address space of the one before it? */
static inline bool chunk_joins(const struct pageindex *idx, unsigned long chunk)
{
	return chunk && chunk < nr_chunks(idx) && !(*sum_at(idx, 0, chunk) & SUM_WALL);
}

/* Is one of these pages behind the fence? */
static inline bool pageindex_is_fenced(const struct pageindex *idx, unsigned long page,
				       unsigned long npages)
{
	return unlikely(idx->fence_end) && page < idx->fence_end &&
	       page + npages > idx->fence_start;
}

static inline u64 word_free(const struct pageindex_word *word)
{
	return ~(word->hi & word->lo);
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

u64 pageindex_sum_merge(const u64 *child, unsigned int n, unsigned int shift);
void pageindex_sum_update(struct pageindex *idx, unsigned long first, unsigned long last);
u64 pageindex_chunk_summary(const struct pageindex_word *word);
unsigned int pageindex_run_after(const struct pageindex_word *word, unsigned int from);

unsigned long pageindex_run_length(const struct pageindex *idx, unsigned long page,
				   unsigned long n);
unsigned long pageindex_hint_size(unsigned int hint);
void pageindex_mark_stale(struct pageindex *idx, unsigned long chunk);
void pageindex_tree_taken(struct pageindex *idx, unsigned long page, unsigned long npages);
void pageindex_tree_freed(struct pageindex *idx, unsigned long page, unsigned long npages);
void pageindex_tree_freed_runs(struct pageindex *idx, const struct pageindex_run *runs,
			  unsigned int nr);
bool pageindex_find_first(struct pageindex *idx, unsigned long n, unsigned long *found);
bool pageindex_find_from(struct pageindex *idx, unsigned long n, unsigned long from,
			 unsigned long *found);

bool pageindex_find_idle(const struct pageindex *idx, unsigned long chunk, unsigned long npages,
			 unsigned int from, unsigned long *found);
unsigned int pageindex_next_run(const struct pageindex_word *word, enum page_sort sort,
				unsigned int *from);

#endif /* SPANALLOC_PAGEINDEX_TREE_H */
