/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page index: which pages of a heap are free, and which free pages are backed.
 *
 * The index numbers pages from 0 in the order in which address space was added to the heap.
 * It finds the lowest run of at least n free pages. It knows no addresses. The same source
 * is built into the module and, for tests and measurements, into programs.
 *
 * The index takes no lock, allocates nothing and never maps or frees a page. The caller
 * serialises all calls except pageindex_prefetch(), pageindex_block_init() and
 * pageindex_table_bytes(), and backs or unmaps the pages that a call returns. No function
 * sleeps.
 *
 * Every page is in one of four states, two bits each:
 *
 *	hi lo
 *	 1  1	in use; a page that has never grown has these bits too
 *	 1  0	idle and young: freed since the chunk's last pageindex_age()
 *	 0  1	idle and old: became old there, or was freed with %PAGEINDEX_FREE_OLD
 *	 0  0	released: free, with no physical page behind it
 *
 *	never grown --grow--> released
 *	released, young, old --alloc, claim, take--> in use
 *	in use --free--> young --age--> old
 *	in use --free with %PAGEINDEX_FREE_OLD--> old
 *	in use --release--> released
 *
 * A page is free unless both bits are set: the free pages of a word are ~(hi & lo).
 *
 * To allocate pages is to take them and to count them as allocated. A pass is one round of
 * the scavenger: it calls pageindex_next_epoch(), releases old pages, and calls
 * pageindex_age() for the chunks that have idle pages.
 */
#ifndef SPANALLOC_PAGEINDEX_H
#define SPANALLOC_PAGEINDEX_H

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
/* Size classes of the search hints: 1, 2 and 3 pages, then four to an octave from 4 to 512. */
#define PAGEINDEX_NR_HINTS	32
/* Most chunks whose summary may be too high at any moment. */
#define PAGEINDEX_NR_STALE	8

/* Most pages of a long run that the caller claims or frees in one hold of its lock. */
#define PAGEINDEX_PIECE_PAGES	(4 * PAGEINDEX_CHUNK_PAGES)

/* In pageindex_meta::tag: no memory, and memory of more than one source. */
#define PAGEINDEX_TAG_NONE	0U
#define PAGEINDEX_TAG_MIXED	0xffffU

/* For pageindex_alloc_idle(): chunks with any tag. */
#define PAGEINDEX_TAG_ANY	0U

/**
 * struct pageindex_word - states of 64 pages
 * @hi: upper state bit of each page
 * @lo: lower state bit of each page
 */
struct pageindex_word {
	u64 hi;
	u64 lo;
};

/**
 * struct pageindex_meta - what a chunk's bits cannot tell
 * @idle: idle pages in the chunk
 * @unbacked_from: pages from this one on have never been backed
 * @zero_from: idle pages from this one on hold only zeros
 * @tag: source of the memory behind the chunk's pages; %PAGEINDEX_TAG_NONE while no page is
 *	backed, or if no source was ever set
 * @due: bit w is set if the last pageindex_age() found no young page in word w
 * @epoch: the index's @epoch when the counts below last changed
 * @alloc_count: pages allocated in @epoch, and in the epoch before
 * @release_count: pages released in @epoch, and in the epoch before, less the pages that have
 *	been counted as refaulted
 *
 * The counts saturate at 65535.
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
 * @chunk_sum: summary of each chunk
 * @group_sum: summary of each eight chunks
 * @meta: what else is known of each chunk
 */
struct pageindex_block {
	struct pageindex_word word[PAGEINDEX_BLOCK_CHUNKS][PAGEINDEX_CHUNK_WORDS];
	u64 chunk_sum[PAGEINDEX_BLOCK_CHUNKS];
	u64 group_sum[PAGEINDEX_BLOCK_CHUNKS / 8];
	struct pageindex_meta meta[PAGEINDEX_BLOCK_CHUNKS];
};

/**
 * struct pageindex - all pages of a heap
 * @nr_pages: pages grown: in use plus idle plus released
 * @nr_idle: idle pages
 * @nr_released: released pages
 * @max_backed: limit of pages in use plus idle, set by the caller; %ULONG_MAX at first.
 *	Checked when free pages are allocated or claimed by piece, not by
 *	pageindex_take_released()
 * @nr_blocks: blocks added
 * @max_blocks: blocks the table has room for
 * @top: level of the summary that covers everything
 * @epoch: number of pageindex_next_epoch() calls; wraps around
 * @block: the blocks
 * @sum: summaries of blocks, of eight blocks, and so on
 * @idle_map: a bit for each block that may have idle pages; set when pages become idle,
 *	cleared by pageindex_prev_idle()
 * @idle_of: array of the caller: idle pages by tag of their chunk; index 0 counts
 *	%PAGEINDEX_TAG_NONE and %PAGEINDEX_TAG_MIXED; NULL if they are not counted
 * @fence_start: first page of a long run that is being taken; 0 without a fence
 * @fence_end: first page after the run; 0 without a fence
 * @stop_at_stale: a search whose candidate run fails its check ends without an answer,
 *	instead of summarising stale chunks and going on
 * @hit_stale: the last search has ended in this way
 * @stale_first: first chunk that the candidate run needed
 * @stale_last: last chunk that the candidate run needed
 * @stale: numbers plus one of chunks whose summary may be too high; 0 in an empty entry
 * @hint: for each size class, a page below which no free run of that size starts
 *
 * A search checks a short candidate run in the bits, and a long one for stale chunks.
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
 * struct pageindex_claim - a run of pages that has just been allocated
 * @page: first page
 * @released: how many pages of the run were released: the caller backs them
 * @fresh: how many of @released lie at or above the chunk's @unbacked_from, and so were never
 *	backed; never-backed pages below it are not counted
 * @clean: pages of the run from this offset on are known to be zero if they were idle
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
 * @PAGEINDEX_OLD: old pages
 * @PAGEINDEX_DUE: old pages in a word of 64 pages in which the chunk's last pageindex_age()
 *	found no young page
 * @PAGEINDEX_ANY: all idle pages
 */
enum pageindex_age {
	PAGEINDEX_OLD,
	PAGEINDEX_DUE,
	PAGEINDEX_ANY
};

/* For pageindex_free(): the pages hold only zeros; the pages become old at once, not young. */
#define PAGEINDEX_FREE_CLEAN	1U
#define PAGEINDEX_FREE_OLD	2U

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
			  struct pageindex_claim *claim);
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
