/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: a naive page index, whose answers a page index must give.
 *
 * It has one byte per page and linear scans, and no summaries, hints or bit
 * tricks, so that it does not share defects with the index. A count of free
 * pages per chunk lets scans step over chunks that are in use or free.
 */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include "index/pageindex.h"

#define MODEL_NONE	(~0UL)

enum model_state {
	MODEL_NEVER,		/* not grown */
	MODEL_USED,
	MODEL_YOUNG,
	MODEL_OLD,
	MODEL_RELEASED,
};

/* Bits of a page's byte: its state, and flags. */
#define MODEL_STATE	0x07
#define MODEL_TOUCHED	0x08	/* was in use at some time */
#define MODEL_BACKED	0x10	/* was in use and backed at some time */
#define MODEL_DIRTY	0x20	/* idle, and may hold data */

/**
 * struct model_chunk - history of a chunk
 * @due: for each 64 pages, whether none of them became old when the chunk last aged
 * @sources: bit n is set if memory with tag n was added since the chunk last had no memory
 * @nr_epochs: epochs that @claimed and @released have room for
 * @claimed: for each epoch, number of pages allocated
 * @released: for each epoch, number of pages released and not yet refaulted
 */
struct model_chunk {
	bool due[PAGEINDEX_CHUNK_WORDS];
	u32 sources;
	unsigned long nr_epochs;
	u32 *claimed;
	u32 *released;
};

/**
 * struct model - all pages of a heap
 * @page: a byte for each page
 * @free: for each chunk, how many of its pages are free
 * @chunk: for each chunk, its history
 * @wall: for each block, whether runs may not cross into it
 * @nr_blocks: blocks
 * @nr_pages: pages grown
 * @epoch: the current epoch, from 0
 * @count: number of pages in each state
 * @fence_start: first page behind the fence
 * @fence_end: first page after the fence; 0 if there is no fence
 */
struct model {
	u8 *page;
	u16 *free;
	struct model_chunk *chunk;
	bool *wall;
	unsigned long nr_blocks;
	unsigned long nr_pages;
	unsigned long epoch;
	unsigned long count[MODEL_RELEASED + 1];
	unsigned long fence_start;
	unsigned long fence_end;
};

void model_init(struct model *model);
void model_destroy(struct model *model);
void model_add_block(struct model *model, bool adjoining);
void model_grow(struct model *model, unsigned long chunk, unsigned long nchunks);
void model_set(struct model *model, unsigned long page, unsigned long npages,
	       enum model_state state, bool dirty);
void model_unback(struct model *model, unsigned long page, unsigned long npages);

/* The index's count of an epoch saturates here. */
#define MODEL_MOST	65535

/* Before an allocation, whose refaulted pages are returned; after a release. */
unsigned long model_note_claim(struct model *model, unsigned long page, unsigned long npages);
void model_note_release(struct model *model, unsigned long page, unsigned long npages);
unsigned int model_recent(const struct model *model, unsigned long chunk);

void model_set_tag(struct model *model, unsigned long page, unsigned long npages,
		   unsigned int tag);
unsigned int model_tag(const struct model *model, unsigned long chunk);

bool model_is(const struct model *model, unsigned long page, unsigned long npages,
	      enum model_state state);
bool model_run_free(const struct model *model, unsigned long page, unsigned long npages);
unsigned long model_find(const struct model *model, unsigned long npages);
unsigned long model_idle_of(const struct model *model, unsigned int tag);
unsigned long model_find_idle(const struct model *model, unsigned long chunk,
			      unsigned long npages);
unsigned long model_find_idle_from(const struct model *model, unsigned long page,
				   unsigned long npages);
unsigned long model_next_used(const struct model *model, unsigned long page);
unsigned long model_prev_idle_chunk(const struct model *model, unsigned long chunk);
unsigned long model_count(const struct model *model, unsigned long page, unsigned long npages,
			  enum model_state state);
unsigned long model_count_unbacked(const struct model *model, unsigned long page,
				   unsigned long npages);

static inline unsigned long model_span(const struct model *model)
{
	return model->nr_blocks << (PAGEINDEX_BLOCK_SHIFT + PAGEINDEX_CHUNK_SHIFT);
}

static inline enum model_state model_state(const struct model *model, unsigned long page)
{
	return (enum model_state)(model->page[page] & MODEL_STATE);
}

static inline bool model_is_fenced(const struct model *model, unsigned long page,
				   unsigned long npages)
{
	return page < model->fence_end && page + npages > model->fence_start;
}

static inline bool model_is_idle(enum model_state state)
{
	return state == MODEL_YOUNG || state == MODEL_OLD;
}

static inline bool model_is_free(enum model_state state)
{
	return model_is_idle(state) || state == MODEL_RELEASED;
}

static inline unsigned long model_nr_idle(const struct model *model)
{
	return model->count[MODEL_YOUNG] + model->count[MODEL_OLD];
}

static inline unsigned long model_nr_backed(const struct model *model)
{
	return model_nr_idle(model) + model->count[MODEL_USED];
}

#endif /* HOST_MODEL_H */
