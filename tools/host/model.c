// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/string.h>

#include "memory.h"
#include "model.h"

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

void model_destroy(struct model *model)
{
	free(model->page);
	free(model->free);
	free(model->wall);
	model_init(model);
}

void model_add_block(struct model *model, bool adjoining)
{
	unsigned long pages = model_span(model);
	unsigned long chunks = pages >> PAGEINDEX_CHUNK_SHIFT;

	model->page = memory_enlarge(model->page, pages + PAGEINDEX_BLOCK_PAGES);
	model->free = memory_enlarge(model->free, (chunks + PAGEINDEX_BLOCK_CHUNKS) * sizeof(u16));
	model->wall = memory_enlarge(model->wall, model->nr_blocks + 1);
	memset(model->page + pages, MODEL_NEVER, PAGEINDEX_BLOCK_PAGES);
	memset(model->free + chunks, 0, PAGEINDEX_BLOCK_CHUNKS * sizeof(u16));
	model->wall[model->nr_blocks++] = !adjoining;
	model->count[MODEL_NEVER] += PAGEINDEX_BLOCK_PAGES;
}

void model_grow(struct model *model, unsigned long chunk, unsigned long nchunks)
{
	unsigned long npages = nchunks << PAGEINDEX_CHUNK_SHIFT;
	unsigned long i;

	memset(model->page + (chunk << PAGEINDEX_CHUNK_SHIFT), MODEL_RELEASED, npages);
	for (i = chunk; i < chunk + nchunks; i++)
		model->free[i] = PAGEINDEX_CHUNK_PAGES;
	model->nr_pages += npages;
	model->count[MODEL_NEVER] -= npages;
	model->count[MODEL_RELEASED] += npages;
}

void model_set(struct model *model, unsigned long page, unsigned long npages,
	       enum model_state state, bool dirty)
{
	unsigned long i;

	for (i = page; i < page + npages; i++) {
		enum model_state was = model_state(model, i);
		u8 keep = model->page[i] & MODEL_TOUCHED;

		model->count[was]--;
		model->free[i >> PAGEINDEX_CHUNK_SHIFT] += model_is_free(state) -
							   model_is_free(was);
		if (state == MODEL_USED)
			keep = MODEL_TOUCHED;
		model->page[i] = state | keep | (dirty ? MODEL_DIRTY : 0);
	}
	model->count[state] += npages;
}

bool model_is(const struct model *model, unsigned long page, unsigned long npages,
	      enum model_state state)
{
	return model_count(model, page, npages, state) == npages;
}

/* Is there a wall between @page - 1 and @page? */
static bool walled(const struct model *model, unsigned long page)
{
	return page % PAGEINDEX_BLOCK_PAGES == 0 && model->wall[page / PAGEINDEX_BLOCK_PAGES];
}

bool model_run_free(const struct model *model, unsigned long page, unsigned long npages)
{
	unsigned long i;

	if (page >= model_span(model) || npages > model_span(model) - page)
		return false;
	for (i = page; i < page + npages; i++) {
		if (!model_is_free(model_state(model, i)))
			return false;
		if (i > page && walled(model, i))
			return false;
	}
	return true;
}

/* How many pages a scan for a run may step over at page @i, all alike. */
static unsigned long step_over(const struct model *model, unsigned long i)
{
	unsigned int free;

	if (i % PAGEINDEX_CHUNK_PAGES)
		return 0;
	free = model->free[i / PAGEINDEX_CHUNK_PAGES];
	return free && free < PAGEINDEX_CHUNK_PAGES ? 0 : PAGEINDEX_CHUNK_PAGES;
}

unsigned long model_find(const struct model *model, unsigned long npages)
{
	unsigned long run = 0;
	unsigned long i = 0;

	while (i < model_span(model)) {
		unsigned long step = step_over(model, i) ?: 1;

		if (walled(model, i))
			run = 0;
		run = model_is_free(model_state(model, i)) ? run + step : 0;
		i += step;
		if (run >= npages)
			return i - run;
	}
	return MODEL_NONE;
}

unsigned long model_next_used(const struct model *model, unsigned long page)
{
	for (; page < model_span(model); page++)
		if (model_state(model, page) == MODEL_USED)
			return page;
	return MODEL_NONE;
}

/* The highest chunk below @chunk that has idle pages. */
unsigned long model_prev_idle_chunk(const struct model *model, unsigned long chunk)
{
	unsigned long page = min(chunk << PAGEINDEX_CHUNK_SHIFT, model_span(model));

	while (page) {
		if (page % PAGEINDEX_CHUNK_PAGES == 0 &&
		    !model->free[(page >> PAGEINDEX_CHUNK_SHIFT) - 1])
			page -= PAGEINDEX_CHUNK_PAGES;
		else if (model_is_idle(model_state(model, --page)))
			return page >> PAGEINDEX_CHUNK_SHIFT;
	}
	return MODEL_NONE;
}

unsigned long model_count(const struct model *model, unsigned long page, unsigned long npages,
			  enum model_state state)
{
	unsigned long found = 0;
	unsigned long i;

	for (i = page; i < page + npages; i++)
		found += model_state(model, i) == state;
	return found;
}

unsigned long model_count_untouched(const struct model *model, unsigned long page,
				    unsigned long npages)
{
	unsigned long found = 0;
	unsigned long i;

	for (i = page; i < page + npages; i++)
		found += !(model->page[i] & MODEL_TOUCHED);
	return found;
}
