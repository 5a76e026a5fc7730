/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the page index: summaries of free runs, and the tree that they form. See
 * pageindex_tree.c. Only pageindex*.c may include this.
 */
#ifndef SPANALLOC_PAGEINDEX_TREE_H
#define SPANALLOC_PAGEINDEX_TREE_H

#include <linux/prefetch.h>

#include "index/pageindex_bits.h"

/*
 * A summary holds three lengths of SUM_BITS bits each: the start's in the lowest bits, then
 * the longest run's, then the end's. SUM_WALL is the highest bit.
 */
#define SUM_BITS	21
#define SUM_MAX_RUN	((1ULL << SUM_BITS) - 1)
#define SUM_WALL	(1ULL << 63)

/* Summary of a chunk that is wholly free. */
#define SUM_FREE_CHUNK	(CHUNK_PAGES | CHUNK_PAGES << SUM_BITS | CHUNK_PAGES << 2 * SUM_BITS)

/* In pageindex_meta::unbacked_from: the chunk has never grown. */
#define NEVER_GROWN	((u16)~0U)

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
	struct pageindex_block **block = idx->block;

	if (level == 0)
		return &block[i >> PAGEINDEX_BLOCK_SHIFT]->chunk_sum[i % PAGEINDEX_BLOCK_CHUNKS];
	if (level == 1)
		return &block[i >> 2]->group_sum[i & 3];
	return &idx->sum[level - 2][i];
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

/* Does @chunk exist and continue the address space of the chunk before it? */
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

static inline bool chunk_is_fenced(const struct pageindex *idx, unsigned long chunk)
{
	return pageindex_is_fenced(idx, chunk << CHUNK_SHIFT, CHUNK_PAGES);
}

static inline bool chunk_is_stale(const struct pageindex *idx, unsigned long chunk)
{
	return idx->stale[chunk % PAGEINDEX_NR_STALE] == chunk + 1;
}

/* Does an entry of stale[] hold one of chunks @first..@last? */
static inline bool stale_is_in(u32 entry, unsigned long first, unsigned long last)
{
	return entry > first && entry <= last + 1;
}

u64 pageindex_sum_merge(const u64 *child, unsigned int n, unsigned int shift);
void pageindex_sum_update(struct pageindex *idx, unsigned long first, unsigned long last);
u64 pageindex_chunk_summary(const struct pageindex_word *word);

void pageindex_mark_stale(struct pageindex *idx, unsigned long chunk);
unsigned int pageindex_tree_sync(struct pageindex *idx, unsigned long first, unsigned long last,
				 unsigned int max);
void pageindex_tree_taken(struct pageindex *idx, unsigned long page, unsigned long npages);
void pageindex_tree_freed(struct pageindex *idx, unsigned long page, unsigned long npages);
void pageindex_tree_freed_runs(struct pageindex *idx, const struct pageindex_run *runs,
			       unsigned int nr);

#endif /* SPANALLOC_PAGEINDEX_TREE_H */
