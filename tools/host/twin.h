/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Twin: a page index and its model, driven together.
 *
 * Every call goes to both, and their answers are compared. The first difference is
 * printed and sets @failed. After that, no call may be made.
 */
#ifndef HOST_TWIN_H
#define HOST_TWIN_H

#include "model.h"
#include "pageheap.h"

#define TWIN_NONE	MODEL_NONE

/* Sources of memory, from 1 on. */
#define TWIN_TAGS	3

/**
 * struct twin - a page index and its model
 * @heap: the index
 * @model: the model
 * @claim: the index's answer to the last successful allocation
 * @excess: pages by which the last failed allocation was above the limit; 0 if it found
 *	no room
 * @steps: calls made
 * @idle_of: the index's counts of idle pages by their source
 * @quiet: the model is still behind the index, and is not compared
 * @failed: the two have differed
 */
struct twin {
	struct pageheap heap;
	struct model model;
	struct pageindex_claim claim;
	unsigned long excess;
	unsigned long steps;
	unsigned long idle_of[TWIN_TAGS + 1];
	bool quiet;
	bool failed;
};

void twin_init(struct twin *twin);
void twin_destroy(struct twin *twin);

void twin_add_block(struct twin *twin, bool adjoining);
void twin_grow(struct twin *twin, unsigned long chunk, unsigned long nchunks);
void twin_set_table(struct twin *twin, unsigned long max_blocks);
void twin_set_limit(struct twin *twin, unsigned long max_backed);

/* These return the first page, or TWIN_NONE if nothing fits. */
unsigned long twin_alloc(struct twin *twin, unsigned long npages);
unsigned long twin_alloc_aligned(struct twin *twin, unsigned long npages, unsigned long align);
unsigned long twin_alloc_idle(struct twin *twin, unsigned long npages, unsigned int tag);

/* Returns the number of runs. @pages has room for @max runs, and for at least one. */
unsigned int twin_alloc_batch(struct twin *twin, unsigned long npages, unsigned int max,
			      unsigned long *pages);

/* A long run is claimed piece by piece. twin_fence() returns its first page, or TWIN_NONE. */
unsigned long twin_fence(struct twin *twin, unsigned long npages, unsigned long align);
void twin_claim_piece(struct twin *twin, unsigned long page, unsigned long npages);
void twin_unfence(struct twin *twin);

void twin_free(struct twin *twin, unsigned long page, unsigned long npages, unsigned int flags);
void twin_release(struct twin *twin, unsigned long page, unsigned long npages);
void twin_free_runs(struct twin *twin, const struct pageindex_run *runs, unsigned int nr,
		    unsigned int flags);
void twin_release_runs(struct twin *twin, const struct pageindex_run *runs, unsigned int nr);
void twin_unback(struct twin *twin, unsigned long page, unsigned long npages);
unsigned int twin_take_idle(struct twin *twin, unsigned long chunk, enum pageindex_age age,
			    unsigned long max_pages, struct pageindex_run *runs,
			    unsigned int max_runs);
unsigned int twin_take_released(struct twin *twin, unsigned long chunk, unsigned long max_pages,
				struct pageindex_run *runs, unsigned int max_runs,
				unsigned long *fresh);
void twin_set_tag(struct twin *twin, unsigned long page, unsigned long npages, unsigned int tag);
unsigned int twin_tag(struct twin *twin, unsigned long page, unsigned long npages);
void twin_next_epoch(struct twin *twin);
void twin_age(struct twin *twin, unsigned long chunk);

/* @steps: budget of each call of the index; the call is repeated until it has an answer. */
bool twin_prev_idle(struct twin *twin, unsigned long *chunk, unsigned int steps);
unsigned long twin_next_used(struct twin *twin, unsigned long page, unsigned int steps);

/* Compare every page, and let the index check itself. */
bool twin_verify(struct twin *twin);

static inline unsigned long twin_nr_chunks(const struct twin *twin)
{
	return pageheap_nr_chunks(&twin->heap);
}

static inline struct pageindex *twin_index(struct twin *twin)
{
	return &twin->heap.index;
}

#endif /* HOST_TWIN_H */
