/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Steps: calls on one twin, which is compared in full after each of them.
 *
 * Unit tests are written as steps. The twin's own comparison catches differences that
 * a test does not check for. After a difference, steps do nothing.
 */
#ifndef HOST_STEPS_H
#define HOST_STEPS_H

#include "twin.h"

#define CHUNK		PAGEINDEX_CHUNK_PAGES
#define BLOCK		PAGEINDEX_BLOCK_PAGES
#define BLOCK_CHUNKS	PAGEINDEX_BLOCK_CHUNKS
#define NONE		TWIN_NONE

/**
 * struct step_case - a unit test
 * @name: the property that it checks
 * @run: checks the property; on failure prints the reason and returns false
 * @arg: argument of @run
 */
struct step_case {
	const char *name;
	bool (*run)(unsigned long arg);
	unsigned long arg;
};

extern const struct step_case run_cases[];
extern const unsigned int nr_run_cases;
extern const struct step_case backing_cases[];
extern const unsigned int nr_backing_cases;
extern const struct step_case reserve_cases[];
extern const unsigned int nr_reserve_cases;
extern const struct step_case batch_cases[];
extern const unsigned int nr_batch_cases;
extern const struct step_case recent_cases[];
extern const unsigned int nr_recent_cases;

extern struct twin steps;

void add_blocks(unsigned long nblocks, bool adjoining);
void grow(unsigned long chunk, unsigned long nchunks);

/* Add enough adjoining blocks for @nchunks chunks, and grow these chunks. */
void add_chunks(unsigned long nchunks);

unsigned long alloc(unsigned long npages);
unsigned long alloc_aligned(unsigned long npages, unsigned long align);
unsigned long alloc_idle(unsigned long npages);
unsigned long alloc_tagged(unsigned long npages, unsigned int tag);
unsigned int alloc_batch(unsigned long npages, unsigned int max, unsigned long *pages);
void put(unsigned long page, unsigned long npages);
void put_clean(unsigned long page, unsigned long npages);
void put_old(unsigned long page, unsigned long npages);
void put_runs(const struct pageindex_run *runs, unsigned int nr);
void release(unsigned long page, unsigned long npages);
void release_runs(const struct pageindex_run *runs, unsigned int nr);

/* Release fresh pages that never got backing. */
void unback(unsigned long page, unsigned long npages);
unsigned int take(unsigned long chunk, enum pageindex_age age, unsigned long max_pages,
		  struct pageindex_run *runs, unsigned int max_runs);
unsigned int take_released(unsigned long chunk, unsigned long max_pages,
			   struct pageindex_run *runs, unsigned int max_runs,
			   unsigned long *fresh);
void age(unsigned long chunk);
void set_tag(unsigned long page, unsigned long npages, unsigned int tag);
unsigned int tag(unsigned long page, unsigned long npages);
void next_epoch(void);
unsigned long prev_idle(unsigned long chunk);
unsigned long next_used(unsigned long page);
void set_table(unsigned long max_blocks);
void set_limit(unsigned long max_backed);

static inline unsigned long nr_idle(void)
{
	return steps.heap.index.nr_idle;
}

static inline unsigned long nr_released(void)
{
	return steps.heap.index.nr_released;
}

static inline unsigned int recent(unsigned long chunk)
{
	return pageindex_recent(&steps.heap.index, chunk);
}

static inline unsigned int used(unsigned long chunk)
{
	return pageindex_used(&steps.heap.index, chunk);
}

#endif /* HOST_STEPS_H */
