/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page index: which pages of a heap are free, and what is behind them.
 *
 * The index numbers pages from 0 in the order in which address space was added
 * to the heap and answers one question fast: where is the lowest run of at
 * least n free pages? It knows nothing of addresses, locks or memory; its
 * caller serialises all calls, supplies the memory it lives in and does what
 * the answers imply. The same source is built into the module and, for tests
 * and measurements, into programs.
 *
 * Every page is in one of four states, two bits each:
 *
 *	hi lo
 *	 1  1	in use, or never grown
 *	 1  0	idle, freed since the last pass (young)
 *	 0  1	idle, freed before the last pass (old)
 *	 0  0	released: free, with no physical page behind it
 *
 *	released --alloc--> in use --free--> young --age--> old
 *	    ^                 | ^              |             |
 *	    +----release------+ +--alloc,take--+-------------+
 *
 * A page is free unless both bits are set, so the words that first fit searches
 * are one AND away from the stored ones.
 */
#ifndef SPANALLOC_PAGEINDEX_H
#define SPANALLOC_PAGEINDEX_H

#include <linux/compiler.h>
#include <linux/prefetch.h>
#include <linux/types.h>

#define PAGEINDEX_CHUNK_SHIFT	9
#define PAGEINDEX_CHUNK_PAGES	(1UL << PAGEINDEX_CHUNK_SHIFT)
#define PAGEINDEX_CHUNK_WORDS	(PAGEINDEX_CHUNK_PAGES / 64)
#define PAGEINDEX_BLOCK_SHIFT	5
#define PAGEINDEX_BLOCK_CHUNKS	(1UL << PAGEINDEX_BLOCK_SHIFT)
#define PAGEINDEX_BLOCK_PAGES	(PAGEINDEX_BLOCK_CHUNKS << PAGEINDEX_CHUNK_SHIFT)

/*
 * One block less than 2^32 pages, which are 16 TiB of 4 KiB pages: a hint is a u32, and a
 * failed search sets hints to the number of pages in all blocks.
 */
#define PAGEINDEX_MAX_BLOCKS \
	((1UL << (32 - PAGEINDEX_CHUNK_SHIFT - PAGEINDEX_BLOCK_SHIFT)) - 1)

/* Levels of summaries kept in the table, above the two kept in each block. */
#define PAGEINDEX_TABLE_LEVELS	7
/* Size classes of the search hints: four to an octave from 1 to 512 pages. */
#define PAGEINDEX_NR_HINTS	32
/* Chunks whose summary may promise too much at any moment. */
#define PAGEINDEX_NR_STALE	8

/* Most pages of a long run that are taken or given back in one hold of the caller's lock. */
#define PAGEINDEX_PIECE_PAGES	(4 * PAGEINDEX_CHUNK_PAGES)

/* In pageindex_meta::tag: memory of more than one source. */
#define PAGEINDEX_TAG_MIXED	0xffffU

/**
 * struct pageindex_word - states of 64 pages
 * @hi: first state bit of each page
 * @lo: second state bit of each page
 */
struct pageindex_word {
	u64 hi;
	u64 lo;
};

/**
 * struct pageindex_meta - what a chunk's bits cannot tell
 * @idle: idle pages in the chunk
 * @fresh: pages from this one on have never been backed
 * @zero_from: idle pages from this one on hold nothing but zeros
 * @tag: where the memory behind the chunk's pages is from; 0 while there is none
 * @due: a bit for each word in which the last pageindex_age() made no page old
 * @epoch: the index's when the counts below were last brought up to date
 * @claimed: pages allocated in that epoch, and in the one before
 * @released: pages released in that epoch, and in the one before, less the pages
 *	that have been counted as refaulted
 *
 * The counts stop at 65535.
 */
struct pageindex_meta {
	u16 idle;
	u16 unbacked_from;
	u16 zero_from;
	u16 tag;
	u8 due;
	u32 epoch;
	u16 alloc_count[2];
	u16 release_count[2];
};

/**
 * struct pageindex_block - the index's share of one arena
 * @word: page states
 * @leaf: summary of each chunk
 * @group: summary of each eight chunks
 * @meta: what else is known of each chunk
 */
struct pageindex_block {
	struct pageindex_word word[PAGEINDEX_BLOCK_CHUNKS][PAGEINDEX_CHUNK_WORDS];
	u64 leaf[PAGEINDEX_BLOCK_CHUNKS];
	u64 group[PAGEINDEX_BLOCK_CHUNKS / 8];
	struct pageindex_meta meta[PAGEINDEX_BLOCK_CHUNKS];
};

/**
 * struct pageindex - all pages of a heap
 * @nr_pages: pages grown: in use plus idle plus released
 * @nr_idle: idle pages
 * @nr_released: released pages
 * @max_backed: how many pages may be in use or idle; %ULONG_MAX at first
 * @nr_blocks: blocks added
 * @max_blocks: blocks the table has room for
 * @top: level of the summary that covers everything
 * @epoch: passes begun; wraps around
 * @block: the blocks
 * @sum: summaries of blocks, of eight blocks, and so on
 * @idle_map: a bit for each block that has idle pages
 * @idle_of: idle pages of chunks with each tag from 1 on, and, at 0, with
 *	%PAGEINDEX_TAG_MIXED; NULL if they are not counted
 * @fence_start: first page of a long run that is being taken
 * @fence_end: first page after it; 0 if there is none
 * @stop_at_stale: a search ends, without an answer, at the first stale summary that promised
 *	more than there is
 * @hit_stale: the last search has ended in this way
 * @stale_first: first of the chunks whose summaries promised too much
 * @stale_last: last of these chunks
 * @stale: chunks (plus one) whose summary may promise more than there is
 * @hint: for each size class, a page below which no free run of that size starts
 */
struct pageindex {
	unsigned long nr_pages;
	unsigned long nr_idle;
	unsigned long nr_released;
	unsigned long max_backed;
	unsigned long nr_blocks;
	unsigned long max_blocks;
	unsigned int top;
	u32 epoch;
	struct pageindex_block **block;
	u64 *sum[PAGEINDEX_TABLE_LEVELS];
	u64 *idle_map;
	unsigned long *idle_of;
	unsigned long fence_start;
	unsigned long fence_end;
	bool stop_at_stale;
	bool hit_stale;
	unsigned long stale_first;
	unsigned long stale_last;
	u32 stale[PAGEINDEX_NR_STALE];
	u32 hint[PAGEINDEX_NR_HINTS];
};

/**
 * struct pageindex_claim - a run of pages that has just been taken
 * @page: first page
 * @released: pages of the run that have nothing behind them
 * @fresh: how many of @released were never backed
 * @clean: idle pages from this offset into the run on are known to be zero
 * @refault: how many of @released replace pages that were released from the same chunks
 *	in this epoch or the one before; each released page is counted once
 * @excess: after a failed allocation, by how many pages the run would exceed
 *	@max_backed of the index; 0 if there is no run
 */
struct pageindex_claim {
	unsigned long page;
	unsigned long released;
	unsigned long fresh;
	unsigned long clean;
	unsigned long refault;
	unsigned long excess;
};

/**
 * struct pageindex_run - a run of pages
 * @page: first page
 * @npages: length
 */
struct pageindex_run {
	unsigned long page;
	unsigned long npages;
};

/**
 * enum pageindex_age - which idle pages are meant
 * @PAGEINDEX_OLD: pages freed before the last pass
 * @PAGEINDEX_DUE: old pages in words of 64 pages of which none became old at the last
 *	pass; they were freed before the pass before the last one
 * @PAGEINDEX_ANY: all idle pages
 */
enum pageindex_age {
	PAGEINDEX_OLD,
	PAGEINDEX_DUE,
	PAGEINDEX_ANY
};

/* For pageindex_free(): the pages hold zeros; they have been idle for a while. */
#define PAGEINDEX_FREE_CLEAN	1U
#define PAGEINDEX_FREE_OLD	2U

/**
 * pageindex_prefetch() - fetch what giving back a page is going to change
 * @idx: the index
 * @block: the block that the page lies in
 * @page: the page
 *
 * Needs no lock: it is called before the caller takes its lock, so that cache misses do not
 * lengthen the hold. The table of sums may be replaced at the same time; to prefetch from
 * the old table does no harm.
 */
static inline void pageindex_prefetch(const struct pageindex *idx, struct pageindex_block *block,
				      unsigned long page)
{
	unsigned long chunk = (page >> PAGEINDEX_CHUNK_SHIFT) % PAGEINDEX_BLOCK_CHUNKS;
	unsigned long nr = page / PAGEINDEX_BLOCK_PAGES;

	prefetchw(&block->word[chunk][0]);
	prefetchw(&block->word[chunk][PAGEINDEX_CHUNK_WORDS / 2]);
	prefetchw(&block->meta[chunk]);
	prefetchw(&block->leaf[chunk]);
	prefetchw(&block->group[chunk / 8]);
	prefetchw(READ_ONCE(idx->sum[0]) + nr);
	prefetchw(READ_ONCE(idx->sum[1]) + nr / 8);
	prefetchw(READ_ONCE(idx->sum[2]) + nr / 64);
}

void pageindex_init(struct pageindex *idx);
size_t pageindex_table_bytes(unsigned long max_blocks);
void *pageindex_set_table(struct pageindex *idx, void *table, unsigned long max_blocks);
void pageindex_block_init(struct pageindex_block *block, bool adjoining);
unsigned long pageindex_add_block(struct pageindex *idx, struct pageindex_block *block);
void pageindex_grow(struct pageindex *idx, unsigned long chunk, unsigned long nchunks);

bool pageindex_alloc(struct pageindex *idx, unsigned long npages,
		     struct pageindex_claim *claim);
bool pageindex_alloc_aligned(struct pageindex *idx, unsigned long npages, unsigned long align,
			     struct pageindex_claim *claim);
bool pageindex_sync_stale(struct pageindex *idx);
bool pageindex_fence(struct pageindex *idx, unsigned long npages, unsigned long align,
		     unsigned long *page);
void pageindex_unfence(struct pageindex *idx);
unsigned long pageindex_claim_piece(struct pageindex *idx, unsigned long page,
				    unsigned long npages, struct pageindex_claim *claim);
unsigned long pageindex_count_released(const struct pageindex *idx, unsigned long page,
				       unsigned long npages);
bool pageindex_alloc_idle(struct pageindex *idx, unsigned long npages, unsigned int tag,
			  struct pageindex_claim *taken);
bool pageindex_has_idle(const struct pageindex *idx, unsigned long npages);
unsigned int pageindex_take_more(struct pageindex *idx, unsigned long end,
				 unsigned long npages, unsigned int max, unsigned long *pages);
void pageindex_free(struct pageindex *idx, unsigned long page, unsigned long npages,
		    unsigned int flags);
void pageindex_free_runs(struct pageindex *idx, const struct pageindex_run *runs,
			 unsigned int nr, unsigned int flags);
void pageindex_release(struct pageindex *idx, unsigned long page, unsigned long npages);
void pageindex_release_runs(struct pageindex *idx, const struct pageindex_run *runs,
			    unsigned int nr);
void pageindex_unback(struct pageindex *idx, unsigned long page, unsigned long npages);

void pageindex_set_tag(struct pageindex *idx, unsigned long page, unsigned long npages,
		       unsigned int tag);
unsigned int pageindex_tag(const struct pageindex *idx, unsigned long page,
			   unsigned long npages);

unsigned long pageindex_idle_of(const struct pageindex *idx, unsigned int tag);

void pageindex_next_epoch(struct pageindex *idx);
unsigned int pageindex_recent(const struct pageindex *idx, unsigned long chunk);
bool pageindex_prev_idle(struct pageindex *idx, unsigned long *chunk, unsigned int *steps);
unsigned int pageindex_take_idle(struct pageindex *idx, unsigned long chunk,
				 enum pageindex_age age, unsigned long max_pages,
				 struct pageindex_run *runs, unsigned int max_runs);
unsigned int pageindex_take_released(struct pageindex *idx, unsigned long chunk,
				     unsigned long max_pages, struct pageindex_run *runs,
				     unsigned int max_runs, unsigned long *fresh);
unsigned int pageindex_age(struct pageindex *idx, unsigned long chunk);

unsigned int pageindex_used(const struct pageindex *idx, unsigned long chunk);
bool pageindex_next_used(const struct pageindex *idx, unsigned long *page,
			 unsigned int *steps);
bool pageindex_check(const struct pageindex *idx);

#endif /* SPANALLOC_PAGEINDEX_H */
