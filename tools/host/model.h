/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model: what a page index should answer, found the plain way.
 *
 * One byte per page and linear scans; no summaries, hints or bit tricks, so
 * that the two have nothing in common that could be wrong in both. A count of
 * free pages per chunk only lets the scans step over what cannot matter.
 */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include "../../spanalloc/pageindex.h"

#define MODEL_NONE	(~0UL)

enum model_state {
	MODEL_NEVER,		/* not grown */
	MODEL_USED,
	MODEL_YOUNG,
	MODEL_OLD,
	MODEL_RELEASED,
};

/* What a page's byte says besides its state. */
#define MODEL_STATE	0x07
#define MODEL_TOUCHED	0x08	/* has been in use at some time */
#define MODEL_BACKED	0x10	/* and has been backed at some time */
#define MODEL_DIRTY	0x20	/* idle, and may hold something */

/**
 * struct model - all pages of a heap
 * @page: a byte for each page
 * @free: for each chunk, how many of its pages are free
 * @wall: for each block, whether runs may not cross into it
 * @nr_blocks: blocks
 * @nr_pages: pages grown
 * @count: how many pages are in each state
 */
struct model {
	u8 *page;
	u16 *free;
	bool *wall;
	unsigned long nr_blocks;
	unsigned long nr_pages;
	unsigned long count[MODEL_RELEASED + 1];
};

void model_init(struct model *model);
void model_destroy(struct model *model);
void model_add_block(struct model *model, bool adjoining);
void model_grow(struct model *model, unsigned long chunk, unsigned long nchunks);
void model_set(struct model *model, unsigned long page, unsigned long npages,
	       enum model_state state, bool dirty);
void model_unback(struct model *model, unsigned long page, unsigned long npages);

bool model_is(const struct model *model, unsigned long page, unsigned long npages,
	      enum model_state state);
bool model_run_free(const struct model *model, unsigned long page, unsigned long npages);
unsigned long model_find(const struct model *model, unsigned long npages);
unsigned long model_find_idle(const struct model *model, unsigned long chunk,
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
